"""Stages come with messages, sooner in warmth, later in coldness, and never jump back: by the formula, turn by turn."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.persona_files import DEFAULT_STAGES, Stage
from brain.reading import EMOTIONS, INTENTS, Reading
from brain.stages import CONFLICT, begins_at, emotion_after, farthest, stage_at

NAMES = [stage.name for stage in DEFAULT_STAGES]
KIND = Reading("small_talk", "affection", 0.8, 0.9)
PLAIN = Reading("small_talk", "neutral", 0.0, 0.9)
RUDE = Reading("boundary_push", "anger", -0.7, 0.9)
SORROW = Reading("distress", "sadness", -0.8, 0.9)

EMOTION = st.floats(-1, 1)
MESSAGES = st.integers(0, 200)
READINGS = st.builds(
    Reading, st.sampled_from(INTENTS), st.sampled_from(EMOTIONS), st.floats(-1, 1), st.floats(0, 1)
)  # fmt: skip


def course(readings: Sequence[Reading]) -> list[tuple[str, float]]:
    """Stage and emotion after each message of the fan, each of which gets one reply."""
    emotion, reached, told = 0.0, None, []
    for at, reading in enumerate(readings):
        emotion = emotion_after(emotion, reading)
        stage = stage_at(DEFAULT_STAGES, 2 * at + 1, emotion, reached)
        reached = farthest(DEFAULT_STAGES, reached, stage)
        told.append((stage.name, emotion))
    return told


def first(told: list[tuple[str, float]], stage: str) -> int:
    return [name for name, _ in told].index(stage)


def test_without_feeling_the_stages_begin_at_their_numbers_of_messages() -> None:
    told = course([PLAIN] * 20)
    assert [first(told, name) for name in NAMES] == [0, 5, 15]
    assert {emotion for _, emotion in told} == {0.0}


def test_a_warm_conversation_grows_close_sooner_but_at_most_by_a_third() -> None:
    told = course([KIND] * 20)
    assert 10 <= first(told, "close") < 15


def test_a_cold_conversation_grows_close_later() -> None:
    cool = Reading("small_talk", "neutral", -0.2, 0.9)
    assert first(course([cool] * 40), "close") > 15


def test_a_conversation_in_conflict_does_not_advance() -> None:
    told = course([PLAIN] * 7 + [RUDE] * 40)
    assert told[6][0] == "warming_up"
    assert all(name != "close" for name, _ in told)
    assert told[-1][1] <= CONFLICT


def test_a_quarrel_costs_one_stage_at_most_and_can_be_made_up() -> None:
    told = course([KIND] * 20 + [RUDE] * 60 + [KIND] * 40)
    names = [name for name, _ in told]
    assert names[19] == "close"
    assert set(names[19:]) <= {"close", "warming_up"}
    assert names[-1] == "close"


def test_one_rude_message_weighs_more_than_one_kind_one() -> None:
    assert -emotion_after(0.0, RUDE) > emotion_after(0.0, KIND)


def test_who_confides_a_sorrow_is_not_cold() -> None:
    assert emotion_after(0.0, SORROW) == 0
    assert emotion_after(0.5, SORROW) > 0.4


def test_a_stage_that_the_persona_file_no_longer_has_is_forgotten() -> None:
    assert stage_at(DEFAULT_STAGES, 12, 0.0, "soulmates").name == "warming_up"
    assert farthest(DEFAULT_STAGES, "soulmates", DEFAULT_STAGES[1]) == "warming_up"


def test_a_persona_may_have_stages_of_its_own() -> None:
    stages = [Stage(name="stranger", messages=0), Stage(name="friend", messages=4, guidance="be yourself")]
    assert stage_at(stages, 4, 0.0).guidance == "be yourself"


@pytest.mark.parametrize(
    ("emotion", "begins"), [(1.0, 20), (0.5, 26), (0.1, 30), (0.0, 30), (-0.1, 30), (-0.2, 34), (-1.0, 60)]
)
def test_the_beginning_of_a_stage_follows_the_formula(emotion: float, begins: int) -> None:
    assert begins_at(DEFAULT_STAGES[2], emotion) == begins


@given(st.integers(0, 1000), EMOTION)
def test_a_stage_begins_between_two_thirds_and_twice_its_number(messages: int, emotion: float) -> None:
    begins = begins_at(Stage(name="any", messages=messages), emotion)
    assert 2 * messages <= 3 * begins
    assert begins <= 2 * messages


@given(MESSAGES, MESSAGES, EMOTION, st.sampled_from([None, *NAMES]))
def test_more_messages_are_never_less_close(one: int, other: int, emotion: float, reached: str | None) -> None:
    fewer, more = sorted((one, other))
    stages = [NAMES.index(stage_at(DEFAULT_STAGES, count, emotion, reached).name) for count in (fewer, more)]
    assert stages == sorted(stages)


@given(MESSAGES, EMOTION, EMOTION, st.sampled_from([None, *NAMES]))
def test_more_warmth_is_never_less_close(messages: int, one: float, other: float, reached: str | None) -> None:
    stages = [NAMES.index(stage_at(DEFAULT_STAGES, messages, each, reached).name) for each in sorted((one, other))]
    assert stages == sorted(stages)


@given(st.lists(READINGS, max_size=120))
def test_no_conversation_leaves_the_bounds_or_falls_more_than_one_stage_behind(readings: list[Reading]) -> None:
    told = course(readings)
    assert all(-1 <= emotion <= 1 for _, emotion in told)
    reached = 0
    for name, emotion in told:
        at = NAMES.index(name)
        assert at >= reached - 1
        if emotion <= CONFLICT:
            assert at <= reached
        reached = max(reached, at)
