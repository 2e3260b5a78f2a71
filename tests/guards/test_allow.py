from __future__ import annotations

from collections.abc import Callable

import pytest

from guards.allow import AllowList
from guards.fold import fold
from guards.guard import Guard
from guards.policy import Policy, Rule
from guards.types import Finding

LINK = {"pattern": r"(?:https?://)?(?:www\.)?[\w-]+(?:\.[\w-]+)+[^\s]*"}
NAMES = {"terms": ["of", "onlyfans", "instagram", "snap"]}
ALLOWED = ["OF", "OnlyFans", "onlyfans", "onlyfans.com", "something allowed that is rather longer than the rest"]


@pytest.fixture(scope="module")
def guard(guard_of: Callable[..., Guard]) -> Guard:
    return guard_of(LINK, NAMES, allow=ALLOWED)


def found(guard: Guard, text: str) -> set[str]:
    return {text[finding.start : finding.end] for finding in guard.check(text, "output").findings}


@pytest.mark.parametrize(
    "text",
    [
        "my OF is open", "onlyfans is where i live", "OnlyFans", "onlyfans.com", "onlyfans.com/mila",
        "https://onlyfans.com/mila?x=1", "https://www.onlyfans.com", "(onlyfans.com)", "see onlyfans.com.",
        "HTTPS://onlyfans.com/a/b", "ONLYFANS.COM/mila",
    ],
)  # fmt: skip
def test_an_allowed_name_is_let_through_as_word_and_as_host(guard: Guard, text: str) -> None:
    assert found(guard, text) == set()


def test_a_term_with_capitals_must_be_written_as_it_is(guard: Guard) -> None:
    assert found(guard, "one of them") == {"of"}
    assert found(guard, "my OF") == set()


@pytest.mark.parametrize(
    "text",
    [
        "onlyfans.com.evil.io", "https://onlyfans.com.evil.io/mila", "onlyfans.com@evil.io", "notonlyfans.com",
        "my-onlyfans.com", "evil.io/onlyfans.com", "https://onlyfans.com:x@evil.io/", "onlyfans.com-evil.io",
        "оnlyfans.com/mila", "https://onlyfans.com．evil.io",
    ],
)  # fmt: skip
def test_a_host_that_only_looks_allowed_is_found(guard: Guard, text: str) -> None:
    assert found(guard, text)


@pytest.mark.parametrize(
    "text", ["onlyfans.com/instagram", "https://onlyfans.com/x/instagram?y", "onlyfans.com/1nst4gram"]
)
def test_a_platform_hidden_in_an_allowed_path_is_found(guard: Guard, text: str) -> None:
    assert any("gram" in place for place in found(guard, text))


@pytest.mark.parametrize("text", ["my-onlyfans.com", "me@onlyfans.com", "x.onlyfans.com", "fonlyfans.com"])
def test_a_part_of_another_host_is_not_the_allowed_one(guard_of: Callable[..., Guard], text: str) -> None:
    guard = guard_of({"pattern": r"onlyfans\.com"}, allow=["onlyfans.com"])
    assert found(guard, text) == {"onlyfans.com"}


def test_an_allowed_term_excuses_nothing_beside_it(guard: Guard) -> None:
    assert found(guard, "not OF but instagram") == {"instagram"}
    assert found(guard, "OF insta OF snap") == {"snap"}


def test_an_allowed_term_excuses_no_finding_that_reaches_beyond_it(guard_of: Callable[..., Guard]) -> None:
    guard = guard_of({"pattern": r"onlyfans backup"}, allow=["onlyfans"])
    assert found(guard, "my onlyfans backup") == {"onlyfans backup"}


def test_a_part_of_a_word_is_not_an_allowed_term(guard_of: Callable[..., Guard]) -> None:
    guard = guard_of({"pattern": "snap"}, allow=["snap"])
    assert found(guard, "snapchat") == {"snap"}
    assert found(guard, "oh snap!") == set()


def test_allowed_phrases_let_their_words_through_there_and_nowhere_else(guard_of: Callable[..., Guard]) -> None:
    guard = guard_of({"terms": ["snap"]}, allow=["oh snap"])
    assert [f.start for f in guard.check("oh snap, my snap", "output").findings] == [12]


def test_a_rule_is_not_excused_by_what_another_allows(
    rule_of: Callable[..., Rule], policy_of: Callable[..., Policy]
) -> None:
    lenient, severe = rule_of(NAMES, id="lenient", allow=["snap"]), rule_of(NAMES, id="severe")
    verdict = Guard(policy_of(lenient, severe)).check("snap", "output")
    assert {finding.rule for finding in verdict.findings} == {"severe"}


def test_the_platform_of_the_policy_may_be_an_allowed_term(
    rule_of: Callable[..., Rule], policy_of: Callable[..., Policy]
) -> None:
    guard = Guard(policy_of(rule_of(NAMES, allow=["{platform}"]), platform="snap"))
    assert found(guard, "on snap and instagram") == {"instagram"}


def test_many_findings_beside_many_allowed_terms_are_all_judged(
    rule_of: Callable[..., Rule], policy_of: Callable[..., Policy]
) -> None:
    allowed = AllowList(policy_of(rule_of(NAMES, allow=ALLOWED)))
    text = "snap OF onlyfans.com/x " * 5000
    findings = [Finding("animals", at, at + 4, 1.0, "lexicon") for at in range(0, len(text), 23)]
    findings += [Finding("animals", at + 5, at + 7, 1.0, "lexicon") for at in range(0, len(text), 23)]
    kept = allowed.keep(fold(text), findings)
    assert kept == findings[:5000]
