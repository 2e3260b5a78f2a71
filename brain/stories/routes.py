"""`/v1/stories` over HTTP: stories told whole or streamed, and interactive ones beat by beat.

It stands apart as the edge of `brain/stories/`: status codes and server-sent events of stories are here and nowhere
below.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from brain.edge import ClientGone, body_of, event, failure, unless_gone
from brain.stories.shapes import BeatAction, Brief, Json, Mode, StoryIn, read, story_json
from brain.stories.shelf import Shelf, Story, writing
from brain.stories.teller import Delta, Done, Teller, Told
from guards.errors import MalformedRequest

Find = Callable[[str], Teller]
_PATH = "/v1/stories"
_END = b"data: [DONE]\n\n"


class StoryRoutes:
    """The handlers. `find` gives who tells the stories of a model; it raises MalformedRequest for an unknown one."""

    def __init__(self, find: Find, shelf: Shelf) -> None:
        self._find = find
        self._shelf = shelf

    def mount(self, app: FastAPI) -> None:
        """Adds the routes to `app`."""
        app.add_route(_PATH, _safe(self.tell), methods=["POST"])
        app.add_route(_PATH + "/{id}", _safe(self.show), methods=["GET"])
        app.add_route(_PATH + "/{id}", _safe(self.erase), methods=["DELETE"])
        app.add_route(_PATH + "/{id}/beats/{index}", _safe(self.act), methods=["POST"])

    async def tell(self, request: Request) -> Response:
        """A story, or the first beat of an interactive one."""
        wanted = read(StoryIn, await body_of(request))
        teller, brief = self._find(wanted.model), wanted.brief()
        if wanted.mode == "interactive":
            story = self._shelf.begin(wanted.model, brief)
            return await self._proposed(request, story, teller, wanted.stream, brief)
        id_ = f"story-{uuid.uuid4().hex}"
        return await _answer(request, wanted.stream, _Telling(id_, brief, wanted.mode), teller.tell(brief, wanted.mode))

    async def act(self, request: Request) -> Response:
        """Accepts or regenerates a beat of an interactive story."""
        wanted = read(BeatAction, await body_of(request))
        story = self._shelf.get(request.path_params["id"])
        teller, index = self._find(story.model), _index(request.path_params["index"])
        story.require(index, accepting=wanted.action == "accept" and wanted.prose is None)
        brief = _with(story.brief, wanted, len(story.accepted) + (wanted.action == "accept"))
        if wanted.action == "accept":
            with writing(story):
                story.accept(wanted.prose or story.proposal)
        return await self._proposed(request, story, teller, wanted.stream, brief)

    async def show(self, request: Request) -> Response:
        """An interactive story as it stands."""
        return JSONResponse(self._shelf.get(request.path_params["id"]).json())

    async def erase(self, request: Request) -> Response:
        """Forgets an interactive story."""
        self._shelf.remove(request.path_params["id"])
        return JSONResponse({"id": request.path_params["id"], "object": "story", "deleted": True})

    async def _proposed(self, request: Request, story: Story, teller: Teller, stream: bool, brief: Brief) -> Response:
        """The story with a proposal for the beat behind its accepted ones; once that is written, it is kept."""
        telling = _Telling(story.id, story.brief, "interactive", story)
        return await _answer(request, stream, telling, self._next(story, teller, brief))

    async def _next(self, story: Story, teller: Teller, brief: Brief) -> AsyncGenerator[Told, None]:
        with writing(story):
            if not story.is_told:
                past = [*story.past, *filter(None, [brief.past_prose])]
                async with aclosing(teller.one(brief, len(story.accepted), story.so_far, past)) as told:
                    async for each in told:
                        if isinstance(each, Done):
                            story.propose(each.prose)
                        yield each
            self._shelf.put(story)


class _Telling:
    """What is known of a story while it is told."""

    def __init__(self, id_: str, brief: Brief, mode: Mode, story: Story | None = None) -> None:
        self.id = id_
        self._brief = brief
        self._mode = mode
        self._story = story
        self._proses = [""] * len(brief.beats)

    def take(self, told: Told) -> Json:
        """What the wire says of it."""
        if isinstance(told, Delta):
            return {"id": self.id, "beat": told.beat, "delta": told.text}
        self._proses[told.beat] = told.prose
        return {"id": self.id, "beat": told.beat, "done": True}

    def json(self) -> Json:
        """The story as far as it was told."""
        return self._story.json() if self._story else story_json(self.id, self._mode, self._brief.beats, self._proses)


async def _answer(request: Request, stream: bool, telling: _Telling, told: AsyncGenerator[Told, None]) -> Response:
    if not stream:
        await unless_gone(request, _all(telling, told))
        return JSONResponse(telling.json())
    # The status is sent with the first piece, so a failure before it still has a status of its own.
    first = await unless_gone(request, _first(told))
    events = _events(telling, first, told)
    return StreamingResponse(events, media_type="text/event-stream", headers={"cache-control": "no-cache"})


async def _all(telling: _Telling, told: AsyncGenerator[Told, None]) -> None:
    async with aclosing(told):
        async for each in told:
            telling.take(each)


async def _first(told: AsyncGenerator[Told, None]) -> Sequence[Told]:
    return [each] if (each := await anext(told, None)) else []


async def _events(telling: _Telling, first: Sequence[Told], rest: AsyncGenerator[Told, None]) -> AsyncIterator[bytes]:
    async with aclosing(rest):
        try:
            for each in first:
                yield event(telling.take(each))
            async for each in rest:
                yield event(telling.take(each))
            yield event(telling.json())
            yield _END
        except Exception as error:  # noqa: BLE001 - the outermost edge: the status is out, so the error is an event
            yield event(failure(error)[1])


def _with(brief: Brief, wanted: BeatAction, index: int) -> Brief:
    """The story's brief with what an action says about the beat it has written."""
    temperatures = list(brief.temperatures)
    if wanted.temperature is not None and index < len(temperatures):
        temperatures[index] = wanted.temperature
    return Brief(
        beats=brief.beats, temperatures=tuple(temperatures), characters=brief.characters,
        temperature=brief.temperature, max_tokens=brief.max_tokens, so_far=brief.so_far,
        guidance=wanted.guidance or brief.guidance, past_prose=wanted.past_prose,
    )  # fmt: skip


def _index(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 4):
        raise MalformedRequest("the beat's index is a whole number from 0", status=404, code="beat_not_found")
    return int(text)


def _safe(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Any]]:
    async def handled(request: Request) -> Response:
        try:
            return await handler(request)
        except ClientGone:
            return Response(status_code=499)
        except Exception as error:  # noqa: BLE001 - the outermost edge: whatever happened becomes an error object
            status, body = failure(error)
            return JSONResponse(body, status)

    return handled
