"""How a persona's turns are spoken, beside what is said: who is asked, who answers where nobody can, in which form.

It stands apart as the one list of what settings and a persona's file decide about a reply's way to the fan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from brain.candidates import Choose, chooser
from brain.lms.choice import ChosenLM
from brain.settings import PersonaSettings
from brain.voice import Voice


@dataclass(frozen=True, slots=True)
class Manner:
    """How a persona's turns are spoken, beside what is said.

    `names` are the persona's own, which a model may write before a reply. `second` is asked where the first language
    model fails. Where both do, `on_failure` says whether a line of `lines` (pools, the best first) stands in or the
    error is raised; for a fan in distress it is one of `comforts`. With `several_messages` a reply is cut into
    messages, with `candidates` above 1 the one that `choose` says is sent of so many; a repair and what is asked at
    temperature 0 have one.
    """

    names: Sequence[str] = ()
    second: ChosenLM | None = None
    on_failure: Literal["voice", "error"] = "error"
    lines: Sequence[Sequence[str]] = field(default=(), repr=False)
    comforts: Sequence[str] = field(default=(), repr=False)
    several_messages: bool = False
    candidates: int = 1
    choose: Choose | None = None


# One call, and an error where it fails.
PLAIN = Manner()


def manner_of(
    settings: PersonaSettings,
    voice: Voice,
    chosen: ChosenLM,
    second: ChosenLM | None = None,
    *,
    several_messages: bool = False,
    candidates: int | None = None,
    score: Callable[[str], float] | None = None,
) -> Manner:
    """The manner of a persona that `chosen` speaks for, and `second` where it fails.

    `several_messages` and `candidates` are what the persona's file says (None: what the settings say); `score` says
    from 0 to 1 how much a text sounds like the persona, and chooses among candidates where `choose_by` is `voice`.
    """
    return Manner(
        names=(voice.card.name,),
        second=second,
        on_failure=settings.on_lm_failure,
        lines=(voice.card.deflections, tuple(exchange.reply for exchange in voice.exchanges)),
        comforts=voice.card.comforts,
        several_messages=several_messages,
        candidates=candidates or settings.n_candidates,
        choose=chooser(settings.choose_by, chosen, score),
    )
