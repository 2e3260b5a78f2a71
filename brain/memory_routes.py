"""What is remembered of a conversation, shown, corrected and erased over HTTP.

It stands apart from the turns' own routes: operators and the proxy call these, fans never do.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from brain.chat import Json, error_body
from brain.memory.memory import Memory
from brain.memory.types import DEFAULT_TENANT, ConversationKey, MemoryDown, Recollection
from brain.settings import zone
from brain.situation import situation
from guards.errors import MalformedRequest

logger = logging.getLogger(__name__)

_MOST_BYTES = 1024 * 1024
_ROOT = "/v1/conversations"
_MOST_FLAGS = 16
Handler = Callable[[Request], Awaitable[Response]]


class MemoryRoutes:
    """The handlers. `persona_of` gives the persona's id for a model's name (None: the default one) and raises
    MalformedRequest for a name that is none; `now_of` gives the time where the persona of an id is."""

    def __init__(
        self, memory: Memory, persona_of: Callable[[str | None], str], now_of: Callable[[str], datetime]
    ) -> None:
        self._memory = memory
        self._persona_of = persona_of
        self._now_of = now_of

    def mount(self, app: Starlette) -> None:
        """Adds the routes. An id may hold any character, slashes too, if it is percent-encoded in the path."""
        app.add_route(_ROOT, _safely(self.erase_user), methods=["DELETE"])
        app.add_route(_ROOT + "/{rest:path}", _safely(self.conversation), methods=["GET", "DELETE", "PUT"])

    async def conversation(self, request: Request) -> Response:
        """`GET` and `DELETE /v1/conversations/{id}`, `PUT /v1/conversations/{id}/turns/{turn}` and
        `PUT /v1/conversations/{id}/flags`."""
        parts = parts_after(_ROOT, request)
        if request.method == "PUT" and len(parts) == 2 and parts[1] == "flags":
            return await self._flag(request, parts[0])
        if request.method == "PUT" and len(parts) == 3 and parts[1] == "turns":
            return await self._correct(request, parts[0], parts[2])
        if request.method == "PUT" or len(parts) != 1:
            raise MalformedRequest("no such path", status=404, code="not_found")
        key = self._key(request.query_params.get("model") or None, parts[0])
        if request.method == "DELETE":
            if not await self._memory.erase(key):
                raise _unknown()
            return JSONResponse({"id": key.id, "deleted": True})
        known = await self._memory.recollect(key)
        if known is None:
            raise _unknown()
        return JSONResponse(shown(known, self._now_of(key.persona)))

    async def erase_user(self, request: Request) -> Response:
        """`DELETE /v1/conversations?user=U`: with every persona, or with the one that `model` names."""
        user, model = request.query_params.get("user"), request.query_params.get("model")
        if not user:
            raise MalformedRequest("say whose conversations: ?user=…", param="user")
        persona = self._persona_of(model) if model else None
        return JSONResponse({"user": user, "deleted": await self._memory.erase_user(DEFAULT_TENANT, user, persona)})

    async def _flag(self, request: Request, id: str) -> Response:
        """Adds flags to a conversation, for what only others know of it: `underage`, `left_alone`."""
        body = await _object(request)
        flags, model = body.get("flags"), body.get("model") or request.query_params.get("model") or None
        if not isinstance(flags, list) or not flags or len(flags) > _MOST_FLAGS or not all(map(_is_flag, flags)):
            raise MalformedRequest(f"flags: a list of 1 to {_MOST_FLAGS} words is needed", param="flags")
        if not isinstance(model, str | None):
            raise MalformedRequest("model: a name is needed", param="model")

        def add(known: Recollection | None) -> tuple[Recollection | None, tuple[str, ...] | None]:
            if known is None:
                return None, None
            joined = tuple(dict.fromkeys((*known.flags, *flags)))
            return (known if joined == known.flags else replace(known, flags=joined)), joined

        joined = await self._memory.change(self._key(model, id), add)
        if joined is None:
            raise _unknown()
        return JSONResponse({"id": id, "flags": list(joined)})

    async def _correct(self, request: Request, id: str, turn: str) -> Response:
        body = await _object(request)
        reply, model = body.get("reply"), body.get("model") or request.query_params.get("model") or None
        if not isinstance(reply, str):
            raise MalformedRequest("reply: the text that the fan saw is needed", param="reply")
        if not isinstance(model, str | None):
            raise MalformedRequest("model: a name is needed", param="model")
        if not await self._memory.correct(self._key(model, id), turn, reply):
            raise MalformedRequest("this conversation has no such turn", status=404, code="turn_not_found")
        return JSONResponse({"id": id, "turn": turn, "corrected": True})

    def _key(self, model: str | None, id: str) -> ConversationKey:
        return ConversationKey(DEFAULT_TENANT, self._persona_of(model), id)


def shown(known: Recollection, now: datetime) -> Json:
    """A recollection as operators see it at `now`, the persona's time."""
    here = situation(
        now,
        persona_zone=now.tzinfo or UTC,
        fan_zone=zone(known.zone) if known.zone else None,
        first=known.first_at,
        last=known.last_at,
        messages=known.messages,
    )
    return {
        "id": known.key.id,
        "model": known.key.persona,
        "user": known.user,
        "messages": known.messages,
        "first_at": known.first_at and known.first_at.isoformat(),
        "last_at": known.last_at and known.last_at.isoformat(),
        "stage": known.stage,
        "emotion": known.emotion,
        "situation": list(here.notes),
        "summary": known.summary,
        "facts": [{"text": fact.text, "turn": fact.turn} for fact in known.facts],
        "flags": list(known.flags),
    }


def _is_flag(flag: object) -> bool:
    return isinstance(flag, str) and flag.isidentifier() and len(flag) <= 64


def _unknown() -> MalformedRequest:
    return MalformedRequest("there is no such conversation", status=404, code="conversation_not_found", param="id")


def parts_after(root: str, request: Request) -> list[str]:
    """What follows `root` and a slash in the path as it was sent: in the decoded one an id's slashes look like any.
    Raises MalformedRequest."""
    raw: bytes = request.scope["raw_path"].partition(b"?")[0]
    try:
        return [unquote_to_bytes(part).decode() for part in raw.removeprefix(root.encode() + b"/").split(b"/")]
    except UnicodeDecodeError:
        raise MalformedRequest("the path is not UTF-8", code="invalid_id", param="id") from None


async def _object(request: Request) -> dict[str, Any]:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BYTES:
            raise MalformedRequest("the body is too large", status=413, code="body_too_large")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedRequest("the body is not valid JSON", code="invalid_json") from None
    if not isinstance(value, dict):
        raise MalformedRequest("the body has to be a JSON object")
    return value


def _safely(handler: Handler) -> Handler:
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except MalformedRequest as error:
            body = error_body(str(error), kind="invalid_request_error", code=error.code, param=error.param)
            return JSONResponse(body, error.status)
        except MemoryDown as error:
            logger.error("a request for what is remembered failed: %s", error)
            body = error_body("the memory cannot be asked; try again", kind="server_error", code="memory_down")
            return JSONResponse(body, 503)

    return answer
