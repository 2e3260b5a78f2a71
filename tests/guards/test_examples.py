from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from guards.examples import failures, leaking_deflections
from guards.guard import Guard
from guards.policy import Policy, Rule

FIND = {"terms": ["wombat", "velvet room"]}
RuleOf = Callable[..., Rule]
PolicyOf = Callable[..., Policy]


@pytest.fixture
def failed(rule_of: RuleOf, policy_of: PolicyOf) -> Callable[..., list[int]]:
    """The numbers of the failed examples of a rule that has `examples`."""

    def numbers(*examples: dict[str, Any], **keys: Any) -> list[int]:
        rule = rule_of(FIND, examples=list(examples), **keys)
        return [failure.number for failure in failures(Guard(policy_of(rule)))]

    return numbers


def test_examples_judged_as_they_say_pass(failed: Callable[..., list[int]]) -> None:
    assert failed({"block": "a w0mbat"}, {"allow": "a bat"}) == []


def test_every_example_judged_otherwise_is_told_by_its_number(failed: Callable[..., list[int]]) -> None:
    assert failed({"block": "a bat"}, {"block": "a wombat"}, {"allow": "one wombat"}) == [0, 2]


def test_an_example_may_need_what_was_said_before(failed: Callable[..., list[int]]) -> None:
    context = [{"role": "user", "text": "the velvet"}, {"role": "assistant", "text": "yes?"}]
    assert failed({"block": "room", "context": context}) == []
    assert failed({"block": "room"}) == [0]


def test_one_stage_is_enough_to_fire(failed: Callable[..., list[int]]) -> None:
    assert failed({"block": "wombat"}, on_input=None) == []
    assert failed({"block": "wombat"}, on_output=None) == []


def test_a_shadow_rule_keeps_its_examples_and_an_off_rule_is_not_asked(failed: Callable[..., list[int]]) -> None:
    assert failed({"block": "a bat"}, mode="shadow") == [0]
    assert failed({"block": "a wombat"}, mode="shadow") == []
    assert failed({"block": "a bat"}, mode="off") == []


def test_an_example_is_judged_by_its_own_rule_alone(rule_of: RuleOf, policy_of: PolicyOf) -> None:
    other = rule_of({"terms": ["bat"]}, id="other", examples=[{"block": "a bat"}])
    mine = rule_of(FIND, examples=[{"allow": "a bat"}])
    assert list(failures(Guard(policy_of(mine, other)))) == []


def test_a_failure_names_its_rule_and_quotes_no_text(rule_of: RuleOf, policy_of: PolicyOf) -> None:
    rule = rule_of(FIND, examples=[{"block": "canary"}])
    failure = next(failures(Guard(policy_of(rule))))
    assert failure.rule == "animals"
    assert "animals" in failure.message
    assert "canary" not in failure.message


def test_a_deflection_that_would_itself_be_withheld_is_told(rule_of: RuleOf, policy_of: PolicyOf) -> None:
    rule = rule_of(FIND, deflections=["fine", "look, a wombat"])
    policy = policy_of(rule, deflections=["a wombat again", "all good"])
    assert list(leaking_deflections(Guard(policy))) == [("policy", 0), ("animals", 1)]


def test_a_deflection_is_judged_as_the_fan_will_read_it(rule_of: RuleOf, policy_of: PolicyOf) -> None:
    policy = policy_of(rule_of(FIND, deflections=["only on {platform}"]), platform="Wombat")
    assert list(leaking_deflections(Guard(policy))) == [("animals", 0)]


def test_a_deflection_that_is_only_logged_does_not_leak(rule_of: RuleOf, policy_of: PolicyOf) -> None:
    rule = rule_of(FIND, on_output="log", deflections=["a wombat"])
    assert list(leaking_deflections(Guard(policy_of(rule)))) == []
