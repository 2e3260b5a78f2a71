from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guards.detectors import catalog
from guards.detectors.base import Detector
from guards.fold import fold
from guards.policy import FIND_KINDS, Policy, Rule

QUICK = settings(deadline=None, max_examples=100)
RuleOf = Callable[..., Rule]
PolicyOf = Callable[..., Policy]
ENTRIES: dict[str, dict[str, Any]] = {
    "terms": {"terms": ["wombat", "velvet room", "snapchat"]},
    "pattern": {"pattern": r"\bsc\s*:\s*\w+|\d{3}-\d{4}"},
    "phrase": {"phrase": [[{"LOWER": "add"}, {"LOWER": "me"}]]},
    "pii": {"pii": ["EMAIL_ADDRESS", "PHONE_NUMBER", "URL"], "score": 0.1},
    "classifier": {"classifier": "meetup", "clear": 0.3, "on_timeout": "block"},
}

PIECES = ["wombat", "w0mb@t", "sc: mila", "add  me", "mila@example.com", "415 555 0132", "s n a p c h a t", "é", "你",
          "\u200b", "\u0301", "\ud800", " ", " ", "\n", "hello", "www.example.com", "velvet room", "👩‍❤️‍👨"]  # fmt: skip
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=25).map("".join)


@pytest.fixture(scope="module", params=sorted(ENTRIES))
def detector(request: pytest.FixtureRequest, rule_of: RuleOf, policy_of: PolicyOf) -> Detector:
    rules = [rule_of(ENTRIES[request.param], id=name) for name in ("one", "two")]
    (built,) = catalog.build(policy_of(*rules))
    return built


def test_every_kind_of_entry_has_a_builder_and_a_contract_here() -> None:
    assert set(catalog.CATALOG) == set(FIND_KINDS) == set(ENTRIES)


@QUICK
@given(TEXTS)
def test_findings_lie_within_the_text_and_name_their_rule_and_detector(detector: Detector, text: str) -> None:
    for finding in detector.find(fold(text)):
        assert 0 <= finding.start < finding.end <= len(text)
        assert 0.0 <= finding.score <= 1.0
        assert finding.rule in detector.rules
        assert finding.detector.partition(":")[0] == detector.name
        assert finding.view


def test_what_is_there_is_found_for_every_rule_that_asks(detector: Detector) -> None:
    text = "wombat sc: mila add me mila@example.com. come over to my place tonight at eight"
    assert {finding.rule for finding in detector.find(fold(text))} == detector.rules == {"one", "two"}


@pytest.mark.parametrize("text", ["", " ", "\n", "\u200b", "a"])
def test_an_empty_text_gives_nothing(detector: Detector, text: str) -> None:
    assert list(detector.find(fold(text))) == []


@QUICK
@given(TEXTS)
def test_the_same_text_gives_the_same_findings_again(detector: Detector, text: str) -> None:
    assert list(detector.find(fold(text))) == list(detector.find(fold(text)))


def test_eight_threads_find_what_one_finds(detector: Detector) -> None:
    folded = [
        fold(f"{' '.join(PIECES[n % 7 :])} user{n} sc: mila{n} wombat, add me, mila{n}@example.com. come over tonight")
        for n in range(40)
    ]
    alone = [list(detector.find(each)) for each in folded]
    assert all(alone)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda each: list(detector.find(each)), folded * 8)) == alone * 8


def test_rules_share_one_detector_of_a_kind(rule_of: RuleOf, policy_of: PolicyOf) -> None:
    rules = [rule_of(*ENTRIES.values(), id=name) for name in ("one", "two", "three")]
    built = catalog.build(policy_of(*rules))
    assert [detector.name for detector in built] == ["lexicon", "pattern", "phrase", "pii", "classifier"]
    assert all(detector.rules == {"one", "two", "three"} for detector in built)


def test_a_kind_nobody_uses_is_not_built(rule_of: RuleOf, policy_of: PolicyOf) -> None:
    assert [detector.name for detector in catalog.build(policy_of(rule_of(ENTRIES["pattern"])))] == ["pattern"]


def test_rules_that_are_off_bring_no_entries(rule_of: RuleOf, policy_of: PolicyOf) -> None:
    policy = policy_of(rule_of(ENTRIES["terms"], id="on"), rule_of({"classifier": "x"}, id="off", mode="off"))
    assert [detector.rules for detector in catalog.build(policy)] == [{"on"}]


def test_a_source_tells_where_its_entry_stands_and_how_deep_it_folds(rule_of: RuleOf, policy_of: PolicyOf) -> None:
    own = {"pattern": "oak", "fold": "none"}
    sources = catalog.sources_of(policy_of(rule_of(ENTRIES["terms"], own, {"pattern": "elm"}, fold="case")))
    assert [(source.place, source.fold) for source in sources["pattern"]] == [
        (("find", 1, "pattern"), "none"),
        (("find", 2, "pattern"), "case"),
    ]
