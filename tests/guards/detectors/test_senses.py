from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guards.detectors.senses import Evidence
from guards.policy import Sense

QUICK = settings(deadline=None, max_examples=200)
SNAP: dict[str, Any] = {
    "forms": ["snap"],
    "before": ["my", ["your", "add me on"], "got * good"],
    "after": ["story", ":", "?"],
    "near": ["username"],
    "never": ["oh", "decision", "out of it"],
}


def speaks(text: str, form: str = "snap", **changes: Any) -> bool:
    start = text.index(form)
    return Evidence(Sense.model_validate({**SNAP, **changes})).speaks_for(text, start, start + len(form))


@pytest.mark.parametrize(
    "text",
    ["my snap", "MY   snap!", "what's your, snap", "add me on snap", "got a good snap", "snap story", "snap: mila",
     "so... snap?", "the snap of the username", "myyyy snap", "add me on “snap”"],
)  # fmt: skip
def test_evidence_beside_a_word_makes_it_a_name(text: str) -> None:
    assert speaks(text)


@pytest.mark.parametrize(
    "text",
    ["snap", "a snap", "oh snap: wow", "my snap decision", "my snap out of it", "my. snap", "snap. story", "got a snap",
     "me on snap", "username one two three snap"],
)  # fmt: skip
def test_without_evidence_or_with_a_never_it_is_a_word(text: str) -> None:
    assert not speaks(text)


@pytest.mark.parametrize(
    ("text", "counts"),
    [("snap", True), ("hello there! snap", True), ("snap you", False), ("one snap", False), ("snap. ok", True)],
)
def test_the_ends_of_a_sentence_are_evidence_too(text: str, counts: bool) -> None:
    alone = {"before": [], "near": [], "never": ["you", "one"], "after": ["$"]}
    assert speaks(text, **alone) is counts


def test_with_case_only_the_capitals_of_the_form_count() -> None:
    assert speaks("my SNAP", form="SNAP", forms=["SNAP"], case=True)
    assert not speaks("my snap", forms=["SNAP"], case=True)


def test_a_never_alone_counts_everywhere_else() -> None:
    bare = {"before": [], "after": [], "near": []}
    assert speaks("a snap", **bare)
    assert not speaks("oh snap", **bare)


@QUICK
@given(st.text(max_size=80), st.text(max_size=80))
def test_what_stands_in_other_sentences_has_no_say(before: str, after: str) -> None:
    assert speaks(f"{before}\nmy snap\n{after}")
    assert not speaks(f"{before}\nsome snap\n{after}")
