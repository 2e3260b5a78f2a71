"""Errors named by what the catcher can do about them.

PolicyError: keep the last good snapshot and show the operator the problems. DetectorError: judge by the rule's
`on_error`. UpstreamError: answer the client with a gateway error. MalformedRequest: answer with a client error.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in the rules, with its place. `line` counts from 1; 0 when the place is the whole file."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}" if self.line else f"{self.file}: {self.message}"


class ChaperoneError(Exception):
    """The root of our errors. Messages never quote message text."""


class PolicyError(ChaperoneError):
    """A policy that cannot be put in force; carries every problem found, not just the first."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


class DetectorError(ChaperoneError):
    """A detector that could not look at a text."""

    def __init__(self, detector: str, kind: str) -> None:
        super().__init__(f"detector {detector} failed: {kind}")
        self.detector = detector


class TrainingError(ChaperoneError):
    """Training cannot begin: something it needs is missing or is not what it should be."""


class UpstreamError(ChaperoneError):
    """An upstream that could not be asked or did not answer as agreed. `status` is what our client is told."""

    def __init__(self, message: str, *, status: int = 502, code: str = "upstream_unavailable") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class MalformedRequest(ChaperoneError):
    """A request that cannot be read. `param` names the place in the body."""

    def __init__(
        self, message: str, *, status: int = 400, code: str = "invalid_request", param: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
