"""What operators and tools use, on FastAPI: models, moderations, health, metrics, the try-it page.

Every other path is refused: what the guard cannot read is never passed on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from guards.errors import MalformedRequest, UpstreamError
from guards.types import Stage, Verdict
from proxy import answers
from proxy.answers import Answer
from proxy.headers import decoded, to_client, to_upstream
from proxy.surfaces.base import Surface
from proxy.turn import Services
from proxy.wire import Json, read_json, text_of

_PAGE = Path(__file__).parent / "console" / "chat.html"
_MOST_INPUTS = 256
_KEPT_ELSEWHERE = {
    "/v1/responses/": ": what it gives is kept at the upstream, and would come back without being judged",
    "/v1/conversations": ": what it holds is kept at the upstream, where it cannot be read",
    "/v1/messages/batches": ": its replies come later, from where they cannot be judged",
}
_POLICY_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
}


def build(services: Services, *, max_body: int, guarded: Sequence[Surface]) -> FastAPI:
    """The application for everything but the turns that are served on the `guarded` surfaces."""
    app = FastAPI(title="Chaperone", docs_url=None, redoc_url=None, openapi_url=None)
    _health(app, services)
    _models(app, services, guarded)
    _moderations(app, services, max_body)
    page = _PAGE.read_text(encoding="utf-8")

    @app.get("/chat")
    async def chat() -> Response:
        return Response(page, media_type="text/html", headers=_POLICY_HEADERS)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        return _refusal(request, error.status_code, guarded, Headers(error.headers or {}).get("allow", ""))

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        return _response(answers.internal())

    return app


def _health(app: FastAPI, services: Services) -> None:
    policies = services.policies

    @app.get("/healthz")
    async def healthz() -> dict[str, Any]:
        return {"status": "ok", "policy": policies.guard.version}

    @app.get("/readyz")
    async def readyz() -> dict[str, Any]:
        status = "ready" if not policies.problems else "ready, judging by an older snapshot: the last edit was refused"
        return {"status": status, "policy": policies.guard.version, "problems": [str(p) for p in policies.problems]}

    @app.get("/metrics")
    async def metrics() -> Response:
        text = services.metrics.text(policies.guard.version, len(policies.problems))
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _models(app: FastAPI, services: Services, guarded: Sequence[Surface]) -> None:
    @app.get("/v1/models")
    @app.get("/v1/models/{model:path}")
    async def models(request: Request) -> Response:
        headers = to_upstream(decoded(request.headers.raw), services.new_id())
        path = "/models" + quote(request.scope["path"].removeprefix("/v1/models"))
        if not {".", ".."}.isdisjoint(path.split("/")):
            return _refusal(request, 404, guarded)  # it would leave /models at the upstream, for what nobody guards
        try:
            credential = "x-api-key" if "anthropic-version" in headers else "authorization"
            reply = await services.upstream.send("GET", path, headers, credential=credential)
            return _response(Answer(reply.status, await reply.read(), to_client(reply.headers)))
        except UpstreamError as error:
            services.metrics.upstream_errors.labels(error.code).inc()
            return _response(answers.upstream_failed(error))


def _moderations(app: FastAPI, services: Services, max_body: int) -> None:
    @app.post("/v1/moderations")
    async def moderations(request: Request) -> Response:
        try:
            body = await _limited(request, max_body)
            texts, stage = _moderation_input(read_json(body))
        except MalformedRequest as error:
            return _response(answers.malformed(error))
        guard = services.policies.guard
        results = []
        for text in texts:
            verdict = await asyncio.to_thread(guard.check, text, stage)
            results.append(_moderation_result(verdict, [rule.id for rule in guard.policy.rules]))
        whole = {"id": f"modr-{services.new_id()}", "model": f"chaperone-{guard.version}", "results": results}
        return _response(answers.of_json(whole))


async def _limited(request: Request, most: int) -> bytes:
    pieces: list[bytes] = []
    async for piece in request.stream():
        pieces.append(piece)
        if sum(map(len, pieces)) > most:
            raise MalformedRequest(f"the body is larger than {most} bytes", status=413, code="body_too_large")
    return b"".join(pieces)


def _moderation_input(body: Json) -> tuple[list[str], Stage]:
    """The texts to judge, and the stage to judge them for: `input` unless the body says `stage: output`."""
    given = body.get("input")
    stage = body.get("stage", "input")
    if stage not in ("input", "output"):
        raise MalformedRequest("stage must be input or output", param="stage")
    if isinstance(given, str):
        return [given], stage
    if not isinstance(given, list) or not given or len(given) > _MOST_INPUTS:
        raise MalformedRequest(f"input must be a string or a list of 1 to {_MOST_INPUTS} strings", param="input")
    if all(isinstance(part, dict) for part in given):
        return [text_of(given)], stage
    if not all(isinstance(text, str) for text in given):
        raise MalformedRequest("input must be a string, a list of strings, or a list of content parts", param="input")
    return given, stage


def _moderation_result(verdict: Verdict, rules: list[str]) -> Json:
    scores = dict.fromkeys(rules, 0.0)
    for finding in verdict.findings:
        scores[finding.rule] = max(scores[finding.rule], round(finding.score, 4))
    return {
        "flagged": bool(verdict.rules),
        "categories": {rule: rule in verdict.rules for rule in rules},
        "category_scores": scores,
        "category_applied_input_types": {rule: ["text"] for rule in rules},
    }


def _refusal(request: Request, status: int, guarded: Sequence[Surface], allowed: str = "") -> Response:
    path = request.url.path[:200]
    surface = next((each for each in guarded if f"{path}/".startswith(f"{each.path}/")), guarded[0])
    if path == surface.path:  # its POST is served elsewhere
        status, allowed = 405, "POST"
    if status == 405:
        message, code = f"{request.method} is not served on {path}", "method_not_allowed"
        headers = [(b"allow", allowed.encode())]
    else:
        kept = next((why for start, why in _KEPT_ELSEWHERE.items() if path.startswith(start)), "")
        served = ", ".join(each.path for each in guarded)
        message = f"{path} cannot be guarded here, so it is not passed on{kept}; use POST {served}"
        code, status, headers = "unknown_url", 404, []
    return _response(answers.of_json(surface.error(message, "invalid_request_error", code), status, headers))


def _response(answer: Answer) -> Response:
    response = Response(answer.body, answer.status)
    kept = [(name, value) for name, value in answer.headers if name != b"content-length"]
    response.raw_headers = [*kept, (b"content-length", str(len(answer.body)).encode())]
    return response
