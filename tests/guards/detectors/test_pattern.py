from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guards.detectors.base import BuildProblem, Source
from guards.detectors.pattern import PatternDetector
from guards.fold import fold
from guards.policy import Fold, Pattern

QUICK = settings(deadline=None, max_examples=200)
SourceOf = Callable[..., Source]
Build = Callable[..., PatternDetector]
INNOCENT = ["how was your day?", "I love that.", "we had soup", "", "привет.", "so - what else?"]


@pytest.fixture(scope="module")
def build(source_of: SourceOf) -> Build:
    def build(*patterns: str, fold: Fold = "full") -> PatternDetector:
        sources = [source_of(Pattern(pattern=each), number=n, fold=fold) for n, each in enumerate(patterns)]
        return PatternDetector(sources)

    return build


def found(detector: PatternDetector, text: str) -> list[str]:
    return [text[finding.start : finding.end] for finding in detector.find(fold(text))]


def test_every_match_of_every_pattern_is_found(build: Build) -> None:
    detector = build(r"\bsc\s*:\s*\w+", r"\d{3}-\d{4}")
    assert found(detector, "sc: mila or 555-0132 or sc:milb") == ["sc: mila", "sc:milb", "555-0132"]


def test_a_pattern_sees_through_disguise_and_tells_the_place_in_the_original(build: Build) -> None:
    text = "my ＳＣ\u200b : mila"
    assert found(build(r"\bsc\s*:\s*\w+"), text) == ["ＳＣ\u200b : mila"]


@pytest.mark.parametrize(("depth", "finds"), [("none", ["sc"]), ("case", ["sc", "SC"]), ("full", ["sc", "SC", "ｓｃ"])])
def test_a_fold_reads_as_deep_as_its_entry_says(build: Build, depth: Fold, finds: list[str]) -> None:
    assert found(build(r"\bsc\b", fold=depth), "sc SC ｓｃ") == finds


@pytest.mark.parametrize("pattern", ["(?=a)b", "(?!a)b", "(?<=a)b", "(?<!a)b", r"(a)\1"])
def test_look_around_and_back_references_are_refused_with_a_reason(build: Build, pattern: str) -> None:
    with pytest.raises(BuildProblem, match="look-around and back-references do not exist"):
        build(pattern)


@pytest.mark.parametrize("pattern", ["", "a*", "a?", "^", "$", r"\b", "(?:)", "a|", "x*y*", r"\bx*", r"a|\B", "(?m)^"])
def test_a_pattern_that_matches_nothing_at_all_somewhere_is_refused(
    build: Build, source_of: SourceOf, pattern: str
) -> None:
    with pytest.raises(BuildProblem, match="empty"):
        PatternDetector([source_of(Pattern.model_construct(pattern=pattern, fold=None))])


@pytest.mark.parametrize("pattern", [r"(?:\pL{100}){10}", r"\w{900}\pL{900}"])
def test_a_pattern_that_would_take_too_much_memory_is_refused(build: Build, pattern: str) -> None:
    with pytest.raises(BuildProblem, match="RE2 cannot compile"):
        build(pattern)


def test_the_refused_entry_is_the_one_at_fault(build: Build) -> None:
    with pytest.raises(BuildProblem) as caught:
        build("fine", "also fine", "not (fine")
    assert caught.value.source.place == ("find", 2, "pattern")


def test_a_pattern_that_would_swallow_its_neighbours_is_refused(build: Build) -> None:
    with pytest.raises(BuildProblem, match="beside others") as caught:
        build("fine", r"\Qnot closed")
    assert caught.value.source.place == ("find", 1, "pattern")
    assert found(build("fine", r"\Qa.b\E"), "fine a.b axb") == ["fine", "a.b"]


def test_patterns_keep_their_flags_names_and_groups_to_themselves(build: Build) -> None:
    detector = build("(?s)one.two", r"(?P<name>three).(four)", r"(?P<name>five)")
    assert found(detector, "one\ntwo three\nfour three four five") == ["one\ntwo", "three four", "five"]


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(a*)*b", r"(\w+\s?)+!$", "(.*a){12}"])
@pytest.mark.parametrize("text", ["a" * 20_000 + "c", "a " * 10_000, "aa!" * 7_000])
def test_a_pattern_that_explodes_elsewhere_is_harmless_here(build: Build, pattern: str, text: str) -> None:
    for finding in build(pattern).find(fold(text)):
        assert 0 <= finding.start < finding.end <= len(text)


def test_many_patterns_work_as_one_does(build: Build) -> None:
    detector = build(*(rf"\b(?:let|we|can)\s+\w{{1,40}}x{number}[a-z]{{3,40}}" for number in range(300)), fold="none")
    assert found(detector, "we abcx7defg, let abcx299defg") == ["we abcx7defg", "let abcx299defg"]


@QUICK
@given(
    st.sampled_from(INNOCENT), st.sampled_from(INNOCENT), st.sampled_from(["sc: mila", "ＳＣ:m1la", "s\u200bc : mila"])
)
def test_an_innocent_sentence_beside_it_never_hides_a_finding(build: Build, before: str, after: str, text: str) -> None:
    detector = build(r"\bsc\s*:\s*\w{3,}")
    spans = {(finding.start, finding.end) for finding in detector.find(fold(f"{before} {text} {after}"))}
    start = len(before) + 1
    assert {(finding.start + start, finding.end + start) for finding in detector.find(fold(text))} <= spans
    assert (start, start + len(text)) in spans


@QUICK
@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_places_are_counted_in_characters_whatever_the_text(build: Build, text: str) -> None:
    whole = f"{text} 555-0132"
    assert (len(text) + 1, len(whole)) in {
        (finding.start, finding.end) for finding in build(r"\b555-0132\b").find(fold(whole))
    }


@pytest.mark.parametrize("text", ["komm rüber, où ça", "komm ruber, ou ca", "KOMM RÜBER, OÙ ÇA"])
def test_accents_in_a_pattern_and_in_a_text_do_not_matter_where_disguise_does_not(build: Build, text: str) -> None:
    assert found(build(r"\brüber, où ç[aà]"), text) == [text.partition(" ")[2]]
    assert bool(found(build(r"(?i)\brüber, où", fold="none"), text)) == ("ü" in text)


@pytest.mark.parametrize("space", ["\r\n", "\t", "\v", "\f", "\x1c", "\x1f"])
def test_a_pattern_may_ask_for_any_kind_of_space(build: Build, space: str) -> None:
    text = f"so says mila{space}to all"
    assert found(build(f"mila{space}to"), text) == [f"mila{space}to"]
