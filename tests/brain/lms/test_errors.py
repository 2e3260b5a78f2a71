"""Providers' failures by kind and status, without their text."""

from __future__ import annotations

from typing import Any

import pytest
from dspy import lm15

from brain.lms.errors import bare, kind_of, of_status, unreachable, unusable


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, lm15.InvalidRequestError),
        (401, lm15.AuthError),
        (402, lm15.BillingError),
        (404, lm15.UnsupportedModelError),
        (408, lm15.TimeoutError),
        (422, lm15.InvalidRequestError),
        (429, lm15.RateLimitError),
        (503, lm15.ServerError),
        (504, lm15.TimeoutError),
    ],
)
def test_a_status_names_the_kind(status: int, kind: Any) -> None:
    error = of_status(status, "groq")
    assert type(error) is kind
    assert (error.status, error.provider) == (status, "groq")


def test_a_bare_twin_keeps_kind_status_and_retry_after_and_loses_the_text() -> None:
    twin = bare(lm15.RateLimitError("canary", status=429, retry_after=3.0, provider_code="canary"), "groq")
    assert isinstance(twin, lm15.RateLimitError)
    assert (twin.status, twin.retry_after) == (429, 3.0)
    assert "canary" not in f"{twin} {twin!r} {vars(twin)}"


def test_a_failure_without_status_says_its_kind() -> None:
    assert "transport" in str(bare(lm15.TransportError("canary"), "groq"))


def test_an_unknown_kind_is_a_provider_error() -> None:
    assert type(bare(lm15.LM15Error("x"), "groq")) is lm15.ProviderError


def test_unreachable_is_a_transport_error() -> None:
    assert isinstance(unreachable("groq"), lm15.TransportError)


@pytest.mark.parametrize(("header", "wait"), [("2", 2.0), (None, None), ("Wed, 21 Oct 2026", None), ("²", None)])
def test_a_rate_limit_says_how_long_to_wait(header: Any, wait: Any) -> None:
    assert of_status(429, "p", retry_after=header).retry_after == wait


@pytest.mark.parametrize("kind", ["empty", "refusal"])
def test_an_answer_that_cannot_be_used_has_a_kind_of_its_own(kind: str) -> None:
    assert kind_of(unusable(kind)) == kind


def test_other_failures_are_called_by_their_code() -> None:
    assert kind_of(lm15.TimeoutError("x", provider_code="canary")) == "timeout"
