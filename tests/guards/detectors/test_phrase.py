from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guards.detectors.base import BuildProblem, Source
from guards.detectors.phrase import PhraseDetector
from guards.fold import fold
from guards.policy import Fold, Phrase

QUICK = settings(deadline=None, max_examples=60)
ADD_ME = [{"LOWER": "add"}, {"LOWER": "me"}, {"LOWER": "on"}, {"IS_ALPHA": True}]
Build = Callable[..., PhraseDetector]


@pytest.fixture(scope="module")
def build(source_of: Callable[..., Source]) -> Build:
    def build(*patterns: list[dict[str, Any]], fold: Fold = "full") -> PhraseDetector:
        return PhraseDetector([source_of(Phrase(phrase=list(patterns)), fold=fold)])

    return build


def found(detector: PhraseDetector, text: str) -> list[str]:
    return [text[finding.start : finding.end] for finding in detector.find(fold(text))]


@pytest.mark.parametrize(
    "text", ["add me on insta", "ADD ME ON insta", "ａdd me on insta", "add  me\non\t insta", "add m\u200be on insta"]
)
def test_a_phrase_is_found_in_any_case_spacing_and_disguise(build: Build, text: str) -> None:
    assert found(build(ADD_ME), f"so... {text}, ok?") == [text]


def test_accents_in_a_phrase_and_in_a_text_do_not_matter(build: Build) -> None:
    detector = build([{"LOWER": "mañana"}, {"LOWER": {"IN": ["quizá", "sí"]}}])
    assert [found(detector, text) for text in ("mañana sí", "manana quiza")] == [["mañana sí"], ["manana quiza"]]


@pytest.mark.parametrize("text", ["add on insta me", "adding me on insta", "add me on 7", "add me on", ""])
def test_other_words_are_no_phrase(build: Build, text: str) -> None:
    assert found(build(ADD_ME), text) == []


@pytest.mark.parametrize("depth", ["none", "case"])
def test_a_phrase_that_folds_less_reads_only_what_is_written(build: Build, depth: Fold) -> None:
    assert found(build(ADD_ME, fold=depth), "add me on insta, ａdd me on insta") == ["add me on insta"]


def test_entries_of_one_rule_and_of_several_stay_apart(source_of: Callable[..., Source]) -> None:
    entries = [
        source_of(Phrase(phrase=[[{"LOWER": "wombat"}]]), rule="animals"),
        source_of(Phrase(phrase=[[{"LOWER": "oak"}], [{"LOWER": "elm"}]]), rule="trees"),
    ]
    seen = {(f.rule, f.start) for f in PhraseDetector(entries).find(fold("wombat oak elm"))}
    assert seen == {("animals", 0), ("trees", 7), ("trees", 11)}


@pytest.mark.parametrize(
    "pattern",
    [
        [{"LOWER": {"REGEX": "(a+)+$"}}],
        [{"LOWER": {"regex": "(a+)+$"}}],
        [{"TEXT": "x"}, {"lower": {"Regex": "a"}}],
        [{"LOWER": {"FUZZY1": {"REGEX": "a"}}}],
        [{"_": {"own": {"REGEX": "a"}}}],
    ],
)
def test_python_expressions_are_refused_however_deep_and_in_whatever_case(
    build: Build, pattern: list[dict[str, Any]]
) -> None:
    with pytest.raises(BuildProblem, match="REGEX"):
        build([{"LOWER": "fine"}], pattern)


@pytest.mark.parametrize("key", ["POS", "TAG", "DEP", "LEMMA", "MORPH", "ENT_TYPE", "lemma"])
def test_what_only_a_trained_model_fills_in_is_refused(build: Build, key: str) -> None:
    with pytest.raises(BuildProblem, match="trained model"):
        build([{key: "x"}])


@pytest.mark.parametrize("pattern", [[{"NOPE": "x"}], [{"LOWER": 7}], [{"LOWER": "x", "OP": "twice"}]])
def test_what_spacy_cannot_read_is_refused(build: Build, pattern: list[dict[str, Any]]) -> None:
    with pytest.raises(BuildProblem):
        build(pattern)


def test_a_pattern_of_too_many_tokens_is_refused(build: Build) -> None:
    with pytest.raises(BuildProblem, match="at most"):
        build([{"LOWER": "x"}] * 25)


@pytest.mark.parametrize(
    "optional", [{"OP": "?"}, {"op": "?"}, {"OP": "*"}, {"OP": "{,2}"}, {"OP": "{0}"}, {"OP": "{0,2}"}, {"OP": "!"}]
)
def test_a_text_without_the_optional_word_is_not_passed_over(build: Build, optional: dict[str, str]) -> None:
    detector = build([{"LOWER": "bar"}, {"LOWER": "abracadabra", **optional}, {"LOWER": "now"}])
    assert found(detector, "bar now" if optional["OP" if "OP" in optional else "op"] != "!" else "bar x now")


def test_a_pattern_that_names_no_word_reads_every_text(build: Build) -> None:
    assert found(build([{"LIKE_URL": True}]), "see example.com today") == ["example.com"]


@QUICK
@given(st.text(st.characters(exclude_categories=()), max_size=150), st.text("!?.a-é😏", min_size=90, max_size=320))
def test_places_are_exact_behind_any_text_and_any_run_without_spaces(build: Build, before: str, run: str) -> None:
    text = f"{before} {run} add me on insta"
    assert (len(text) - 15, len(text)) in {(f.start, f.end) for f in build(ADD_ME).find(fold(text))}


@pytest.mark.parametrize("piece", ["!", "https://www.", "a_", "(", "a."])
def test_a_long_run_without_spaces_is_read_to_its_end(build: Build, piece: str) -> None:
    assert set(found(build(ADD_ME), piece * 4_000 + " add me on insta")) == {"add me on insta"}


def test_what_was_read_is_not_kept(build: Build) -> None:
    detector = build(ADD_ME)
    assert found(detector, "add me on canarycanary") == ["add me on canarycanary"]
    assert "canarycanary" not in detector._nlp.vocab.strings
    assert found(detector, "add me on canarycanary") == ["add me on canarycanary"]
