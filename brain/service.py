"""The persona service: the persona behind OpenAI's chat completions API.

It stands apart as the edge of `brain/`: HTTP, status codes and server-sent events are here and nowhere below. It logs
no message text, and no failure of a language model reaches a client as anything but an OpenAI error object.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException

from brain.bubbles import Break
from brain.cast import Casting, Member
from brain.chat import Asked, ChatRequest, Envelope, Json, asked, error_body, read_request
from brain.edge import ClientGone, body_of, event, failure, unless_gone
from brain.embedding import Embed
from brain.lms.choice import OFFLINE, ChosenLM
from brain.memory.choice import open_memory
from brain.memory.summarise import Summariser, summariser
from brain.memory_routes import MemoryRoutes
from brain.persona_files import ANY_PERSONA
from brain.persona_store import PersonaStore
from brain.quiet import silence_dspy
from brain.reader import Reader
from brain.reading import load
from brain.settings import PersonaSettings
from brain.speaker import Spoken
from brain.speaking_first.choice import SpeakingFirst
from brain.speaking_first.routes import ProactiveRoutes
from brain.spoken_story import story_pieces, wanted_story
from brain.stories.routes import StoryRoutes
from brain.stories.shelf import Shelf
from brain.turn import Prepared, Turns
from brain.whose import whose
from guards.errors import MalformedRequest

# In the delta that parts two messages, beside its blank line.
MESSAGE_BREAK = "message_break"
# Who answers, under its model id: the proxy knows us by it.
PERSONA = "x-chaperone-persona"
# On whole answers: who answered where no language model could.
FALLBACK = "x-chaperone-fallback"


def build_app(
    settings: PersonaSettings,
    *,
    clock: Callable[[], datetime] | None = None,
    chosen: ChosenLM | None = None,
    meaning: Embed | None = None,
) -> FastAPI:
    """The service, assembled. `clock` gives the personas' local time; `chosen` replaces the LMs that settings and files
    name; `meaning` embeds texts as unit vectors by what they mean (without it likeness is shared words).

    Raises guards.errors.PolicyError for persona files that cannot be used, brain.lms.choice.UnknownModel and
    brain.speaking_first.choice.BadWebhook.
    """
    silence_dspy()
    now = clock or (lambda: datetime.now(settings.timezone))
    casting = Casting(settings, now, meaning=meaning, chosen=chosen)
    store = PersonaStore(settings.training_data, casting)

    def summariser_of(persona: str) -> Summariser | None:
        member = store.cast.members.get(persona)
        return None if member is None or member.chosen.label == OFFLINE else summariser(member.chosen.engine)

    memory = open_memory(settings, summariser_of=summariser_of, now=lambda: now().astimezone(UTC))
    first = SpeakingFirst(settings, memory, lambda: store.cast.members, now)
    reader = Reader(load(embed=meaning), _second_reader(settings, store.cast.default.chosen))
    routes = PersonaRoutes(store, Turns(memory, reader), lambda: first.state)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        stop = asyncio.Event()
        # A start waits for no index: a turn that comes before it is built does.
        beside = [asyncio.create_task(asyncio.to_thread(store.cast.prepare)), asyncio.create_task(store.watch(stop))]
        async with memory.kept(), first.running(stop):
            yield
            stop.set()
        await asyncio.gather(*beside, return_exceptions=True)
        await casting.aclose()

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.add_route("/v1/chat/completions", routes.chat_completions, methods=["POST"])
    app.add_route("/v1/models", routes.models, methods=["GET"])
    StoryRoutes(lambda model: routes.named(model).teller, Shelf(time.monotonic)).mount(app)
    MemoryRoutes(
        memory,
        lambda model: routes.named(model or ANY_PERSONA).card.model_id,
        lambda model: routes.named(model).clock(),
    ).mount(app)
    ProactiveRoutes(first.offers, lambda model: routes.named(model or ANY_PERSONA), lambda: store.cast.members).mount(
        app
    )
    app.add_route("/healthz", routes.healthz, methods=["GET"])
    app.add_route("/readyz", routes.readyz, methods=["GET"])
    app.add_exception_handler(HTTPException, _no_such_route)
    return app


def _second_reader(settings: PersonaSettings, chosen: ChosenLM) -> Any:
    """The engine that gives a second opinion on what a fan means; None for none. The offline one has no opinions."""
    return chosen.engine if settings.second_reading and chosen.label != OFFLINE else None


class PersonaRoutes:
    """The handlers. Each turn takes the cast in force once."""

    def __init__(self, store: PersonaStore, turns: Turns, speaks_first: Callable[[], str]) -> None:
        self._store = store
        self._turns = turns
        self._speaks_first = speaks_first

    async def healthz(self, _: Request) -> Response:
        """The process answers."""
        return JSONResponse({"status": "ok"})

    async def readyz(self, _: Request) -> Response:
        """The personas in force with what speaks for each, how often which failure of a language model came since its
        files were taken up, in how many turns a fan may have been in distress, and what was wrong with an edit that was
        refused."""
        cast, problems = self._store.cast, self._store.problems
        failures = sum((member.speaker.counts for member in cast.members.values()), Counter(self._turns.counts))
        return JSONResponse(
            {
                "status": "ready" if not problems else "ready, with the personas before the last edit: it was refused",
                "persona": cast.default.card.model_id,
                "lm": cast.default.lm,
                "personas": {name: {"lm": each.lm, "version": each.version} for name, each in cast.members.items()},
                "failures": failures,
                "distressed": self._turns.distressed,
                "speaks_first": self._speaks_first(),
                "problems": [str(problem) for problem in problems],
            }
        )

    async def models(self, _: Request) -> Response:
        """Every persona as a model."""
        models = [
            {"id": name, "object": "model", "created": 0, "owned_by": "chaperone"} for name in self._store.cast.members
        ]
        return JSONResponse({"object": "list", "data": models})

    async def chat_completions(self, request: Request) -> Response:
        """One turn, whole or streamed."""
        try:
            wanted = read_request(await body_of(request))
            member, said = self.named(wanted.model), asked(wanted.messages)
            turn = await self._turns.prepared(member, whose(wanted, request.headers), said)
            return await self._answer(request, wanted, member, turn)
        except ClientGone:
            return Response(status_code=499)
        except Exception as error:  # noqa: BLE001 - the outermost edge: whatever happened becomes an error object
            status, body = failure(error)
            return JSONResponse(body, status)

    def named(self, model: str) -> Member:
        """Who answers to this model name. Raises MalformedRequest (404) naming those there are."""
        cast = self._store.cast
        if (member := cast.find(model)) is None:
            known = ", ".join(cast.members)
            raise MalformedRequest(
                f"there is no such model here; use {known}", status=404, code="model_not_found", param="model"
            )
        return member

    async def _answer(self, request: Request, wanted: ChatRequest, member: Member, turn: Prepared) -> Response:
        created = int(member.clock().timestamp())
        envelope = Envelope(f"chatcmpl-{uuid.uuid4().hex}", created, member.card.model_id)
        headers = {PERSONA: member.card.model_id}
        if not wanted.stream:
            spoken = await unless_gone(request, _whole(member, turn.asked, wanted.options()))
            await self._turns.keep(turn, spoken.text)
            headers |= {FALLBACK: spoken.fallback} if spoken.fallback else {}
            return JSONResponse(envelope.completion(spoken.text, spoken.finish, spoken.usage), headers=headers)
        pieces = self._kept(turn, _pieces(member, turn.asked, wanted.options()))
        # The status is sent with the first piece, so a failure before it still has a status of its own.
        first = await unless_gone(request, anext(pieces))
        include_usage = bool(wanted.stream_options and wanted.stream_options.include_usage)
        events = _events(envelope, first, pieces, include_usage)
        return StreamingResponse(
            events, media_type="text/event-stream", headers={"cache-control": "no-cache", **headers}
        )

    async def _kept(self, turn: Prepared, pieces: Any) -> AsyncGenerator[str | Spoken, None]:
        """The pieces; the reply is kept before its end goes out. One that nobody hears to its end is not: who cut it
        off, as the proxy does, tells what was seen of it."""
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                if isinstance(piece, Spoken):
                    await self._turns.keep(turn, piece.text)
                yield piece


def _pieces(member: Member, asked: Asked, options: Json) -> Any:
    if wanted_story(asked):
        return story_pieces(member.teller, member.speaker, asked, options)
    return member.speaker.pieces(asked, options)


async def _whole(member: Member, asked: Asked, options: Json) -> Spoken:
    if not wanted_story(asked):
        return await member.speaker.whole(asked, options)
    async with contextlib.aclosing(story_pieces(member.teller, member.speaker, asked, options)) as pieces:
        return [piece async for piece in pieces if isinstance(piece, Spoken)][-1]


async def _events(
    envelope: Envelope, first: str | Spoken, rest: AsyncIterator[str | Spoken], include_usage: bool
) -> AsyncIterator[bytes]:
    async with contextlib.aclosing(_chained(first, rest)) as pieces:
        yield event(envelope.chunk({"role": "assistant", "content": ""}))
        try:
            async for piece in pieces:
                if isinstance(piece, str):
                    mark = {MESSAGE_BREAK: True} if isinstance(piece, Break) else {}
                    yield event(envelope.chunk({"content": piece, **mark}))
                    continue
                yield event(envelope.chunk({}, piece.finish))
                if include_usage:
                    yield event(envelope.usage_chunk(piece.usage))
                yield b"data: [DONE]\n\n"
        except Exception as error:  # noqa: BLE001 - the outermost edge: the status is out, so the error is an event
            yield event(failure(error)[1])


async def _chained(first: str | Spoken, rest: Any) -> AsyncGenerator[str | Spoken, None]:
    async with contextlib.aclosing(rest):
        yield first
        async for piece in rest:
            yield piece


async def _no_such_route(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    message, code = (
        ("method not allowed here", "method_not_allowed") if status == 405 else ("no such path", "not_found")
    )
    return JSONResponse(error_body(message, kind="invalid_request_error", code=code), status)
