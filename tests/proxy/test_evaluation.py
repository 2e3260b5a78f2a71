"""Scoring: small sets counted by hand, intervals from the formula solved by hand, and what holds of any set."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.evaluation import GROUPS, Estimate, Judged, f1_score, rate, score

Z2 = 1.96 * 1.96
RULES = st.frozensets(st.sampled_from(["one", "two", "three"]))
ROWS = st.lists(
    st.builds(
        Judged,
        labels=RULES,
        fired=RULES,
        optional=RULES,
        groups=st.dictionaries(st.sampled_from(GROUPS), st.sampled_from(["a", "b"])),
        seconds=st.floats(0, 10),
    ),
    min_size=1,
)


def row(labels: str = "", fired: str = "", optional: str = "", **groups: str) -> Judged:
    return Judged(frozenset(labels.split()), frozenset(fired.split()), frozenset(optional.split()), groups)


def near(estimate: Estimate | None, *expected: float) -> bool:
    assert estimate is not None
    return (estimate.value, estimate.low, estimate.high) == pytest.approx(expected)


def test_a_rate_has_the_wilson_interval() -> None:
    # With no hit the lower bound is 0 and the upper z²/(n + z²); all hits mirror that; at half the interval is
    # symmetric, half ± z/(2·sqrt(n + z²)).
    assert near(rate(0, 10), 0, 0, Z2 / (10 + Z2))
    assert near(rate(10, 10), 1, 10 / (10 + Z2), 1)
    half = 1.96 / (2 * math.sqrt(20 + Z2))
    assert near(rate(10, 20), 0.5, 0.5 - half, 0.5 + half)


def test_nothing_has_no_rate_and_no_f1() -> None:
    assert rate(0, 0) is None
    assert f1_score(0, 0, 0) is None


def test_f1_takes_the_interval_of_the_share_it_rises_with() -> None:
    # Two right among four rows asked for or fired: J = 1/2 and F1 = 2·2 / (2·2 + 1 + 1) = 2/3.
    half = 1.96 / (2 * math.sqrt(4 + Z2))
    low, high = 0.5 - half, 0.5 + half
    assert near(f1_score(2, 1, 1), 2 / 3, 2 * low / (1 + low), 2 * high / (1 + high))
    assert near(f1_score(0, 3, 2), 0, 0, 2 * Z2 / (5 + 2 * Z2))


def test_each_rule_is_counted_on_its_own() -> None:
    rows = [row("a", "a"), row("a", "a b"), row("a b", "b"), row("", "a"), row()]
    scores = score(rows).rules
    a, b = scores["a"], scores["b"]
    assert (a.tp, a.fp, a.fn) == (2, 1, 1)
    assert (b.tp, b.fp, b.fn) == (1, 1, 0)
    assert [each.value for each in (a.precision, a.recall, a.f1) if each] == pytest.approx([2 / 3] * 3)
    assert [each.value for each in (b.precision, b.recall, b.f1) if each] == pytest.approx([1 / 2, 1, 2 / 3])
    assert score(rows).macro_f1 == pytest.approx(2 / 3)


def test_the_mean_f1_leaves_out_rules_that_no_row_asks_for() -> None:
    rows = [row("a", "a"), row("", "b"), row("c", "")]
    assert score(rows, ["idle"]).macro_f1 == pytest.approx((1 + 0) / 2)
    assert score([row("", "b")], ["idle"]).macro_f1 is None


def test_an_optional_rule_is_neither_required_nor_wrong() -> None:
    report = score([row("", "a", "a"), row("", "", "a"), row("b", "b a", "a"), row("b", "b", "a")])
    assert "a" not in report.rules
    assert (report.rules["b"].tp, report.rules["b"].fp, report.rules["b"].fn) == (2, 0, 0)
    assert (report.blocking.wrongly_blocked, report.blocking.rightly_allowed) == (0, 2)


def test_a_rule_that_is_asked_for_is_required_even_where_it_is_also_optional() -> None:
    scores = score([row("a", "", "a"), row("a", "a", "a")]).rules
    assert (scores["a"].tp, scores["a"].fn) == (1, 1)


def test_blocking_counts_rows_whichever_rule_it_was() -> None:
    rows = [row("a", "a"), row("a", "b"), row("a", "b", "b"), row("a", ""), row("", "a"), row(), row()]
    report = score(rows)
    blocking = report.blocking
    assert (blocking.caught, blocking.let_through) == (3, 1)
    assert (blocking.wrongly_blocked, blocking.rightly_allowed) == (1, 2)
    assert report.elsewhere == 1
    assert near(blocking.recall, *vars_of(rate(3, 4)))
    assert near(blocking.false_positives, *vars_of(rate(1, 3)))


def vars_of(estimate: Estimate | None) -> tuple[float, float, float]:
    assert estimate is not None
    return estimate.value, estimate.low, estimate.high


def test_groups_are_those_that_rows_name_and_the_others_stand_together() -> None:
    rows = [row("a", "a", kind="x"), row("", "a", kind="y"), row("a", "", kind="x"), row(lang="de")]
    by = score(rows).by
    assert list(by) == ["kind", "lang"]
    assert list(by["kind"]) == ["x", "y", "(none)"]
    assert (by["kind"]["x"].caught, by["kind"]["x"].let_through) == (1, 1)
    assert (by["kind"]["y"].wrongly_blocked, by["kind"]["(none)"].rightly_allowed) == (1, 1)
    assert (by["lang"]["de"].benign, by["lang"]["(none)"].violating, by["lang"]["(none)"].benign) == (1, 2, 1)


def test_speed_is_in_microseconds_and_its_percentiles_were_measured() -> None:
    rows = [Judged(frozenset(), frozenset(), seconds=number / 1e6) for number in range(200, 0, -1)]
    speed = score(rows).speed
    assert (speed.p50, speed.mean, speed.p99) == pytest.approx((100, 100.5, 198))
    one = score(rows[:1]).speed
    assert (one.p50, one.mean, one.p99) == pytest.approx((200, 200, 200))


def test_as_json_says_null_where_there_is_nothing_to_share() -> None:
    shown = score([row("", "")], ["a"]).as_json()
    assert shown["rules"]["a"] == {"tp": 0, "fp": 0, "fn": 0, "precision": None, "recall": None, "f1": None}
    assert shown["blocking"]["recall"] is None
    assert shown["blocking"]["false_positives"]["value"] == 0
    assert shown["macro_f1"] is None


@given(st.integers(0, 10_000), st.integers(1, 10_000))
def test_an_interval_contains_its_estimate_and_stays_between_nothing_and_all(hits: int, more: int) -> None:
    estimate = rate(hits, hits + more)
    assert estimate is not None
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    assert estimate.low < estimate.high


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 10_000))
def test_f1_is_the_harmonic_mean_inside_its_interval(tp: int, fp: int, fn: int) -> None:
    estimate = f1_score(tp, fp, fn)
    if not tp + fp + fn:
        assert estimate is None
        return
    assert estimate is not None
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    if tp:
        precision, recall = Fraction(tp, tp + fp), Fraction(tp, tp + fn)
        assert estimate.value == pytest.approx(float(2 / (1 / precision + 1 / recall)))


@given(ROWS)
def test_totals_add_up(rows: list[Judged]) -> None:
    report = score(rows, ["idle"])
    assert report.rows == len(rows) == report.blocking.violating + report.blocking.benign
    assert report.blocking.violating == sum(bool(each.labels) for each in rows)
    assert report.elsewhere <= report.blocking.caught
    for rule, each in report.rules.items():
        assert each.tp + each.fn == sum(rule in row.labels for row in rows)
        assert each.tp + each.fp == sum(
            rule in row.fired and (rule in row.labels or rule not in row.optional) for row in rows
        )
    for key, groups in report.by.items():
        assert any(key in each.groups for each in rows)
        for count in ("caught", "let_through", "wrongly_blocked", "rightly_allowed"):
            assert sum(getattr(each, count) for each in groups.values()) == getattr(report.blocking, count)
    slowest = max(each.seconds for each in rows) * 1e6
    assert 0 <= report.speed.p50 <= report.speed.p99 <= slowest
    assert report.speed.mean <= slowest or report.speed.mean == pytest.approx(slowest)


@given(ROWS, ROWS)
def test_the_counts_of_two_sets_together_are_the_sums_of_both(some: list[Judged], others: list[Judged]) -> None:
    apart, together = [score(some), score(others)], score(some + others)
    assert together.elsewhere == sum(each.elsewhere for each in apart)
    for rule, each in together.rules.items():
        of_both = [report.rules[rule] for report in apart if rule in report.rules]
        assert (each.tp, each.fp, each.fn) == tuple(
            sum(getattr(part, count) for part in of_both) for count in ("tp", "fp", "fn")
        )


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_number(rows: list[Judged], random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert score(shuffled).as_json() == score(rows).as_json()
