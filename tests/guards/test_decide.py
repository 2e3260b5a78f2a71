from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import pytest

from guards.decide import decide, settle
from guards.policy import Policy, Rule
from guards.types import Action, Finding

FIND = {"terms": ["wombat"]}
RuleOf = Callable[..., Rule]
PolicyOf = Callable[..., Policy]


def finding(rule: str, start: int = 0, end: int = 6, view: str = "clean") -> Finding:
    return Finding(rule, start, end, 1.0, "lexicon", view)


@pytest.fixture
def policy(rule_of: RuleOf, policy_of: PolicyOf) -> Policy:
    return policy_of(
        rule_of(FIND, id="noted", on_output="log"),
        rule_of(FIND, id="masked", on_output="redact"),
        rule_of(FIND, id="again", on_output="regenerate", feedback="stay on {platform}"),
        rule_of(FIND, id="stopped", on_output="block"),
        rule_of(FIND, id="watched", mode="shadow"),
        rule_of(FIND, id="asleep", mode="off"),
        rule_of(FIND, id="inward", on_output=None),
    )


def test_no_finding_allows(policy: Policy) -> None:
    verdict = decide(policy, "output", [])
    assert verdict.action is Action.ALLOW
    assert not verdict.rules + verdict.shadow
    assert not verdict.findings


def test_the_strongest_action_wins_in_whatever_order_findings_come(policy: Policy) -> None:
    for order in permutations(["noted", "again", "masked"]):
        verdict = decide(policy, "output", map(finding, order))
        assert verdict.action is Action.REGENERATE
        assert verdict.rules == ("again", "masked")
        assert verdict.shadow == ("noted",)


def test_a_shadow_rule_is_seen_and_has_no_force(policy: Policy) -> None:
    verdict = decide(policy, "output", [finding("watched")])
    assert verdict.action is Action.LOG
    assert verdict.shadow == ("watched",)
    assert not verdict.withholds


def test_a_rule_that_is_off_or_does_not_look_here_leaves_no_trace(policy: Policy) -> None:
    verdict = decide(policy, "output", [finding("asleep"), finding("inward")])
    assert verdict.action is Action.ALLOW
    assert verdict.findings == ()


def test_a_rule_may_ask_for_different_things_at_each_stage(policy: Policy) -> None:
    assert decide(policy, "input", [finding("inward")]).action is Action.BLOCK


def test_feedback_comes_from_enforced_rules_with_the_platform_filled_in(policy: Policy) -> None:
    verdict = decide(policy, "output", [finding("again"), finding("watched")])
    assert verdict.feedback == (f"stay on {policy.settings.platform}",)


def test_only_rules_that_redact_mask(policy: Policy) -> None:
    verdict = decide(policy, "output", [finding("masked", 3, 9), finding("again", 20, 26)])
    assert verdict.masks == ((3, 9),)


def test_findings_stand_in_text_order_and_one_place_is_told_once(policy: Policy) -> None:
    seen = [finding("again", 9, 15), finding("again", 0, 6, "clean"), finding("again", 0, 6, "leet")]
    verdict = decide(policy, "output", seen)
    assert [(f.start, f.view) for f in verdict.findings] == [(0, "clean"), (9, "clean")]


@pytest.mark.parametrize(
    ("on_error", "action"), [("block", Action.BLOCK), ("deflect", Action.DEFLECT), ("allow", Action.LOG)]
)
def test_a_rule_that_could_not_look_acts_as_it_says(
    rule_of: RuleOf, policy_of: PolicyOf, on_error: str, action: Action
) -> None:
    policy = policy_of(rule_of(FIND, on_output="redact", on_error=on_error))
    assert decide(policy, "output", [], failed=["animals"]).action is action


def test_a_failure_never_weakens_what_was_found(rule_of: RuleOf, policy_of: PolicyOf) -> None:
    policy = policy_of(rule_of(FIND, on_error="allow"))
    assert decide(policy, "output", [finding("animals")], failed=["animals"]).action is Action.BLOCK


@pytest.mark.parametrize("rule", ["watched", "asleep", "inward"])
def test_a_failure_of_a_rule_without_force_changes_nothing(policy: Policy, rule: str) -> None:
    assert decide(policy, "output", [], failed=[rule]).action is Action.ALLOW


def test_a_rule_that_only_logs_never_withholds_because_it_could_not_look(rule_of: RuleOf, policy_of: PolicyOf) -> None:
    policy = policy_of(rule_of(FIND, on_output="log", on_error="block"))
    assert not decide(policy, "output", [], failed=["animals"]).withholds


def gray(rule: str, without_a_judge: str) -> Finding:
    return replace(finding(rule), gray=without_a_judge)


def test_a_gray_finding_counts_as_it_says_itself_until_a_judge_speaks(policy: Policy) -> None:
    verdict = decide(policy, "output", [gray("again", "allow"), gray("stopped", "block")])
    assert verdict.rules == ("stopped",)
    assert {each.rule for each in verdict.gray} == {"again", "stopped"}


def test_a_judge_confirms_and_clears_gray_findings(policy: Policy) -> None:
    open_verdict = decide(policy, "output", [gray("again", "allow"), gray("stopped", "block")])
    settled = settle(policy, open_verdict, {"again": True, "stopped": False})
    assert settled.rules == ("again",)
    assert settled.feedback == ("stay on OnlyFans",)
    assert not settled.gray


def test_a_judge_cannot_clear_what_is_certain(policy: Policy) -> None:
    verdict = decide(policy, "output", [finding("stopped"), gray("stopped", "allow")])
    assert not verdict.gray
    assert settle(policy, verdict, {"stopped": False}).rules == ("stopped",)


def test_nobody_is_asked_about_rules_without_force(policy: Policy) -> None:
    assert not decide(policy, "output", [gray("watched", "allow"), gray("noted", "block")]).gray


def test_a_judge_does_not_undo_a_failed_detector(policy: Policy) -> None:
    verdict = decide(policy, "output", [gray("again", "block")], ["stopped"])
    assert settle(policy, verdict, {"again": False}).rules == ("stopped",)
