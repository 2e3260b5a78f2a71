"""The persona service: the persona behind OpenAI's chat completions API.

It stands apart as the edge of `brain/`: HTTP, status codes and server-sent events are here and nowhere below. It logs
no message text, and no failure of a language model reaches a client as anything but an OpenAI error object.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import datetime
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException

from brain.bubbles import Break
from brain.chat import Asked, ChatRequest, Envelope, asked, error_body, read_request
from brain.conversations import read_conversations
from brain.edge import ClientGone, body_of, event, failure, unless_gone
from brain.lms.choice import ChosenLM, choose, choose_fallback
from brain.manner import manner_of
from brain.persona import Persona
from brain.quiet import silence_dspy
from brain.settings import PersonaSettings
from brain.speaker import Speaker, Spoken
from brain.stories.choice import teller_of
from brain.stories.routes import StoryRoutes
from brain.stories.samples import read_samples
from brain.stories.shapes import Narrator
from brain.stories.shelf import Shelf
from brain.stories.teller import Teller
from brain.voice import Voice
from guards.errors import MalformedRequest

# Also accepted as `model`, whatever the persona is called.
ANY_PERSONA = "persona"

# In the delta that parts two messages, beside its blank line.
MESSAGE_BREAK = "message_break"
# On whole answers: who answered where no language model could.
FALLBACK = "x-chaperone-fallback"


def build_app(
    settings: PersonaSettings, *, clock: Callable[[], datetime] | None = None, chosen: ChosenLM | None = None
) -> FastAPI:
    """The service, assembled. `clock` gives the persona's local time; `chosen` replaces the LM the settings name.

    Raises guards.errors.PolicyError for a broken conversations file and brain.lms.choice.UnknownModel.
    """
    silence_dspy()
    now = clock or (lambda: datetime.now(settings.timezone))
    voice = Voice(read_conversations(settings.training_data), settings.demos)
    lm = chosen or choose(settings, voice)
    second = choose_fallback(settings, voice)
    manner = manner_of(settings, voice, lm, second)
    defaults = {"temperature": settings.temperature, "max_tokens": settings.max_tokens}
    routes = PersonaRoutes(Speaker(Persona(voice), lm, defaults, now, manner), voice.card.model_id, lm.label, now)
    narrator = Narrator(voice.card.name, voice.card.voice, voice.card.platform)
    teller = teller_of(narrator, lm, defaults, read_samples(settings.training_data), delay=settings.offline_delay)

    def teller_named(model: str) -> Teller:
        routes.require_model(model)
        return teller

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        for each in (lm, second):
            if each:
                await each.engine.aclose()

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.add_route("/v1/chat/completions", routes.chat_completions, methods=["POST"])
    app.add_route("/v1/models", routes.models, methods=["GET"])
    StoryRoutes(teller_named, Shelf(time.monotonic)).mount(app)
    app.add_route("/healthz", routes.healthz, methods=["GET"])
    app.add_route("/readyz", routes.readyz, methods=["GET"])
    app.add_exception_handler(HTTPException, _no_such_route)
    return app


class PersonaRoutes:
    """The handlers. `model` is the persona's id on the wire, `lm` the label of what speaks for it."""

    def __init__(self, speaker: Speaker, model: str, lm: str, clock: Callable[[], datetime]) -> None:
        self._speaker = speaker
        self._model = model
        self._lm = lm
        self._clock = clock

    async def healthz(self, _: Request) -> Response:
        """The process answers."""
        return JSONResponse({"status": "ok"})

    async def readyz(self, _: Request) -> Response:
        """Persona and language model in use, and how often which failure of a language model came."""
        return JSONResponse(
            {"status": "ready", "persona": self._model, "lm": self._lm, "failures": self._speaker.counts}
        )

    async def models(self, _: Request) -> Response:
        """The one model there is."""
        model = {"id": self._model, "object": "model", "created": 0, "owned_by": "chaperone"}
        return JSONResponse({"object": "list", "data": [model]})

    async def chat_completions(self, request: Request) -> Response:
        """One turn, whole or streamed."""
        try:
            wanted = read_request(await body_of(request))
            self.require_model(wanted.model)
            return await self._answer(request, wanted, asked(wanted.messages))
        except ClientGone:
            return Response(status_code=499)
        except Exception as error:  # noqa: BLE001 - the outermost edge: whatever happened becomes an error object
            status, body = failure(error)
            return JSONResponse(body, status)

    def require_model(self, name: str) -> None:
        """Raises MalformedRequest (404) when `name` is not the persona's."""
        if name.lower() not in (self._model, ANY_PERSONA):
            raise MalformedRequest(
                f"there is no such model here; use {self._model}", status=404, code="model_not_found", param="model"
            )

    async def _answer(self, request: Request, wanted: ChatRequest, turn: Asked) -> Response:
        envelope = Envelope(f"chatcmpl-{uuid.uuid4().hex}", int(self._clock().timestamp()), self._model)
        if not wanted.stream:
            spoken = await unless_gone(request, self._speaker.whole(turn, wanted.options()))
            headers = {FALLBACK: spoken.fallback} if spoken.fallback else {}
            return JSONResponse(envelope.completion(spoken.text, spoken.finish, spoken.usage), headers=headers)
        pieces = self._speaker.pieces(turn, wanted.options())
        # The status is sent with the first piece, so a failure before it still has a status of its own.
        first = await unless_gone(request, anext(pieces))
        include_usage = bool(wanted.stream_options and wanted.stream_options.include_usage)
        events = _events(envelope, first, pieces, include_usage)
        return StreamingResponse(events, media_type="text/event-stream", headers={"cache-control": "no-cache"})


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
