"""One mock upstream, and what one run of the load driver against a server says."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench.build import BenchError, Tools
from bench.processes import cpus, free_port, pinned

CHAT = "/v1/chat/completions"
TOKEN_CHARACTERS = 4
_SLACK = 30.0  # seconds the driver may take beyond its time before it is given up


@dataclass(frozen=True, slots=True)
class Cell:
    """What is asked for: `tokens` of four characters, `pause` ms apart in a stream, over open connections."""

    connections: int
    seconds: float
    warm_up: float = 0.5
    tokens: int = 60
    pause: float = 0.0
    stream: bool = False
    messages: int = 6

    @property
    def name(self) -> str:
        """Under which its figures are found again."""
        kind = "stream" if self.stream else "whole"
        return f"{kind}, {self.connections} connections, {self.tokens} tokens, {self.messages} messages"


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles and mean of one measured thing; ms, or characters where it is text."""

    p50: float
    p90: float
    p99: float
    mean: float


@dataclass(frozen=True, slots=True)
class Load:
    """What the driver saw in the measured time; `failed` over its whole run. `rate` is answers a second.

    `measured` answers were begun in it; of these `changed` were not as long as the upstream's: somebody acted on
    them. `behind` is the first token's delay behind the upstream's, `withheld` what had been sent and had not arrived
    just before each next token. `cpu` is what the server spent meanwhile, in seconds.
    """

    answered: int
    failed: int
    changed: int
    measured: int
    rate: float
    tokens: float
    whole: Spread | None
    first: Spread | None
    behind: Spread | None
    gap: Spread | None
    withheld: Spread | None
    cpu: float


class Driver:
    """Mock and load driver on a CPU of their own. No sentence of the fan comes twice in the life of one."""

    def __init__(self, tools: Tools, upstream: int) -> None:
        self.upstream = upstream
        self.ledger, self.corpus = tools.ledger, tools.fan
        self._tools = tools
        self._next_sentence = 0

    def load(self, url: str, cell: Cell, headers: Sequence[str], cpu: Callable[[], float]) -> Load:
        """Runs `cell` against `url`, whose server's CPU seconds `cpu` gives. Raises BenchError when it cannot."""
        tools = self._tools
        command: list[object] = [tools.load, "-u", url, "-f", tools.fan, "-l", tools.ledger, "-i", tools.persona]
        command += ["-o", self._next_sentence, "-c", cell.connections, "-t", cell.seconds, "-w", cell.warm_up]
        command += ["-n", cell.tokens, "-d", cell.pause, "-m", cell.messages, *(["-s"] if cell.stream else [])]
        for header in headers:
            command += ["-H", header]
        driver = subprocess.Popen(pinned(cpus()[0], command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(cell.warm_up)
        before = cpu()
        time.sleep(cell.seconds)
        spent = cpu() - before
        try:
            out, trouble = driver.communicate(timeout=_SLACK)
        except subprocess.TimeoutExpired:
            driver.kill()
            raise BenchError("the load driver hangs") from None
        if driver.returncode:
            raise BenchError(f"the load driver gave up: {trouble.strip()}")
        said: dict[str, Any] = json.loads(out)
        self._next_sentence = said.pop("next")
        return Load(cpu=spent, **{name: _spread(value) for name, value in said.items()})


def _spread(value: Any) -> Any:
    """A spread where the driver printed one; a number or nothing as it is."""
    return Spread(**value) if isinstance(value, dict) else value


@contextlib.contextmanager
def driving(tools: Tools) -> Iterator[Driver]:
    """A driver whose mock upstream runs as long as the context. Raises BenchError."""
    port = free_port()
    command = [tools.mock, "-p", port, "-c", tools.replies, "-l", tools.ledger]
    mock = subprocess.Popen(pinned(cpus()[0], command))
    try:
        time.sleep(0.2)
        if mock.poll() is not None:
            raise BenchError("the mock upstream did not start")
        yield Driver(tools, port)
    finally:
        mock.terminate()
        mock.wait()
