"""A persona's manner: its own lines stand in, its file is stronger than the settings, and no repr shows a line."""

from __future__ import annotations

from typing import Any

import pytest

from brain.lms.choice import ChosenLM
from brain.manner import manner_of
from brain.settings import PersonaSettings
from brain.voice import Voice


class Engine:
    async def complete(self, request: Any) -> Any: ...


LM = ChosenLM("custom/m", Engine())


@pytest.fixture
def settings() -> PersonaSettings:
    return PersonaSettings(lm="offline", n_candidates=3, on_lm_failure="error")


def test_deflections_stand_in_before_sample_replies(settings: PersonaSettings, voice: Voice) -> None:
    deflections, replies = manner_of(settings, voice, LM).lines
    assert tuple(deflections) == ("tell me about your day instead",)
    assert "black and far too strong" in replies
    assert not any("insta" in reply for reply in replies)


def test_the_persona_s_file_is_stronger_than_the_settings(settings: PersonaSettings, voice: Voice) -> None:
    plain = manner_of(settings, voice, LM)
    assert (plain.names, plain.candidates, plain.several_messages, plain.on_failure) == (("Nora",), 3, False, "error")
    own = manner_of(settings, voice, LM, candidates=1, several_messages=True)
    assert (own.candidates, own.several_messages) == (1, True)


def test_nobody_chooses_for_the_offline_engine_but_a_score(settings: PersonaSettings, voice: Voice) -> None:
    offline = ChosenLM("offline", Engine())
    assert manner_of(settings, voice, offline).choose is None
    assert manner_of(settings, voice, offline, score=len).choose is not None


def test_no_repr_shows_a_line(settings: PersonaSettings, voice: Voice) -> None:
    assert "your day" not in repr(manner_of(settings, voice, LM))
