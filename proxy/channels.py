"""One choice of a streamed reply: its text channels behind hold-backs, everything else in its place.

Pure but for the turn it judges with: chunks in, chunks that may go out. What takes longer than a step is not awaited
here, it is handed out to be awaited, so that a token costs no event loop.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from guards.holdback import HoldBack, Step, Unclear, Withheld
from guards.types import Action, Kind, Verdict
from proxy.leaves import is_long_number, is_name, is_name_of, is_plain_key, leaves, readings
from proxy.turn import Turn
from proxy.wire import Json

Wait = Callable[[], Awaitable[None]]  # to be called and awaited before the next step is taken
CONTENT = "content"
_ROLE = "role"
_CALLS = frozenset({"tool_calls", "function_call"})  # several side by side, never read as one text
_OF_CHOICE = frozenset({"index", "delta", "finish_reason", "logprobs"})


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
        self._beside: Json = {}
        self._steady = Steady()
        self._added = ""

    @property
    def released(self) -> str:
        """The content the fan has seen."""
        content = self._channels.get(CONTENT)
        return (content.released if content else "") + self._added

    def held(self, key: str) -> int:
        """How many characters of one text are still held back."""
        channel = self._channels.get(key)
        return len(channel.pending) if channel else 0

    def add(self, text: str) -> None:
        """Notes content that was written by a repair and goes out behind what was released."""
        self._added += text

    def feed(self, choice: Json) -> Iterator[Json | Wait]:
        """Takes one upstream choice chunk; yields the choice chunks that may go out now."""
        if self.violation:
            return
        if not choice.keys() <= _OF_CHOICE:
            beside = {key: value for key, value in choice.items() if key not in _OF_CHOICE}
            self._beside |= self._masked(self._steady.only(beside))
        yield from self._taken(choice.get("delta") or {})
        if self.violation or choice.get("finish_reason") is None:
            return
        yield from self.finish()
        if not self.violation:
            self.finished = True
            reason = choice["finish_reason"]
            yield {**self._out({}), "finish_reason": reason if is_name(reason) else "stop"}

    def feed_content(self, text: str) -> Iterable[Json | Wait]:
        """The same for a chunk that adds `text` to the content and says nothing else."""
        if self.violation:
            return ()
        steps = self._channel(CONTENT).feed(text)
        return self._stepped(CONTENT, steps) if steps else ()

    def finish(self) -> Iterator[Json | Wait]:
        """Judges and releases what is still held."""
        yield from self.part_over(list(self._channels))

    def part_over(self, keys: Iterable[str]) -> Iterator[Json | Wait]:
        """Judges and releases what is held of these texts, which are complete, and every structure kept so far."""
        if self.violation:
            return
        for name in keys:
            if name in self._channels:
                yield from self._stepped(name, self._channels[name].finish())
            if self.violation:
                return
        kept, self._kept = self._kept, []
        for text in self._readings(kept):
            verdict = yield from self._verdict_on(text)
            self._turn.note(verdict, text, f"choices[{self.index}].delta")
            if verdict.withholds:
                self._violate(verdict, text)
                return
        for delta in kept:
            yield self._out(delta)

    def _readings(self, kept: list[Json]) -> Iterator[str]:
        """Every text that the kept structures can be read as: place by place, decoded, and all of a key as one,
        behind what was said under the same key as plain text."""
        for text in _joined(kept).values():
            yield text
            yield from readings(text)
        whole: dict[str, list[str]] = {}
        for delta in kept:
            for key, value in delta.items():
                yield from readings({key: value})
                if key not in _CALLS:
                    whole.setdefault(key, []).extend(leaf.text for leaf in leaves(value))
        for key, texts in whole.items():
            said = self._channels[key].released if key in self._channels else ""
            yield said + "".join(texts)

    def _taken(self, delta: Json) -> Iterator[Json | Wait]:
        """A delta's texts through their hold-backs; structures are kept, the rest goes out with the next text."""
        for key, value in delta.items():
            if key == _ROLE or not (isinstance(value, str | dict | list) or is_long_number(value)):
                self._lead[key] = "assistant" if key == _ROLE and not is_name(value) else value
            elif isinstance(value, str) and is_plain_key(key):
                if steps := self._channel(key).feed(value):
                    yield from self._stepped(key, steps)
                if self.violation:
                    return
            else:
                self._kept.append({key: value})

    def _channel(self, key: str) -> HoldBack:
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = self._hold_back()
        return channel

    def _stepped(self, key: str, steps: Iterable[Step]) -> Iterator[Json | Wait]:
        """What the steps of one channel let out; an unclear stretch waits for the judge."""
        for step in steps:
            if isinstance(step, Unclear):
                verdict = yield from self._verdict_on(step.judged, step.verdict)
                yield from self._stepped(key, self._channels[key].settle(verdict))
                return
            self._turn.note(step.verdict, step.judged, f"choices[{self.index}].delta.{key}")
            if isinstance(step, Withheld):
                self._violate(step.verdict, self._channels[key].pending)
                return
            yield self._out({key: step.text})

    def _verdict_on(self, text: str, gray: Verdict | None = None) -> Generator[Wait, None, Verdict]:
        """The verdict in force on `text`, where it is known to be `gray` the judge's; known once the wait is over."""
        known: list[Verdict] = []

        async def asked() -> None:
            turn = self._turn
            known.append(await (turn.judge(text, "output") if gray is None else turn.settle(gray, text)))

        yield asked
        (verdict,) = known
        return verdict

    def _hold_back(self) -> HoldBack:
        streaming, most_held = self._turn.guard.policy.settings.streamed(self._turn.tenant)
        watch = self._turn.watch() if streaming == "adaptive" else None
        return HoldBack(self._judge, streaming, watch, most_held=most_held)

    def _judge(self, text: str, *, kind: Kind = "all", is_inside: bool = False) -> Verdict:
        return self._turn.look(text, "output", kind=kind, is_inside=is_inside)

    def _violate(self, verdict: Verdict, withheld: str) -> None:
        """Ends the choice. What the model is told it said is its content, or else the text that broke the rule."""
        content = self._channels.get(CONTENT)
        self.violation = Violation(verdict, (content.pending if content else "") or withheld)

    def _out(self, delta: Json) -> Json:
        lead, self._lead = self._lead, {}
        beside, self._beside = self._beside, {}
        self.opened = True
        return {
            **beside, "index": self.index, "delta": {**lead, **delta}, "logprobs": None, "finish_reason": None,
        }  # fmt: skip

    def _masked(self, beside: Json) -> Json:
        """The fields beside the delta, without those that must not go out."""
        passed: Json = {}
        for key, value in beside.items():
            texts = [leaf.text for leaf in leaves({key: value})] + list(readings({key: value}))
            verdicts = [self._turn.judge_now(text, "output") for text in texts]
            for verdict, text in zip(verdicts, texts, strict=True):
                self._turn.note(verdict, text, f"choices[{self.index}].{key}")
            if any(verdict.withholds for verdict in verdicts):
                self._turn.rise(Action.REDACT)
            else:
                passed[key] = value
        return passed


class Steady:
    """Lets a text beside the reply pass only while it stays what it was first: nothing can be spelt out in pieces."""

    def __init__(self) -> None:
        self._first: Json = {}

    def only(self, fields: Json) -> Json:
        """`fields` without the texts that have changed."""
        return {
            key: value
            for key, value in fields.items()
            if not isinstance(value, str) or is_name_of(key, value) or self._first.setdefault(key, value) == value
        }


def _joined(kept: list[Json]) -> dict[Any, str]:
    """The texts of structures that arrived in pieces, each joined under its place.

    A tool call's pieces name their place with `index`; other lists are placed by position.
    """
    pieces: dict[Any, list[str]] = {}
    for delta in kept:
        for key, value in delta.items():
            items = value if isinstance(value, list) else [value]
            for position, item in enumerate(items):
                at = item.get("index", position) if isinstance(item, dict) else position
                for leaf in leaves(item):
                    pieces.setdefault((key, str(at), leaf.path), []).append(leaf.text)
    return {place: "".join(texts) for place, texts in pieces.items()}
