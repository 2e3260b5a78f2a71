"""One choice of a streamed reply: its text channels behind hold-backs, everything else in its place.

Pure but for the turn it judges with: chunks in, chunks that may go out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from guards.holdback import HoldBack, Step, Withheld
from guards.redact import redact
from guards.types import Action, Verdict
from proxy.leaves import leaves
from proxy.turn import Turn
from proxy.wire import Json

CONTENT = "content"
_ROLE = "role"


@dataclass(frozen=True, slots=True)
class Violation:
    """Why a choice may not go on; `text` is what was withheld of its content."""

    verdict: Verdict
    text: str = field(repr=False)


class ChoiceStream:
    """The guarded stream of one choice.

    `opened` once anything of it went out, `finished` once the upstream said so, `violation` once it may not go on.
    """

    def __init__(self, index: int, turn: Turn) -> None:
        self.index = index
        self.opened = False
        self.finished = False
        self.violation: Violation | None = None
        self._turn = turn
        self._channels: dict[str, HoldBack] = {}
        self._kept: list[Json] = []
        self._lead: Json = {}
        self._added = ""

    @property
    def released(self) -> str:
        """The content the fan has seen."""
        content = self._channels.get(CONTENT)
        return (content.released if content else "") + self._added

    def add(self, text: str) -> None:
        """Notes content that was written by a repair and goes out behind what was released."""
        self._added += text

    def feed(self, choice: Json) -> Iterator[Json]:
        """Takes one upstream choice chunk; yields the choice chunks that may go out now."""
        if self.violation:
            return
        base = {key: value for key, value in choice.items() if key not in ("delta", "finish_reason", "logprobs")}
        base = self._masked(base)
        yield from self._taken(base, choice.get("delta") or {})
        if self.violation or choice.get("finish_reason") is None:
            return
        yield from self.finish()
        if not self.violation:
            self.finished = True
            yield {**self._out(base, {}), "finish_reason": choice["finish_reason"]}

    def finish(self) -> Iterator[Json]:
        """Judges and releases what is still held."""
        for name, channel in list(self._channels.items()):
            for step in channel.finish():
                yield from self._of_step(name, step, {"index": self.index})
                if self.violation:
                    return
        kept, self._kept = self._kept, []
        for text in _joined(kept).values():
            verdict = self._judge(text)
            self._turn.note(verdict, text, f"choices[{self.index}].delta")
            if verdict.withholds:
                self.violation = Violation(verdict, self._pending())
                return
        for delta in kept:
            yield self._out({"index": self.index}, delta)

    def _taken(self, base: Json, delta: Json) -> Iterator[Json]:
        """A delta's texts through their hold-backs; structures are kept, the rest goes out with the next text."""
        for key, value in delta.items():
            if key == _ROLE or not isinstance(value, str | dict | list):
                self._lead[key] = value
            elif isinstance(value, str):
                yield from self._fed(key, value, base)
                if self.violation:
                    return
            else:
                self._kept.append({key: value})

    def _fed(self, key: str, text: str, base: Json) -> Iterator[Json]:
        if key not in self._channels:
            self._channels[key] = HoldBack(self._judge, self._turn.guard.policy.settings.streaming)
        for step in self._channels[key].feed(text):
            yield from self._of_step(key, step, base)
            if self.violation:
                return

    def _of_step(self, key: str, step: Step, base: Json) -> Iterator[Json]:
        self._turn.note(step.verdict, step.judged, f"choices[{self.index}].delta.{key}")
        if isinstance(step, Withheld):
            self.violation = Violation(step.verdict, self._pending())
            return
        yield self._out(base, {key: step.text})

    def _judge(self, text: str) -> Verdict:
        return self._turn.judge_now(text, "output")

    def _pending(self) -> str:
        content = self._channels.get(CONTENT)
        return content.pending if content else ""

    def _out(self, base: Json, delta: Json) -> Json:
        lead, self._lead = self._lead, {}
        self.opened = True
        return {**base, "delta": {**lead, **delta}, "logprobs": None, "finish_reason": None}

    def _masked(self, base: Json) -> Json:
        """Unknown text beside the delta is masked where it must not go out."""
        for leaf in list(leaves(base)):
            verdict = self._judge(leaf.text)
            self._turn.note(verdict, leaf.text, f"choices[{self.index}].{'.'.join(map(str, leaf.path))}")
            if verdict.withholds and isinstance(leaf.path[0], str):
                self._turn.rise(Action.REDACT)
                base = {**base, leaf.path[0]: redact(leaf.text, [(0, len(leaf.text))])}
        return base


def _joined(kept: list[Json]) -> dict[Any, str]:
    """The texts of structures that arrived in pieces, each joined under its place.

    A tool call's pieces name their place with `index`; other lists are placed by position.
    """
    texts: dict[Any, str] = {}
    for delta in kept:
        for key, value in delta.items():
            items = value if isinstance(value, list) else [value]
            for position, item in enumerate(items):
                at = item.get("index", position) if isinstance(item, dict) else position
                for leaf in leaves(item):
                    place = (key, at, leaf.path)
                    texts[place] = texts.get(place, "") + leaf.text
    return texts
