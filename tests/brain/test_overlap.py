"""What replies share with what was said, against values counted by hand."""

from __future__ import annotations

import pytest

from brain.overlap import distinct, overlap


def test_the_same_words_share_everything_and_others_nothing() -> None:
    lines = ["hey you, come and see the clay", "i was up far too late again"]
    same, other = overlap(lines, lines), overlap(lines, ["zz zz zz zz", "qq qq qq qq"])
    assert (same.bleu, same.rouge_l, same.chrf) == pytest.approx((100, 100, 100))
    assert other.rouge_l == 0
    assert other.bleu < 5
    assert other.chrf == pytest.approx(0, abs=1)


def test_rouge_l_is_the_mean_f_of_the_longest_common_subsequence() -> None:
    # "a b d" of 3 and 4 words: 2 * 3 / (3 + 4); and nothing.
    found = overlap(["a b d", "x"], ["a b c d", "y"])
    assert found.rouge_l == pytest.approx(100 * (6 / 7) / 2)


def test_a_reply_is_measured_against_its_own_reference() -> None:
    lines = ["the kiln is hot tonight", "you made me laugh out loud"]
    assert overlap(lines, lines[::-1]).bleu < overlap(lines, lines).bleu


def test_an_emoji_or_nothing_is_a_reply_too() -> None:
    assert overlap(["🖤", ""], ["🖤", "hey"]).rouge_l == 0


@pytest.mark.parametrize(("replies", "references"), [([], []), (["a"], []), (["a"], ["a", "b"])])
def test_every_reply_needs_its_reference(replies: list[str], references: list[str]) -> None:
    with pytest.raises(ValueError, match="one reference"):
        overlap(replies, references)


@pytest.mark.parametrize(
    ("texts", "length", "share"),
    [(["a b a"], 1, 2 / 3), (["a b", "A b"], 2, 1 / 2), (["a b c", "b c"], 2, 2 / 3), (["a"], 2, 0.0), ([], 1, 0.0)],
)
def test_distinct_is_the_share_of_different_runs_of_words(texts: list[str], length: int, share: float) -> None:
    assert distinct(texts, length) == pytest.approx(share)
