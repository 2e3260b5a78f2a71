"""What operators and tools use, on FastAPI: models, moderations, health, metrics, and what stands in files of its own:
feedback, kept stories and the try-it page.

Every other path is refused: what the guard cannot read is never passed on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from guards.errors import MalformedRequest, UpstreamError
from guards.types import Message, Stage, Verdict
from proxy import answers, feedback_route, stories_route, try_it
from proxy.answers import Answer
from proxy.bodies import limited, response
from proxy.headers import decoded, to_client, to_upstream
from proxy.surfaces.base import Surface
from proxy.turn import Services
from proxy.wire import Json, read_json, text_of

_MOST_INPUTS = 256
_KEPT_ELSEWHERE = {
    "/v1/responses/": ": what it gives is kept at the upstream, and would come back without being judged",
    "/v1/conversations": ": what it holds is kept at the upstream, where it cannot be read",
    "/v1/proactive": ": ask the persona service itself, which has what it says judged here",
    "/v1/messages/batches": ": its replies come later, from where they cannot be judged",
}


def build(
    services: Services, *, max_body: int, guarded: Sequence[Surface], operator_key: SecretStr | None = None
) -> FastAPI:
    """The application for everything but the turns that are served on the `guarded` surfaces. `operator_key` opens what
    only operators may see; without one nobody may."""
    app = FastAPI(title="Chaperone", docs_url=None, redoc_url=None, openapi_url=None)
    _health(app, services)
    _models(app, services, guarded)
    _moderations(app, services, max_body)
    feedback_route.add(app, services, max_body)
    stories_route.add(app, services)
    try_it.add(app, services, operator_key)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        return _refusal(request, error.status_code, guarded, Headers(error.headers or {}).get("allow", ""))

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        return response(answers.internal())

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
            return response(Answer(reply.status, await reply.read(), to_client(reply.headers)))
        except UpstreamError as error:
            services.metrics.upstream_errors.labels(error.code).inc()
            return response(answers.upstream_failed(error))


def _moderations(app: FastAPI, services: Services, max_body: int) -> None:
    @app.post("/v1/moderations")
    async def moderations(request: Request) -> Response:
        try:
            body = await limited(request, max_body)
            asked = read_json(body)
            (texts, stage), context = _moderation_input(asked), _context(asked)
        except MalformedRequest as error:
            return response(answers.malformed(error))
        guard = services.policies.guard
        results = []
        for text in texts:
            verdict = await asyncio.to_thread(guard.check, text, stage, context)
            undecided = await asyncio.to_thread(guard.is_undecided, verdict, text, context)
            results.append(_moderation_result(verdict, [rule.id for rule in guard.policy.rules], undecided=undecided))
        whole = {"id": f"modr-{services.new_id()}", "model": f"chaperone-{guard.version}", "results": results}
        return response(answers.of_json(whole))


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


def _context(body: Json) -> list[Message]:
    """The messages before the text, in the light of which it is judged; none unless the body says `context`."""
    given = body.get("context", [])
    if not isinstance(given, list) or not all(isinstance(each, dict) and "role" in each for each in given):
        raise MalformedRequest("context must be a list of messages {role, content}", param="context")
    return [Message(str(each["role"]), text_of(each.get("content"))) for each in given]


def _moderation_result(verdict: Verdict, rules: list[str], *, undecided: bool) -> Json:
    scores = dict.fromkeys(rules, 0.0)
    for finding in verdict.findings:
        scores[finding.rule] = max(scores[finding.rule], round(finding.score, 4))
    return {
        "flagged": bool(verdict.rules),
        "undecided": undecided,
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
    return response(answers.of_json(surface.error(message, "invalid_request_error", code), status, headers))
