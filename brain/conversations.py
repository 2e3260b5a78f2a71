"""The persona's file, `conversations.json`: who the persona is and how it talks, as typed shapes.

It stands apart as the one reader of that file: it is accepted whole or refused whole, with every problem and its place.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError

from guards.errors import PolicyError, Problem

FILE_NAME = "conversations.json"

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class PersonaCard(_Shape):
    """Who the persona is: name, voice, the platform of the chat, facts, and lines to deflect with."""

    name: Text
    voice: Text
    platform: Text
    facts: tuple[Text, ...] = ()
    deflections: tuple[Text, ...] = ()

    @property
    def model_id(self) -> str:
        """The name as a model id on the wire: `mila`."""
        return "-".join(self.name.lower().split())


class Slip(_Shape):
    """What a careless model would have said at this place, and the rule it breaks."""

    rule: Text
    text: Text


class Line(_Shape):
    """One line of a conversation; `slip` only on a persona's line."""

    role: Literal["fan", "persona"]
    text: Text
    slip: Slip | None = None


def _alternating(turns: tuple[Line, ...]) -> tuple[Line, ...]:
    for index, line in enumerate(turns):
        if line.role != ("fan", "persona")[index % 2]:
            raise ValueError(f"turn {index}: fan and persona must alternate, and the fan begins")
        if line.role == "fan" and line.slip:
            raise ValueError(f"turn {index}: only a persona's line can have a slip")
    return turns


class Conversation(_Shape):
    """One sample conversation: fan and persona in turn, the fan first."""

    id: Text
    title: Text
    turns: Annotated[tuple[Line, ...], AfterValidator(_alternating)]


class Exchange(BaseModel):
    """A fan's line and the persona's reply to it."""

    model_config = ConfigDict(frozen=True)

    fan: str
    reply: str
    slip: str | None = None


class Conversations(_Shape):
    """The whole file."""

    persona: PersonaCard
    conversations: tuple[Conversation, ...]

    def exchanges(self) -> tuple[Exchange, ...]:
        """Every persona reply with the fan's line before it, in the file's order."""
        return tuple(
            Exchange(fan=fan.text, reply=persona.text, slip=persona.slip.text if persona.slip else None)
            for conversation in self.conversations
            for fan, persona in zip(conversation.turns[::2], conversation.turns[1::2], strict=False)
        )


def read_conversations(folder: Path) -> Conversations:
    """The persona file in `folder`. Raises PolicyError naming the file and each broken place."""
    path = folder / FILE_NAME
    try:
        conversations = Conversations.model_validate_json(path.read_bytes())
    except OSError as error:
        raise PolicyError([Problem(str(path), 0, f"cannot be read: {error.strerror}")]) from error
    except ValidationError as error:
        problems = [Problem(str(path), 0, f"{_place(each['loc'])}: {each['msg']}") for each in error.errors()]
        raise PolicyError(problems) from None
    if not conversations.exchanges():
        raise PolicyError([Problem(str(path), 0, "conversations: at least one reply of the persona is needed")])
    return conversations


def _place(location: tuple[int | str, ...]) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return place.lstrip(".") or "file"
