from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from guards.types import STAGES, Action, Finding, Message, Verdict


def test_actions_rise_in_the_order_the_design_gives() -> None:
    rising = ["allow", "log", "redact", "steer", "regenerate", "deflect", "block"]
    assert [action.word for action in sorted(Action)] == rising


def test_an_action_is_found_by_the_word_that_rules_write() -> None:
    assert all(Action.of(action.word) is action for action in Action)


def test_an_unknown_word_names_no_action() -> None:
    with pytest.raises(KeyError):
        Action.of("refuse")


@pytest.mark.parametrize("action", [Action.REDACT, Action.REGENERATE, Action.DEFLECT, Action.BLOCK])
def test_text_is_withheld_where_it_may_not_go_out_as_it_stands(action: Action) -> None:
    assert Verdict("output", action).withholds


@pytest.mark.parametrize("action", [Action.ALLOW, Action.LOG, Action.STEER])
def test_text_goes_on_unchanged_where_nothing_or_only_guidance_is_asked(action: Action) -> None:
    assert not Verdict("input", action).withholds


def test_a_message_keeps_its_text_out_of_its_repr() -> None:
    assert "canary" not in repr(Message("user", "canary"))


def test_what_is_exchanged_cannot_be_changed_by_who_receives_it() -> None:
    finding = Finding("animals", 0, 3, 1.0, "lexicon")
    with pytest.raises(FrozenInstanceError):
        finding.start = 1  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        Verdict("output").action = Action.ALLOW  # type: ignore[misc]


def test_there_are_two_stages() -> None:
    assert set(STAGES) == {"input", "output"}
