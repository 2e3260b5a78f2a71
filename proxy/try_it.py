"""The try-it page at `/chat`, and what it shows to operators alone: how the persona sees the conversation.

It stands apart because it is the one place that asks who is asking.
"""

from __future__ import annotations

import hmac
from pathlib import Path
from urllib.parse import quote, urlencode

from fastapi import FastAPI, Request, Response
from pydantic import SecretStr

from guards.errors import UpstreamError
from proxy import answers
from proxy.answers import Answer, error_body, of_json
from proxy.bodies import response
from proxy.headers import TURN
from proxy.turn import Services
from proxy.upstream import succeeded
from proxy.wire import read_reply

_PAGE = Path(__file__).parent / "console" / "chat.html"
_PAGE_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_PRIVATE = [(b"cache-control", b"no-store")]
_BEARER = "bearer "


def add(app: FastAPI, services: Services, operator_key: SecretStr | None) -> None:
    """Puts the page, and what operators see beside it, on `app`. Without a key nobody is an operator."""
    page = _PAGE.read_text(encoding="utf-8")

    @app.get("/chat")
    async def chat() -> Response:
        return Response(page, media_type="text/html", headers=_PAGE_HEADERS)

    @app.get("/console/conversations/{conversation:path}")
    async def conversation(conversation: str, request: Request) -> Response:
        refused = _refusal(operator_key, request.headers.get("authorization", ""))
        if refused is not None:
            return response(refused)
        try:
            return response(await _conversation(services, conversation, request.query_params.get("model", "")))
        except UpstreamError as error:
            services.metrics.upstream_errors.labels(error.code).inc()
            return response(answers.upstream_failed(error))


def _refusal(key: SecretStr | None, authorization: str) -> Answer | None:
    """Why this is no operator; None for one."""
    if key is None or not key.get_secret_value():
        told = "no operator key is set: start with CHAPERONE_OPERATOR_KEY"
        return of_json(error_body(told, "invalid_request_error", "no_operator_key"), 403)
    if not authorization.lower().startswith(_BEARER):
        told = "send the operator key: Authorization: Bearer …"
        headers = [(b"www-authenticate", b"Bearer")]
        return of_json(error_body(told, "invalid_request_error", "operator_key_missing"), 401, headers)
    given = authorization[len(_BEARER) :].strip().encode("latin-1", "replace")
    if not hmac.compare_digest(given, key.get_secret_value().encode()):
        return of_json(error_body("this is not the operator key", "invalid_request_error", "operator_key_wrong"), 403)
    return None


async def _conversation(services: Services, conversation: str, model: str) -> Answer:
    """What the persona service knows of the conversation. Raises UpstreamError.

    Nothing of the operator's request travels with the question: the key is for us alone.
    """
    if conversation in (".", ".."):
        return _unknown()  # it would leave /conversations at the upstream
    query = f"?{urlencode({'model': model})}" if model else ""
    path = f"/conversations/{quote(conversation, safe='')}{query}"
    headers = {"accept-encoding": "identity", TURN: services.new_id()}
    reply = await services.upstream.send("GET", path, headers)
    body = await reply.read()
    if reply.status in (404, 405, 501):
        return _unknown()
    if not succeeded(reply):
        raise UpstreamError(f"the upstream answered {reply.status}", code="upstream_error")
    return of_json(read_reply(body), headers=_PRIVATE)


def _unknown() -> Answer:
    told = "the upstream knows nothing of this conversation"
    return of_json(error_body(told, "invalid_request_error", "conversation_not_found"), 404, _PRIVATE)
