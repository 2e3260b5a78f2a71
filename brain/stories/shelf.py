"""Stories in progress: which beats are accepted, which one is proposed, and who may write now.

It stands apart as the one place where stories are kept, in memory alone: nothing of an interactive story is written to
disk, it is gone with the process, some time after it was last touched, or once too many newer ones are kept.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from brain.stories.shapes import Brief, Json, joined, story_json
from guards.errors import MalformedRequest

KEPT = 1000
SECONDS_KEPT = 6 * 3600.0
# Versions of a beat that the next one is told to differ from.
_PAST_SHOWN = 3


@dataclass(slots=True)
class Story:
    """One interactive story. `accepted` are the proses taken so far; `proposal` is that of the beat behind them, empty
    while there is none; `past` the versions of it that were not wanted."""

    id: str
    model: str
    brief: Brief = field(repr=False)
    accepted: list[str] = field(default_factory=list, repr=False)
    proposal: str = field(default="", repr=False)
    past: list[str] = field(default_factory=list, repr=False)
    is_writing: bool = False

    @property
    def is_told(self) -> bool:
        """True once every beat is accepted."""
        return len(self.accepted) == len(self.brief.beats)

    @property
    def so_far(self) -> str:
        """What the beat behind the accepted ones goes on from."""
        return joined([self.brief.so_far, *self.accepted])

    def require(self, index: int, *, accepting: bool = False) -> None:
        """Raises MalformedRequest unless beat `index` can be written anew, or accepted."""
        at = len(self.accepted)
        if not 0 <= index < len(self.brief.beats):
            raise MalformedRequest(f"the story has no beat {index}", status=404, code="beat_not_found", param="index")
        if index < at:
            raise _conflict(f"beat {index} is accepted and stays as it is", "beat_accepted")
        if index > at:
            raise _conflict(f"beat {index} cannot be written before beat {at} is accepted", "beat_not_reached")
        if accepting and not self.proposal:
            raise _conflict(f"beat {index} is not written yet: regenerate it first", "beat_not_written")

    def accept(self, prose: str) -> None:
        """Takes `prose` as the beat behind the accepted ones."""
        self.accepted.append(prose)
        self.proposal, self.past = "", []

    def propose(self, prose: str) -> None:
        """Takes `prose` as the proposal instead of the one before."""
        self.past = [*self.past, prose][-_PAST_SHOWN:]
        self.proposal = prose

    def json(self) -> Json:
        """The story as the wire has it; each beat says how far it is."""
        at = len(self.accepted)
        waiting = len(self.brief.beats) - at
        proses = [*self.accepted, self.proposal, *[""] * waiting][: at + waiting]
        states = [*["accepted"] * at, "proposed" if self.proposal else "waiting", *["waiting"] * waiting]
        body = story_json(self.id, "interactive", self.brief.beats, proses)
        told = [{**beat, "state": state} for beat, state in zip(body["beats"], states, strict=False)]
        return {**body, "beats": told}


class Shelf:
    """Keeps at most `kept` stories, each for `seconds` after it was last touched. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float], *, kept: int = KEPT, seconds: float = SECONDS_KEPT) -> None:
        self._clock = clock
        self._kept = kept
        self._seconds = seconds
        self._stories: OrderedDict[str, tuple[float, Story]] = OrderedDict()

    def begin(self, model: str, brief: Brief) -> Story:
        """A new story, which is kept once it is put."""
        return Story(f"story-{uuid.uuid4().hex}", model, brief)

    def put(self, story: Story) -> None:
        """Keeps the story; the one touched longest ago makes room."""
        self._stories[story.id] = (self._clock(), story)
        self._stories.move_to_end(story.id)
        self._forget()

    def get(self, id_: str) -> Story:
        """The story of that id, touched. Raises MalformedRequest (404)."""
        self._forget()
        if id_ not in self._stories:
            raise MalformedRequest(
                "there is no such story: interactive ones are kept in memory for some hours, others not at all",
                status=404, code="story_not_found", param="id",
            )  # fmt: skip
        story = self._stories[id_][1]
        self.put(story)
        return story

    def remove(self, id_: str) -> None:
        """Forgets the story. Raises MalformedRequest (404)."""
        self.get(id_)
        del self._stories[id_]

    def _forget(self) -> None:
        oldest = self._clock() - self._seconds
        while self._stories:
            touched, _ = next(iter(self._stories.values()))
            if touched > oldest and len(self._stories) <= self._kept:
                return
            self._stories.popitem(last=False)


@contextmanager
def writing(story: Story) -> Iterator[None]:
    """Holds the story for one writer. Raises MalformedRequest (409) while another has it."""
    if story.is_writing:
        raise _conflict("a beat of this story is being written: wait for it", "story_busy")
    story.is_writing = True
    try:
        yield
    finally:
        story.is_writing = False


def _conflict(message: str, code: str) -> MalformedRequest:
    return MalformedRequest(message, status=409, code=code, param="index")
