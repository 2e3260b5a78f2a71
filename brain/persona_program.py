"""What an optimizer taught a persona: instructions and replies of its own, from a file to the program and back.

It stands apart from `persona`, which is the program as it is written: what was learnt is put on it where a service
starts, and without it nothing changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brain.persona import Persona
from brain.programs import SavedSignature, State, read_state, write_state
from brain.signatures import Reply
from brain.voice import as_pair


@dataclass(frozen=True, slots=True)
class Learnt:
    """The instructions of every reply, and pairs {fan, reply} that stand before the examples of an ordinary one."""

    instructions: str = field(repr=False)
    demos: tuple[dict[str, str], ...] = field(default=(), repr=False)

    def put_on(self, persona: Persona) -> Persona:
        """The persona with what was learnt. A kind of reply keeps what its own signature adds to every reply's
        instructions, and shows no learnt pairs: they were learnt for ordinary replies."""
        for _, predict in persona.named_predictors():
            own = predict.signature.instructions
            if own.startswith(Reply.instructions):
                added = own.removeprefix(Reply.instructions)
                predict.signature = predict.signature.with_instructions(self.instructions + added)
        persona.reply.predict.demos = [dict(demo) for demo in self.demos]
        return persona


def program_file(model_id: str) -> str:
    """The file of a persona's program in the data folder."""
    return f"persona-{model_id}.json"


def learnt_of(persona: Persona) -> Learnt:
    """What stands on a persona now."""
    predict = persona.reply.predict
    return Learnt(predict.signature.instructions, tuple(as_pair(demo) for demo in predict.demos))


class _Pair(State):
    fan: str
    reply: str


class _Predict(State):
    signature: SavedSignature
    demos: list[_Pair]


class _Program(State):
    reply: _Predict


class _Saved(State):
    program: _Program


def load_learnt(path: Path) -> Learnt:
    """What is saved at `path`. Raises ProgramError."""
    saved = read_state(path, _Saved, "persona").program.reply
    return Learnt(saved.signature.instructions, tuple(demo.model_dump() for demo in saved.demos))


def save_learnt(learnt: Learnt, path: Path, about: Mapping[str, Any]) -> None:
    """Writes it to `path`, whole or not at all, beside what is known `about` it. Raises ProgramError."""
    reply = {"signature": {"instructions": learnt.instructions}, "demos": list(learnt.demos)}
    write_state(path, {"reply": reply}, about, "persona")
