"""`/v1/stories/{id}`: an interactive story that the upstream keeps, shown as it may be seen, and erased.

It stands apart from the guarded POSTs because nothing is asked of a model here: what may not pass was written before,
so it is masked, not written again.
"""

from __future__ import annotations

from fastapi import FastAPI, Request, Response

from guards.errors import MalformedRequest, UpstreamError
from proxy import answers
from proxy.answers import Answer
from proxy.audit import AuditError
from proxy.bodies import response
from proxy.headers import decoded, to_client, to_upstream
from proxy.surfaces.stories import ID, PATH, StoriesSurface, StoryRequest
from proxy.surfaces.story_body import beside, shown, story_of
from proxy.turn import Services, Turn
from proxy.upstream import succeeded
from proxy.whole import masked, refused
from proxy.wire import read_reply, request_of

_SURFACE = StoriesSurface()


def add(app: FastAPI, services: Services) -> None:
    """Puts the path on `app`."""

    @app.get(PATH + "/{story}")
    async def show(request: Request, story: str) -> Response:
        return await _answered(services, request, story)

    @app.delete(PATH + "/{story}")
    async def erase(request: Request, story: str) -> Response:
        return await _answered(services, request, story)


async def _answered(services: Services, request: Request, story: str) -> Response:
    if not ID.fullmatch(story):
        return response(
            answers.of_json(_SURFACE.error("no such story", "invalid_request_error", "story_not_found"), 404)
        )
    headers = decoded(request.headers.raw)
    try:
        turn = Turn(services, request_of(StoryRequest, {}, [], None), headers)
    except MalformedRequest as error:
        return response(answers.malformed(error))
    try:
        answer = await _asked(turn, request.method, story, to_upstream(headers, turn.id))
    except UpstreamError as error:
        services.metrics.upstream_errors.labels(error.code).inc()
        turn.notes.append(f"upstream: {error.code}")
        answer = answers.upstream_failed(error)
    try:
        await turn.close()
    except AuditError:
        answer = answers.audit_unavailable()
    return response(answer)


async def _asked(turn: Turn, method: str, story: str, headers: dict[str, str]) -> Answer:
    reply = await turn.services.upstream.send(method, f"/stories/{story}", headers)
    ours = to_client(reply.headers) + turn.headers(turn.action)
    if not succeeded(reply):
        return await refused(turn, reply, ours)
    body = read_reply(await reply.read())
    if method == "DELETE":
        return answers.of_json(await masked(turn, body, "story"))
    proses: list[str] = []
    for at, choice in enumerate(_SURFACE.choices(turn.request, body)):
        turn.read_on(proses)
        kept = await masked(turn, {"prose": _SURFACE.said(choice["message"])}, f"beats[{at}]")
        proses.append(str(kept.get("prose", "")))
    return answers.of_json(
        story_of(shown(beside(body), await masked(turn, beside(body), "story")), proses),
        headers=turn.headers(turn.action),
    )
