"""The numbers of a persona's evaluation, counted by hand."""

from __future__ import annotations

import json

import pytest

from proxy.persona_report import PersonaReport, grades_of, lines_of, mean, side_of


def test_a_mean_has_an_interval_that_is_wider_for_fewer_values() -> None:
    few, many = mean([0.0, 1.0]), mean([0.0, 1.0] * 50)
    assert few
    assert many
    assert few.value == many.value == 0.5
    assert many.high - many.low < few.high - few.low
    # s = 0.502519, n = 100
    assert many.high == pytest.approx(0.5 + 1.96 * 0.502519 / 10, abs=1e-5)
    assert mean([]) is None
    assert mean([0.3]).low == 0.3  # type: ignore[union-attr]


def test_an_interval_stays_among_the_values_there_can_be() -> None:
    voice = lines_of(["a", "b", "c"], lambda texts: [1.0, 1.0, 0.0][: len(texts)]).voice
    assert voice
    assert voice.high == 1.0
    assert voice.low >= 0.0


def test_turns_without_a_reply_are_counted_and_measured_nowhere() -> None:
    side = side_of(
        ["hey you there", None, None, "no"], ["hey you there", "x", "y", "z"], [["meetup"], []], len_scores, 1
    )
    assert (side.failed, side.blocked, side.lines.lines) == (1, 1, 2)
    assert side.violations
    assert side.violations.value == 0.5
    assert side.rules == {"meetup": 1}
    assert side.overlap
    assert side.overlap.rouge_l == pytest.approx(50)


def len_scores(texts: object) -> list[float]:
    return [0.5 for _ in texts]  # type: ignore[attr-defined]


def test_nothing_but_failures_is_no_number_and_no_error() -> None:
    side = side_of([None], ["x"], [], len_scores)
    assert (side.overlap, side.violations, side.lines.voice, side.failed) == (None, None, None, 1)


def test_grades_are_counted_and_those_that_are_none_too() -> None:
    found = grades_of([5, 3, None, 5], 1, 5)
    assert (found.counts, found.ungraded) == ({3: 1, 5: 2}, 1)
    assert found.mean
    assert found.mean.value == pytest.approx(13 / 3)
    assert grades_of([None], 1, 5).mean is None


def test_as_json_it_says_violations_per_thousand() -> None:
    side = side_of(["a", "b", "c", "d"], ["a", "b", "c", "d"], [["meetup"], [], [], []], None)
    empty = side_of([], [], [], None)
    report = PersonaReport("m", "offline", "p", 1, 3, 4, side, empty, lines_of(["a"], None), {"allow": 4}, None)
    shown = json.loads(json.dumps(report.as_json()))
    assert shown["alone"]["violations_per_1000"]["value"] == 250
    assert shown["guarded"]["violations_per_1000"] is None
    assert shown["grades"] is None
