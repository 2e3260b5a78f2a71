"""Providers' failures as dspy.lm15 errors that name the kind and the status, and quote nothing.

It stands apart because a provider's error text may repeat the prompt: what crosses this border is only what a caller
needs in order to decide, retry or report.
"""

from __future__ import annotations

from typing import Any

from dspy import lm15

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


def of_status(status: int, provider: str) -> Any:
    """The error for an HTTP status of 400 or above."""
    kind = _BY_STATUS.get(status, lm15.ServerError if status >= 500 else lm15.InvalidRequestError)
    return kind(f"{provider} answered with status {status}", provider=provider, status=status)


def unreachable(provider: str) -> Any:
    """The error for a connection that could not be made or broke."""
    return lm15.TransportError(f"{provider} could not be reached or hung up", provider=provider)


def bare(error: Any, provider: str) -> Any:
    """A twin of an lm15 error of the same kind and status, without its text."""
    kind = next((kind for kind in _KINDS if isinstance(error, kind)), lm15.ProviderError)
    said = f"answered with status {error.status}" if error.status else f"failed: {kind.default_code}"
    return kind(f"{provider} {said}", provider=provider, status=error.status, retry_after=error.retry_after)
