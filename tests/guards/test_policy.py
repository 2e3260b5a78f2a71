from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from guards.policy import Classifier, Pattern, Phrase, Pii, Policy, Rule, Settings, Terms
from guards.types import Action

FIND = {"terms": ["wombat"]}
LEAST: dict[str, Any] = {
    "id": "animals",
    "title": "Animals",
    "stages": {"output": {"action": "regenerate"}},
    "find": [FIND],
    "feedback": "no animals",
    "examples": [{"block": "a wombat"}],
}
RuleOf = Callable[..., Rule]
PolicyOf = Callable[..., Policy]


def test_the_six_required_keys_make_a_rule_with_safe_defaults() -> None:
    rule = Rule.model_validate(LEAST)
    assert (rule.mode, rule.on_error, rule.fold) == ("enforce", "block", "full")
    assert rule.allow == rule.deflections == []


@pytest.mark.parametrize("key", sorted(LEAST))
def test_a_required_key_may_not_be_missing(key: str) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate({name: value for name, value in LEAST.items() if name != key})


@pytest.mark.parametrize(
    "changed",
    [
        {"feedbak": "x"},
        {"stages": {"output": {"action": "log", "attemps": 1}}},
        {"find": [{"terms": ["x"], "folds": "full"}]},
        {"examples": [{"block": "x", "contxt": []}]},
    ],
)
def test_a_misspelt_key_is_refused_at_every_depth(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate({**LEAST, **changed})


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "Animals"}, {"id": "1st"}, {"id": "a-b"}, {"id": "a\n"}, {"id": ""}, {"mode": "on"}, {"find": []},
        {"find": [{"term": ["x"]}]}, {"find": ["wombat"]}, {"find": [{"terms": []}]}, {"find": [{"terms": [""]}]},
        {"stages": {}}, {"stages": {"input": {"action": "regenerate"}}}, {"stages": {"output": {"action": "steer"}}},
        {"stages": {"output": {"action": "regenerate", "attempts": 6}}}, {"examples": []}, {"examples": [{}]},
        {"examples": [{"block": "a", "allow": "b"}]}, {"fold": "deep"}, {"on_error": "ignore"},
        {"find": [{"classifier": "x", "clear": 0.9, "block": 0.2}]}, {"find": [{"pii": ["URL"], "score": 1.5}]},
        {"find": [{"phrase": []}]}, {"find": [{"phrase": [[]]}]},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate({**LEAST, **changed})


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        (FIND, Terms),
        ({"terms": "lexicons/animals.yaml"}, Terms),
        ({"pattern": "wombats?"}, Pattern),
        ({"phrase": [[{"LOWER": "wombat"}]]}, Phrase),
        ({"pii": ["URL"]}, Pii),
        ({"classifier": "animals"}, Classifier),
    ],
)
def test_the_key_of_an_entry_tells_its_kind(entry: dict[str, Any], kind: type) -> None:
    assert type(Rule.model_validate({**LEAST, "find": [entry]}).find[0]) is kind


def test_a_problem_does_not_quote_what_was_written() -> None:
    with pytest.raises(ValidationError) as caught:
        Rule.model_validate({**LEAST, "mode": "canary"})
    assert "canary" not in str(caught.value)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        Rule.model_validate({**LEAST, "mode": "on", "fold": "deep", "unknown": 1})
    assert {error["loc"][0] for error in caught.value.errors()} == {"mode", "fold", "unknown"}


def test_a_rule_asks_for_the_action_of_the_stage_it_looks_at(rule_of: RuleOf) -> None:
    rule = rule_of(FIND, on_input=None, on_output="regenerate")
    assert rule.action("input") is None
    assert rule.action("output") is Action.REGENERATE


def test_a_shadow_rule_only_logs_and_an_off_rule_asks_for_nothing(rule_of: RuleOf) -> None:
    assert rule_of(FIND, mode="shadow").action("output") is Action.LOG
    assert rule_of(FIND, mode="off").action("output") is None


def test_a_rule_that_does_not_look_at_replies_costs_no_attempts(rule_of: RuleOf) -> None:
    assert rule_of(FIND, on_output=None).attempts() == 0
    assert Rule.model_validate({**LEAST, "stages": {"output": {"action": "regenerate", "attempts": 4}}}).attempts() == 4


def test_an_example_is_judged_by_whichever_text_it_has(rule_of: RuleOf) -> None:
    rule = rule_of(FIND, examples=[{"block": "a wombat"}, {"allow": "a bat"}])
    assert [example.text for example in rule.examples] == ["a wombat", "a bat"]


def test_the_platform_is_filled_in_where_it_is_named(policy_of: PolicyOf, rule_of: RuleOf) -> None:
    policy = policy_of(rule_of(FIND), platform="Zoo")
    assert policy.filled("only on {platform}, {platform}!") == "only on Zoo, Zoo!"
    assert policy.filled("{other} {") == "{other} {"


def test_settings_need_a_deflection_and_a_policy_needs_a_rule(policy_of: PolicyOf) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"deflections": []})
    with pytest.raises(ValidationError):
        policy_of()


def test_a_rule_in_force_cannot_be_changed(rule_of: RuleOf) -> None:
    with pytest.raises(ValidationError):
        rule_of(FIND).mode = "off"  # type: ignore[misc]


def test_a_telephone_number_counts_without_a_score_being_given(rule_of: RuleOf) -> None:
    entry = rule_of({"pii": ["PHONE_NUMBER"]}).find[0]
    assert isinstance(entry, Pii)
    assert entry.score <= 0.4


@pytest.mark.parametrize(
    ("keys", "bound"),
    [
        ({"judge": "gray", "on_timeout": "allow"}, 0.9), ({"judge": "gray", "on_timeout": "block"}, 0.4),
        ({"judge": "always", "on_timeout": "block"}, 0.4), ({"judge": "never", "on_timeout": "block"}, 0.9),
    ],
)  # fmt: skip
def test_without_a_judge_counts_what_counts_while_none_has_spoken(
    policy_of: PolicyOf, rule_of: RuleOf, keys: dict[str, Any], bound: float
) -> None:
    policy = policy_of(rule_of(FIND, {"classifier": "meetup", "clear": 0.4, "block": 0.9, **keys}))
    find, entry = policy.without_judge().rules[0].find
    assert isinstance(entry, Classifier)
    assert (entry.judge, entry.block) == ("never", bound)
    assert find == policy.rules[0].find[0]


def test_a_tenant_has_the_policys_settings_where_it_names_none_of_its_own() -> None:
    tenants = {"luna": {"streaming": "strict"}, "sol": {"most_held": 300}}
    settings = Settings.model_validate({"deflections": ["hm"], "streaming": "sentence", "tenants": tenants})
    assert [settings.streamed(each) for each in ("luna", "sol", "other", None)] == [
        ("strict", 1000), ("sentence", 300), ("sentence", 1000), ("sentence", 1000),
    ]  # fmt: skip


@pytest.mark.parametrize("tenants", [{"Luna!": {}}, {"luna": {"streaming": "sometimes"}}, {"luna": {"platform": "X"}}])
def test_a_tenant_that_cannot_be_is_refused(tenants: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"deflections": ["hm"], "tenants": tenants})
