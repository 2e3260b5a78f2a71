"""`/v1/feedback`: takes a thumb for a turn, with words and the messages it is about, and erases them again.

It stands apart from the store because everything here is about what a stranger may send.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import FastAPI, Request, Response
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from guards.errors import MalformedRequest
from proxy import answers
from proxy.bodies import limited, response
from proxy.feedback import Feedback, FeedbackError, Rating, Said
from proxy.headers import CONVERSATION
from proxy.turn import Services
from proxy.wire import read_json, text_of

_PATH = "/v1/feedback"
_MOST_BODY = 512 * 1024  # bytes, whatever a turn may have
_MOST_MESSAGES = 50
_MOST_CHARACTERS = 20_000  # of one message
_RATINGS = {"thumbs_up": "up", "thumbs_down": "down", "👍": "up", "👎": "down"}
_SHAPE = ConfigDict(extra="ignore", hide_input_in_errors=True)

_Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,128}\z")]
_Text = Annotated[str, StringConstraints(max_length=_MOST_CHARACTERS)]


def _thumb(given: Any) -> Any:
    return _RATINGS.get(given, given) if isinstance(given, str) else given


class _Message(BaseModel):
    model_config = _SHAPE

    role: Literal["user", "assistant"]
    content: Annotated[_Text, BeforeValidator(lambda given: text_of(given) if isinstance(given, list) else given)]


class _Given(BaseModel):
    """The body of a POST."""

    model_config = _SHAPE

    turn: _Id = Field(validation_alias=AliasChoices("turn", "turn_id"))
    rating: Annotated[Rating, BeforeValidator(_thumb)] = Field(validation_alias=AliasChoices("rating", "thumbs"))
    text: Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)] | None = None
    conversation: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = Field(
        None, validation_alias=AliasChoices("conversation", "conversation_id")
    )
    model: Annotated[str, StringConstraints(max_length=256)] | None = None
    messages: Annotated[list[_Message], Field(max_length=_MOST_MESSAGES)] | None = None


def add(app: FastAPI, services: Services, max_body: int) -> None:
    """Puts the path on `app`."""

    @app.post(_PATH)
    async def rate(request: Request) -> Response:
        try:
            given = _read(await limited(request, min(max_body, _MOST_BODY)), request.headers.get(CONVERSATION))
            rated = _feedback(given, services)
            await services.feedback.write(rated)
        except MalformedRequest as error:
            return response(answers.malformed(error))
        except FeedbackError as error:
            return _unavailable(error)
        services.metrics.feedback.labels(rated.rating).inc()
        told = {"id": f"feedback-{rated.turn}", "object": "feedback", "turn": rated.turn, "rating": rated.rating}
        created = int(services.now().timestamp())
        return response(answers.of_json({**told, "conversation": rated.conversation, "created": created}))

    @app.delete(_PATH)
    async def erase(request: Request) -> Response:
        named = {name: request.query_params.get(name, "") for name in ("turn", "conversation")}
        if not any(named.values()):
            told = "name what to erase: ?turn=… or ?conversation=…"
            return response(answers.malformed(MalformedRequest(told, param="turn")))
        try:
            erased = await services.feedback.erase(**named)
        except FeedbackError as error:
            return _unavailable(error)
        return response(answers.of_json({"object": "feedback.deleted", "deleted": erased}))


def _read(body: bytes, conversation: str | None) -> _Given:
    """The body's fields; `conversation` is what the header says. Raises MalformedRequest naming the first place."""
    raw = read_json(body)
    if conversation and "conversation" not in raw and "conversation_id" not in raw:
        raw = {**raw, "conversation": conversation}
    try:
        given = _Given.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise MalformedRequest(f"{place}: {first['msg']}", param=place) from None
    if given.messages and given.messages[-1].role != "assistant":
        raise MalformedRequest("messages: the rated reply of the assistant must be the last", param="messages")
    return given


def _feedback(given: _Given, services: Services) -> Feedback:
    messages = tuple(Said(message.role, message.content) for message in given.messages or ())
    time = services.now().isoformat(timespec="milliseconds")
    return Feedback(
        given.turn, time, given.rating, given.model or "", given.conversation, given.text or "", messages
    )  # fmt: skip


def _unavailable(error: FeedbackError) -> Response:
    return response(
        answers.of_json(answers.error_body(f"{error}: try again", "server_error", "store_unavailable"), 503)
    )
