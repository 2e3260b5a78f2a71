"""Saved programs: what an optimizer learnt, as JSON in the data folder, and nothing else that could be loaded with it.

It stands apart because a saved program is read at the start of a service: only fields that are declared are taken, so
that a file names no model, no address and no code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from guards.errors import ChaperoneError


class ProgramError(ChaperoneError):
    """A saved program that cannot be used; the message says why."""


class State(BaseModel):
    """Part of a saved program: what else its file holds is not read."""

    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True)


class SavedSignature(State):
    """What is taken of a predictor's signature."""

    instructions: str


StateT = TypeVar("StateT", bound=State)


def read_state(path: Path, shape: type[StateT], whose: str) -> StateT:
    """The state saved at `path`. `whose` names the program in an error. Raises ProgramError."""
    try:
        return shape.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ProgramError(f"the {whose}'s program {path} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise ProgramError(f"{path} is no saved program of the {whose}: {place}: {first['msg']}") from None


def write_state(path: Path, state: Any, about: Mapping[str, Any], whose: str) -> None:
    """Writes `state` as JSON to `path`, whole or not at all, beside what is known `about` it. Raises ProgramError."""
    text = json.dumps({**about, "program": state}, ensure_ascii=False, indent=1)
    draft = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise ProgramError(f"the {whose}'s program cannot be written to {path}: {error.strerror}") from None
