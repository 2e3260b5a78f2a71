"""Providers' failures as dspy.lm15 errors that name the kind and the status, and quote nothing.

It stands apart because a provider's error text may repeat the prompt: what crosses this border is only what a caller
needs in order to decide, retry or report.
"""

from __future__ import annotations

from typing import Any

import dspy
from dspy import lm15

# What a DSPy program raises where its language model failed.
FAILURES = (dspy.LMError, dspy.AdapterParseError)

_UNUSABLE = ("empty", "refusal")
_BY_STATUS = {
    401: lm15.AuthError,
    402: lm15.BillingError,
    403: lm15.AuthError,
    404: lm15.UnsupportedModelError,
    408: lm15.TimeoutError,
    429: lm15.RateLimitError,
    504: lm15.TimeoutError,
}
# Specific kinds before their parents.
_KINDS = (
    lm15.ContextLengthError,
    lm15.UnsupportedModelError,
    lm15.InvalidRequestError,
    lm15.AuthError,
    lm15.BillingError,
    lm15.RateLimitError,
    lm15.TimeoutError,
    lm15.ServerError,
    lm15.StreamAssemblyError,
    lm15.TransportError,
    lm15.ConfigurationError,
    lm15.CapabilityError,
)


def of_status(status: int, provider: str, *, retry_after: str | None = None) -> Any:
    """The error for an HTTP status of 400 or above; `retry_after` is the header of that name."""
    kind = _BY_STATUS.get(status, lm15.ServerError if status >= 500 else lm15.InvalidRequestError)
    wait = float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else None
    return kind(f"{provider} answered with status {status}", provider=provider, status=status, retry_after=wait)


def unreachable(provider: str) -> Any:
    """The error for a connection that could not be made or broke."""
    return lm15.TransportError(f"{provider} could not be reached or hung up", provider=provider)


def unusable(kind: str) -> Any:
    """The error for an answer that arrived and is none: `empty` or `refusal`, which stands as its `provider_code`."""
    return lm15.ProviderError(f"the language model's answer cannot be used: {kind}", provider_code=kind)


def kind_of(error: Any) -> str:
    """The kind of an lm15 error or of one of FAILURES, for logs and counters: `empty`, `refusal`, else its code."""
    if isinstance(error, dspy.AdapterParseError):
        return "empty"
    return str(error.provider_code if error.provider_code in _UNUSABLE else error.code)


def bare(error: Any, provider: str) -> Any:
    """A twin of an lm15 error of the same kind and status, without its text."""
    kind = next((kind for kind in _KINDS if isinstance(error, kind)), lm15.ProviderError)
    said = f"answered with status {error.status}" if error.status else f"failed: {kind.default_code}"
    return kind(f"{provider} {said}", provider=provider, status=error.status, retry_after=error.retry_after)
