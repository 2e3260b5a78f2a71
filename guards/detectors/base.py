"""What a detector is, and what the catalog hands one to build it from.

A detector finds; it never judges and never edits. It is built once for all rules of a snapshot, so that ten rules with
terms cost one pass, and it must be safe to call from any thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from guards.fold import Folded
from guards.policy import Fold
from guards.types import Finding


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
