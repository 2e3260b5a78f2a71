"""What a detector is, and what the catalog hands one to build it from.

A detector finds; it never judges and never edits. It is built once for all rules of a snapshot, so that ten rules with
terms cost one pass, and it must be safe to call from any thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from guards.detectors.demands import Opening
from guards.fold import Folded
from guards.policy import Fold
from guards.types import Finding, Transcript


class Detector(Protocol):
    """One kind of `find` entry over all rules.

    `finds_places` is False for one that judges what a text means as a whole: it reads the turns before a text itself,
    and is not shown them as part of it.
    """

    name: str
    finds_places: bool
    rules: frozenset[str]

    def find(self, folded: Folded) -> Iterable[Finding]:
        """Every place where one of its rules fires. Raises DetectorError when it could not look."""
        ...

    def opening(self) -> Opening:
        """What opens a text for it; what does not, holds no finding of a place."""
        ...

    def listener(self, context: Transcript, speaker: str) -> Listener | None:
        """For one that judges meaning: what listens to a text of the role `speaker` that grows behind `context`. None
        for all others."""
        ...


class Listener(Protocol):
    """Hears a text word by word and says whether the sentence so far might mean something.

    One that is `wary` takes nothing for harmless before its sentence is over.
    """

    is_wary: bool

    @property
    def is_open(self) -> bool: ...

    def take(self, piece: str) -> None:
        """Hears the next word with the space behind it."""
        ...

    def means_nothing(self, *, closely: bool) -> bool:
        """True when a glance at the sentence so far, or `closely` a look that is dear, finds nothing in it."""
        ...

    def end_sentence(self) -> None:
        """The sentence is over and has been judged."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """One `find` entry in force: the rule it belongs to, its place there, how deep it folds, and the entry itself.

    `place` is the path of the entry in its rule, for problems: ("find", 2, "pattern").
    """

    rule: str
    place: tuple[str | int, ...]
    fold: Fold
    entry: Any


class BuildProblem(Exception):
    """An entry that cannot be compiled, with its place; the policy store turns it into a line."""

    def __init__(self, source: Source, message: str) -> None:
        super().__init__(message)
        self.source = source
        self.message = message
