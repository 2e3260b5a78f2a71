"""What is measured by default and what by --quick: which cells, how long, how often."""

from __future__ import annotations

from dataclasses import dataclass

from bench.drive import Cell
from bench.systems import BARE, OFF
from bench.systems import FULL as EVERYTHING

PAUSE = 10.0  # ms between the tokens of a stream
_LONG_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class Plan:
    """`seconds` is what one cell of whole answers takes, `rounds` how often each is measured; `studied`
    are the rows of the studies. `fans` is how many conversations the persona service has at once, `talking` for how
    many seconds."""

    rounds: int
    study_rounds: int
    seconds: float
    connections: tuple[int, ...]
    streams: tuple[int, ...]
    lengths: tuple[int, ...]
    histories: tuple[int, ...]
    studied: tuple[str, ...]
    fans: int
    talking: float

    def whole(self, connections: int) -> Cell:
        """Replies of 240 characters at once."""
        return Cell(connections, self.seconds)

    def stream(self, connections: int) -> Cell:
        """The same replies token by token."""
        return Cell(connections, max(1.5, self.seconds), warm_up=0.7, pause=PAUSE, stream=True)

    def cells(self) -> list[Cell]:
        """Every cell of the main table."""
        return [*map(self.whole, self.connections), *map(self.stream, self.streams)]

    def length(self, characters: int) -> Cell:
        """Two streams of long replies, whole ones even where they take a while."""
        tokens = characters // 4
        return Cell(2, max(1.5, 1.3 * tokens * _LONG_PAUSE / 1000), tokens=tokens, pause=_LONG_PAUSE, stream=True)

    def history(self, messages: int) -> Cell:
        """A conversation whose messages have all been judged once: the warm-up is when they are."""
        return Cell(1, self.seconds, warm_up=1.0 + 0.02 * messages, messages=messages)


FULL = Plan(3, 2, 1.0, (1, 16, 64), (16, 64), (100, 1_000, 20_000), (2, 20, 200), (BARE, OFF, EVERYTHING), 200, 120.0)
QUICK = Plan(1, 1, 1.0, (1, 64), (16,), (1_000, 20_000), (2, 200), (BARE, EVERYTHING), 200, 20.0)
