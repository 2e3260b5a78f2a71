"""Sample conversations: how a persona talks, as typed shapes.

It stands apart as the one reader of these files: one is accepted whole or refused whole, with every problem and its
place.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from guards.errors import PolicyError, Problem

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Slip(_Shape):
    """What a careless model would have said at this place, and the rule it breaks."""

    rule: Text
    text: Text = Field(repr=False)


class Line(_Shape):
    """One line of a conversation; `slip` only on a persona's line."""

    role: Literal["fan", "persona"]
    text: Text = Field(repr=False)
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
    """A fan's line and the persona's reply to it; `before` is what was said before, the latest line first."""

    model_config = ConfigDict(frozen=True)

    fan: str = Field(repr=False)
    reply: str = Field(repr=False)
    slip: str | None = Field(default=None, repr=False)
    before: tuple[str, ...] = Field(default=(), repr=False)


class Conversations(_Shape):
    """The whole file."""

    conversations: tuple[Conversation, ...]

    def exchanges(self) -> tuple[Exchange, ...]:
        """Every persona reply with the fan's line before it, in the file's order."""
        return tuple(
            Exchange(
                fan=conversation.turns[at].text,
                reply=reply.text,
                slip=reply.slip.text if reply.slip else None,
                before=tuple(line.text for line in reversed(conversation.turns[:at])),
            )
            for conversation in self.conversations
            for at in range(0, len(conversation.turns) - 1, 2)
            for reply in conversation.turns[at + 1 : at + 2]
        )


def parse_conversations(content: bytes, file: str) -> Conversations:
    """The conversations in the `content` of `file`. Raises PolicyError naming the file and each broken place."""
    try:
        conversations = Conversations.model_validate_json(content)
    except ValidationError as error:
        problems = [Problem(file, 0, f"{_place(each['loc'])}: {each['msg']}") for each in error.errors()]
        raise PolicyError(problems) from None
    if not conversations.exchanges():
        raise PolicyError([Problem(file, 0, "conversations: at least one reply of the persona is needed")])
    return conversations


def _place(location: tuple[int | str, ...]) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return place.lstrip(".") or "file"
