"""What clients are told when a turn has no ordinary answer."""

from __future__ import annotations

import json

import pytest

from guards.errors import MalformedRequest, UpstreamError
from proxy import answers
from proxy.answers import Answer

EVERY = [
    answers.malformed(MalformedRequest("n is odd", param="n", status=413, code="c")),
    answers.upstream_failed(UpstreamError("it is down", status=504, code="upstream_timeout")),
    answers.overloaded(),
    answers.internal(),
    answers.audit_unavailable(),
    answers.content_blocked(),
]


@pytest.mark.parametrize("answer", EVERY, ids=lambda answer: str(answer.status))
def test_every_answer_is_an_error_object_in_openais_shape(answer: Answer) -> None:
    assert dict(answer.headers)[b"content-type"] == b"application/json"
    error = json.loads(answer.body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    assert error["code"]


def test_errors_keep_their_status_code_and_parameter() -> None:
    malformed, failed = EVERY[0], EVERY[1]
    assert (malformed.status, failed.status) == (413, 504)
    assert json.loads(malformed.body)["error"] == {
        "message": "n is odd", "type": "invalid_request_error", "param": "n", "code": "c"
    }  # fmt: skip
    assert json.loads(failed.body)["error"]["code"] == "upstream_timeout"


def test_what_may_be_tried_again_says_when() -> None:
    for answer in (answers.overloaded(), answers.audit_unavailable()):
        assert answer.status == 503
        assert int(dict(answer.headers)[b"retry-after"]) >= 1


def test_an_answers_repr_shows_no_body() -> None:
    assert "secret" not in repr(answers.of_json({"text": "secret"}))
