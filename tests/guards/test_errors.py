from __future__ import annotations

import pytest

from guards.errors import ChaperoneError, DetectorError, MalformedRequest, PolicyError, Problem, UpstreamError


def test_a_problem_is_said_with_its_file_and_line() -> None:
    assert str(Problem("meetup.yaml", 7, "unknown key find")) == "meetup.yaml:7: unknown key find"


def test_a_problem_of_a_whole_file_names_no_line() -> None:
    assert str(Problem("policy.yaml", 0, "missing")) == "policy.yaml: missing"


def test_a_policy_error_carries_every_problem_and_says_each_on_its_line() -> None:
    problems = [Problem("a.yaml", 1, "one"), Problem("b.yaml", 2, "two")]
    error = PolicyError(problems)
    assert error.problems == tuple(problems)
    assert str(error).splitlines() == [str(problem) for problem in problems]


def test_a_detector_error_names_the_detector_and_the_kind_of_failure() -> None:
    error = DetectorError("pii:URL", "TimeoutError")
    assert error.detector == "pii:URL"
    assert "pii:URL" in str(error)
    assert "TimeoutError" in str(error)


def test_an_upstream_error_is_a_gateway_error_unless_told_otherwise() -> None:
    assert UpstreamError("no answer").status == 502
    assert UpstreamError("too slow", status=504, code="upstream_timeout").status == 504


def test_a_malformed_request_is_a_client_error_that_names_its_place() -> None:
    error = MalformedRequest("not a list", param="messages")
    assert error.status == 400
    assert error.param == "messages"


@pytest.mark.parametrize("error", [PolicyError([]), DetectorError("x", "y"), UpstreamError("x"), MalformedRequest("x")])
def test_every_error_of_ours_can_be_caught_at_the_root(error: Exception) -> None:
    assert isinstance(error, ChaperoneError)
