"""Answers that tell of an error: a message that says what to do, never a traceback, never message text.

Their body is OpenAI's unless the surface that was asked brings its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from guards.errors import MalformedRequest, UpstreamError
from proxy.wire import write_json

Headers = list[tuple[bytes, bytes]]
ErrorBody = Callable[[str, str, str, str | None], dict[str, Any]]
_JSON = (b"content-type", b"application/json")
_SOON = [(b"retry-after", b"1")]


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


def malformed(error: MalformedRequest, body: ErrorBody = error_body) -> Answer:
    """What a client gets for a request that cannot be read."""
    return of_json(body(str(error), "invalid_request_error", error.code, error.param), error.status)


def upstream_failed(error: UpstreamError, body: ErrorBody = error_body) -> Answer:
    """What a client gets when the upstream does not answer."""
    return of_json(body(str(error), "api_error", error.code, None), error.status)


def overloaded(body: ErrorBody = error_body) -> Answer:
    """What a client gets when every place for a turn is taken."""
    told = "all places for turns are taken: try again in a second"
    return of_json(body(told, "server_error", "overloaded", None), 503, _SOON)


def internal(body: ErrorBody = error_body) -> Answer:
    """What a client gets for a defect of ours: nothing of the turn has been passed on."""
    return of_json(body("the turn could not be completed", "server_error", "internal_error", None), 500)


def audit_unavailable(body: ErrorBody = error_body) -> Answer:
    """What a client gets when a record that must be kept cannot be written."""
    told = "the turn could not be recorded: try again"
    return of_json(body(told, "server_error", "audit_unavailable", None), 503, _SOON)


def content_blocked(body: ErrorBody = error_body) -> Answer:
    """What a client gets for a turn that a rule blocks. Which rule is the operator's to know."""
    return of_json(body("this turn was blocked by policy", "invalid_request_error", "content_filter", None), 400)
