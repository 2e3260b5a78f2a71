from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guards.detectors.base import BuildProblem
from guards.guard import Guard
from guards.policy import Policy, Rule
from guards.types import Action, Message

QUICK = settings(deadline=None, max_examples=100)
NAMES = {"terms": ["instagram", "velvet room"]}
NUMBER = {"pattern": r"\b\d{3}[ -]?\d{4}\b"}
GuardOf = Callable[..., Guard]


@pytest.fixture(scope="module")
def guard(guard_of: GuardOf) -> Guard:
    return guard_of(NAMES, NUMBER, on_input="steer", on_output="regenerate")


def user(text: str) -> Message:
    return Message("user", text)


def assistant(text: str) -> Message:
    return Message("assistant", text)


def test_a_text_is_judged_by_the_stage_it_stands_at(guard: Guard) -> None:
    assert guard.check("my instagram", "input").action is Action.STEER
    assert guard.check("my instagram", "output").action is Action.REGENERATE
    assert guard.check("my garden", "output").action is Action.ALLOW


def test_findings_of_all_detectors_come_with_original_offsets(guard: Guard) -> None:
    text = "ｉnsta\u200bgram or 555 0132"
    places = {f.detector: text[f.start : f.end] for f in guard.check(text, "input").findings}
    assert places == {"lexicon": "ｉnsta\u200bgram", "pattern": "555 0132"}


def test_a_name_split_over_two_messages_is_found_where_it_ends(guard: Guard) -> None:
    verdict = guard.check("t a g r a m", "input", [user("i n s")])
    assert [(f.start, f.end) for f in verdict.findings] == [(0, 11)]
    assert guard.check("room tonight?", "input", [user("the velvet")]).action is Action.STEER
    assert guard.check("0132", "input", [user("555")]).action is Action.STEER


def test_only_what_the_same_speaker_said_is_read_on(guard: Guard) -> None:
    assert guard.check("room tonight?", "input", [assistant("the velvet")]).action is Action.ALLOW
    assert guard.check("room tonight?", "output", [assistant("the velvet")]).action is Action.REGENERATE
    interrupted = [user("the velvet"), assistant("go on")]
    assert guard.check("room tonight?", "input", interrupted).action is Action.STEER


def test_what_was_said_before_does_not_count_again(guard: Guard) -> None:
    assert guard.check("and you?", "input", [user("my instagram is milaxo")]).findings == ()


def test_a_place_reached_from_the_context_is_told_within_the_text(guard: Guard) -> None:
    verdict = guard.check("room, 555 0132", "input", [user("velvet")])
    assert sorted((f.start, f.end) for f in verdict.findings) == [(0, 4), (6, 14)]


@pytest.mark.parametrize("length", range(54, 69))
def test_a_long_text_is_read_on_at_its_beginning_and_nothing_is_made_of_where_that_ends(
    guard_of: GuardOf, length: int
) -> None:
    guard = guard_of({"pattern": r"\bfrom\b.{0,200}\bto\b"}, on_input="steer", on_output="regenerate")
    assert guard.check(" here to there " + "and so on " * 60, "input", [user("from")]).action is Action.STEER
    assert guard.check("-" * length + " together", "input", [user("from")]).action is Action.ALLOW


def test_an_empty_context_message_joins_nothing(guard: Guard) -> None:
    assert guard.check("room", "input", [user(" ")]).action is Action.ALLOW


def test_a_split_over_three_messages_is_still_one_name(guard: Guard) -> None:
    assert guard.check("gram", "input", [user("in"), user("sta")]).action is Action.STEER


@QUICK
@given(
    st.text(st.characters(exclude_categories=()), max_size=80),
    st.lists(st.text(max_size=120).map(user), max_size=3),
)
def test_any_text_is_judged_with_places_inside_it(guard: Guard, text: str, context: list[Message]) -> None:
    for finding in guard.check(text, "input", context).findings:
        assert 0 <= finding.start < finding.end <= len(text)


@QUICK
@given(st.text("instagram veltroom 5012\n.", max_size=60), st.lists(st.text(max_size=40).map(user), max_size=2))
def test_context_only_ever_adds_findings(guard: Guard, text: str, context: list[Message]) -> None:
    alone, within = guard.check(text, "input"), guard.check(text, "input", context)
    assert set(alone.findings) <= set(within.findings)


def test_the_same_text_gets_the_same_verdict_from_every_thread(guard: Guard) -> None:
    texts = [f"hello {n} 1nst@gram {n:07d}" for n in range(40)]
    alone = [guard.check(text, "output") for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda text: guard.check(text, "output"), texts * 5)) == alone * 5


def test_an_entry_that_cannot_be_compiled_makes_no_guard(guard_of: GuardOf) -> None:
    with pytest.raises(BuildProblem):
        guard_of(NAMES, {"pattern": "("})


def test_a_rule_that_is_off_costs_and_finds_nothing(guard_of: GuardOf) -> None:
    guard = guard_of(NAMES, {"pattern": "("}, mode="off")
    assert guard.check("instagram", "output").action is Action.ALLOW


def test_the_guard_bears_the_version_of_its_policy(
    rule_of: Callable[..., Rule], policy_of: Callable[..., Policy]
) -> None:
    policy = policy_of(rule_of(NAMES)).model_copy(update={"version": "abc123"})
    assert Guard(policy).version == "abc123"


@pytest.mark.parametrize("on_timeout", ["allow", "block"])
@pytest.mark.parametrize("judge", ["gray", "always", "never"])
def test_a_guard_without_a_judge_acts_as_one_whose_judge_never_answers(
    rule_of: Callable[..., Rule], policy_of: Callable[..., Policy], judge: str, on_timeout: str
) -> None:
    entry = {"classifier": "meetup", "clear": 0.5, "block": 0.94, "judge": judge, "on_timeout": on_timeout}
    policy = policy_of(rule_of(NAMES, entry))
    judged, alone = Guard(policy), Guard(policy, is_judged=False)
    assert bool(judged.check("we should hang out sometime", "input").gray) is (judge != "never")
    for text in ("come over to my place tonight", "we should hang out sometime", "i had toast", "1nstagram"):
        asked, found = judged.check(text, "input"), alone.check(text, "input")
        assert (found.action, found.gray) == (asked.action, ())
        assert alone.is_undecided(found, text) is judged.is_undecided(asked, text)
