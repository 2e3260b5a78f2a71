"""Answers in OpenAI's error shape: a message that says what to do, never a traceback, never message text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from guards.errors import MalformedRequest, UpstreamError
from proxy.wire import write_json

Headers = list[tuple[bytes, bytes]]
_JSON = (b"content-type", b"application/json")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    body: bytes = field(repr=False)
    headers: Headers = field(default_factory=list)


def of_json(value: Any, status: int = 200, headers: Headers | None = None) -> Answer:
    """`value` as a JSON answer."""
    return Answer(status, write_json(value), [_JSON, *(headers or [])])


def error_body(message: str, kind: str, code: str, param: str | None = None) -> dict[str, Any]:
    """OpenAI's error object."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def malformed(error: MalformedRequest) -> Answer:
    """What a client gets for a request that cannot be read."""
    return of_json(error_body(str(error), "invalid_request_error", error.code, error.param), error.status)


def upstream_failed(error: UpstreamError) -> Answer:
    """What a client gets when the upstream does not answer."""
    return of_json(error_body(str(error), "api_error", error.code), error.status)


def overloaded() -> Answer:
    """What a client gets when every place for a turn is taken."""
    body = error_body("all places for turns are taken: try again in a second", "server_error", "overloaded")
    return of_json(body, 503, [(b"retry-after", b"1")])


def internal() -> Answer:
    """What a client gets for a defect of ours: nothing of the turn has been passed on."""
    return of_json(error_body("the turn could not be completed", "server_error", "internal_error"), 500)


def audit_unavailable() -> Answer:
    """What a client gets when a record that must be kept cannot be written."""
    body = error_body("the turn could not be recorded: try again", "server_error", "audit_unavailable")
    return of_json(body, 503, [(b"retry-after", b"1")])


def content_blocked() -> Answer:
    """What a client gets for a turn that a rule blocks. Which rule is the operator's to know."""
    body = error_body("this turn was blocked by policy", "invalid_request_error", "content_filter")
    return of_json(body, 400)
