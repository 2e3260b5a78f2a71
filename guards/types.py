"""The words everyone exchanges: read this file first.

It stands at the bottom of the import law: it imports nothing of ours and everything may import it. A finding may
travel anywhere; message text may not, so every shape that carries text hides it from `repr`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, NamedTuple

Stage = Literal["input", "output"]
Streaming = Literal["strict", "sentence", "adaptive"]
Kind = Literal["all", "places", "meaning"]
"""Which detectors look: those that find places in a text, those that judge what it means, or all."""
STAGES: tuple[Stage, ...] = ("input", "output")


class Action(IntEnum):
    """What a verdict asks for, in rising strength; the strongest action of all rules that fired wins."""

    ALLOW = 0
    LOG = 1
    REDACT = 2
    STEER = 3
    REGENERATE = 4
    DEFLECT = 5
    BLOCK = 6

    @property
    def word(self) -> str:
        """The action as rules, records and headers write it: `regenerate`."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Action:
        """The action that `word` names. Raises KeyError for any other word."""
        return cls[word.upper()]


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where one rule's detector fired.

    `start` and `end` are half-open code point offsets in the ORIGINAL text; `score` lies in 0..1; `view` names the
    fold under which the place became visible (`text` when none was needed). `gray` marks one that meaning alone can
    confirm: a judge's to say, and until one has, or when none can, it counts (`block`) or does not (`allow`).
    """

    rule: str
    start: int
    end: int
    score: float
    detector: str
    view: str = "text"
    gray: Literal["allow", "block"] | None = None


class Message(NamedTuple):
    """One role's text. `role` is the wire's word: system, user, assistant, tool. (A tuple, because every turn makes
    many, and what is known of a conversation is looked up by all of them.)"""

    role: str
    text: str

    def __repr__(self) -> str:
        return f"Message(role={self.role!r})"


Transcript = tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome for one text at one stage, with the findings that caused it.

    `rules` are the enforced rules that fired above `log`, strongest first; `feedback` is what they tell the model to
    do instead (rule text, never message text); `shadow` are rules that fired without force (mode shadow, action log);
    `masks` are the half-open spans that rules whose action is `redact` want hidden. `gray` are the findings of enforced
    rules that a judge may still confirm or clear; `failed` are the rules one of whose detectors could not look.
    """

    stage: Stage
    action: Action = Action.ALLOW
    findings: tuple[Finding, ...] = ()
    rules: tuple[str, ...] = ()
    shadow: tuple[str, ...] = ()
    feedback: tuple[str, ...] = ()
    masks: tuple[tuple[int, int], ...] = ()
    gray: tuple[Finding, ...] = ()
    failed: tuple[str, ...] = ()

    @property
    def withholds(self) -> bool:
        """True when the text may not be released (or forwarded) as it stands."""
        return self.action >= Action.REDACT and self.action is not Action.STEER
