"""Builders for the guards' tests: rules, policies and guards from the few keys a test is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from guards.detectors.base import Source
from guards.guard import Guard
from guards.policy import Fold, Policy, Rule

FEEDBACK = "say it without that word"


def _rule(*find: dict[str, Any], on_input: str | None = "block", on_output: str | None = "block", **more: Any) -> Rule:
    stages = {
        stage: {"action": action}
        for stage, action in (("input", on_input), ("output", on_output))
        if action is not None
    }
    keys = {"id": "animals", "title": "Animals", "stages": stages, "find": list(find), "feedback": FEEDBACK}
    return Rule.model_validate({**keys, "examples": [{"allow": "an ordinary sentence"}], **more})


def _policy(*rules: Rule, lexicons: dict[str, tuple[str, ...]] | None = None, **settings: Any) -> Policy:
    keys = {"deflections": ["tell me about your day"], **settings}
    return Policy.model_validate({"settings": keys, "rules": rules, "lexicons": lexicons or {}})


def _guard(*find: dict[str, Any], **more: Any) -> Guard:
    return Guard(_policy(_rule(*find, **more)))


def _source(entry: Any, rule: str = "animals", fold: Fold = "full", number: int = 0) -> Source:
    return Source(rule, ("find", number, type(entry).__name__.lower()), fold, entry)


@pytest.fixture(scope="session")
def rule_of() -> Callable[..., Rule]:
    """rule_of(*find, on_input=…, on_output=…, **keys): a rule called `animals` unless told otherwise."""
    return _rule


@pytest.fixture(scope="session")
def policy_of() -> Callable[..., Policy]:
    """policy_of(*rules, lexicons=…, **settings)."""
    return _policy


@pytest.fixture(scope="session")
def guard_of() -> Callable[..., Guard]:
    """guard_of(*find, **keys of the rule): a guard with that one rule."""
    return _guard


@pytest.fixture(scope="session")
def source_of() -> Callable[..., Source]:
    """source_of(entry, rule=…, fold=…, number=…): one `find` entry in force."""
    return _source
