"""Every story signature takes the persona and gives prose; nobody else has words for the model."""

from __future__ import annotations

from typing import Any

import pytest

from brain.stories.signatures import EditForFlow, NextBeat, PlanBeats, WholeStory


@pytest.mark.parametrize("signature", [WholeStory, NextBeat, EditForFlow, PlanBeats])
def test_a_story_is_told_in_the_persona_s_voice_on_its_platform(signature: Any) -> None:
    assert {"name", "voice", "platform"} <= set(signature.input_fields)
    assert list(signature.output_fields) == ["prose"]


@pytest.mark.parametrize("signature", [WholeStory, EditForFlow])
def test_what_writes_several_beats_is_asked_for_the_numbers_that_part_them(signature: Any) -> None:
    assert "number in square brackets" in " ".join(signature.instructions.split())
