"""Speaking first over HTTP: which fans wait for a first word, and the word for one of them.

It stands apart from the turns' own routes: whoever brings messages to fans polls here, fans never do.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from brain.cast import Member
from brain.chat import Json, error_body
from brain.memory.memory import Memory
from brain.memory.types import DEFAULT_TENANT, ConversationKey, MemoryDown, checked
from brain.memory_routes import parts_after
from brain.speaking_first.guard import GuardDown
from brain.speaking_first.offers import NotDue, Offers
from brain.speaking_first.webhook import shown
from guards.errors import MalformedRequest

logger = logging.getLogger(__name__)

_ROOT = "/v1/proactive"
_TURN = "x-chaperone-turn"
_MOST = 100
_USUAL = 20
_SAID = {
    "off": "this persona's file names no silence",
    "closed": "the silence is not the persona's to break: the fan waits for an answer, left the last such message "
    "unanswered, or is not to be written to",
    "too_soon": "the silence is not long enough yet",
    "too_late": "the silence has lasted too long",
    "night": "it is night where the fan is",
    "elsewhere": "this fan is not to be written to here: see their other conversations",
    "taken": "somebody else writes to this fan at the moment",
    "withheld": "nothing was found that the guard lets pass: there will be no message in this silence",
}
Handler = Callable[[Request], Awaitable[Response]]


class ProactiveRoutes:
    """The handlers. Without `offers` both say how to turn it on. `named` gives who answers to a model's name and raises
    MalformedRequest for a name that is none; `members` are all."""

    def __init__(
        self, offers: Offers | None, named: Callable[[str | None], Member], members: Callable[[], Mapping[str, Member]]
    ) -> None:
        self._offers = offers
        self._named = named
        self._members = members

    def mount(self, app: Starlette) -> None:
        """Adds the routes. An id may hold any character, slashes too, if it is percent-encoded in the path."""
        app.add_route(_ROOT, _safely(self.due), methods=["GET"])
        app.add_route(_ROOT + "/{rest:path}", _safely(self.speak), methods=["POST"])

    async def due(self, request: Request) -> Response:
        """`GET /v1/proactive?model=…&limit=…`: the conversations that wait for a first word now, without one."""
        offers, model = self._on(), request.query_params.get("model")
        limit = _limit(request.query_params.get("limit") or str(_USUAL))
        found: list[Json] = []
        for member in [self._named(model)] if model else self._members().values():
            waiting, _ = await offers.due(member, limit=limit - len(found)) if len(found) < limit else ([], False)
            found += [
                {
                    "conversation": known.key.id,
                    "user": known.user,
                    "model": known.key.persona,
                    "silent_since": known.last_at and known.last_at.isoformat(),
                }
                for known in waiting
            ]
        return JSONResponse({"object": "list", "data": found})

    async def speak(self, request: Request) -> Response:
        """`POST /v1/proactive/{conversation}?model=…`: the message, judged, and from now on a turn of the persona. With
        a header `x-chaperone-turn` of the caller's own it may be asked for again, and is the same."""
        offers, parts = self._on(), parts_after(_ROOT, request)
        if len(parts) != 1:
            raise MalformedRequest("no such path", status=404, code="not_found")
        member = self._named(request.query_params.get("model"))
        key = ConversationKey(DEFAULT_TENANT, member.card.model_id, parts[0])
        turn = checked(request.headers.get(_TURN) or Memory.new_turn(), "turn id")
        return JSONResponse(shown(await offers.hand_over(member, key, turn)))

    def _on(self) -> Offers:
        if self._offers is None:
            raise MalformedRequest(
                "the persona does not speak first: start it with --guard-url, the base URL of the proxy that judges "
                "what it says",
                status=409, code="proactive_off",
            )  # fmt: skip
        return self._offers


def _limit(given: str) -> int:
    if not (given.isascii() and given.isdigit() and 1 <= int(given) <= _MOST):
        raise MalformedRequest(f"limit: a number from 1 to {_MOST} is needed", param="limit")
    return int(given)


def _safely(handler: Handler) -> Handler:
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except MalformedRequest as error:
            body = error_body(str(error), kind="invalid_request_error", code=error.code, param=error.param)
            return JSONResponse(body, error.status)
        except NotDue as error:
            if error.reason == "unknown":
                told, code, status = "there is no such conversation", "conversation_not_found", 404
            else:
                told, code, status = _SAID[error.reason], error.reason, 409
            return JSONResponse(error_body(told, kind="invalid_request_error", code=code), status)
        except GuardDown as error:
            logger.warning("nothing is said first: %s", error)
            body = error_body("nothing is said that was not judged; try again", kind="server_error", code="guard_down")
            return JSONResponse(body, 503)
        except MemoryDown as error:
            logger.error("a request to speak first failed: %s", error)
            body = error_body("the memory cannot be asked; try again", kind="server_error", code="memory_down")
            return JSONResponse(body, 503)
        except Exception as error:  # noqa: BLE001 - the outermost edge: whatever happened becomes an error object
            logger.error("a request to speak first failed with %s", type(error).__name__)
            body = error_body("the persona service failed", kind="server_error", code="internal_error")
            return JSONResponse(body, 500)

    return answer
