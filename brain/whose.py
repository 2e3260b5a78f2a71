"""Whose turn a request is: conversation, turn, user and time zone, from its headers and its body.

It stands apart as the one place that knows the names they travel under. What a turn says is in `chat`; what is
remembered of it in `memory`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brain.chat import ChatRequest
from brain.settings import known_zone

CONVERSATION = "x-conversation-id"
TURN = "x-chaperone-turn"
ZONE = "x-time-zone"


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose turn it is. Each is None where the request does not say: without a `conversation` nothing is remembered.

    `turn` is the same for all attempts of a turn; `user` is the fan's id with the client; `zone` the fan's time zone,
    one that this system knows.
    """

    conversation: str | None = None
    turn: str | None = None
    user: str | None = None
    zone: str | None = None


def whose(request: ChatRequest, headers: Mapping[str, str]) -> Whose:
    """Whose turn `request` is. A header is stronger than the body, `user` than `metadata.user_id`; what is no text, or
    no time zone, counts as not said."""
    metadata = request.metadata if isinstance(request.metadata, dict) else {}
    return Whose(
        conversation=_header(headers, CONVERSATION) or _text(metadata.get("conversation_id")),
        turn=_header(headers, TURN),
        user=_text(request.user) or _text(metadata.get("user_id")),
        zone=_zone(_header(headers, ZONE)) or _zone(_text(metadata.get("time_zone"))),
    )


def _header(headers: Mapping[str, str], name: str) -> str | None:
    """A header's value; one that is UTF-8 is read so, though HTTP knows bytes alone."""
    value = headers.get(name, "")
    try:
        return value.encode("latin-1").decode() or None
    except UnicodeError:
        return value


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _zone(name: str | None) -> str | None:
    try:
        return known_zone(name) if name else None
    except ValueError:
        return None
