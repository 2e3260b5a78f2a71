"""The cast: who is served, with which language model and parameters."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brain.cast import Casting
from brain.chat import Asked
from brain.lms.choice import ChosenLM, UnknownModel
from brain.lms.openai_compatible import OpenAICompatibleEngine
from brain.persona_program import Learnt, program_file, save_learnt
from brain.programs import ProgramError
from brain.settings import PersonaSettings
from guards.errors import PolicyError
from guards.types import Message

WriteCard = Callable[..., Path]
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def two(training_data: Path, card: dict[str, Any], write_card: WriteCard) -> Path:
    write_card(training_data, {**card, "name": "Ada", "lm": "groq/ada-model", "time_zone": "UTC"}, "zada.yaml")
    return training_data


def casting(folder: Path, **settings: Any) -> Casting:
    options = {"lm": "offline", "groq_api_key": "k", **settings}
    return Casting(PersonaSettings(training_data=folder, **options), lambda: NOON)


def test_every_file_is_a_member_with_its_own_language_model(two: Path) -> None:
    cast = casting(two)()
    assert {name: member.lm for name, member in cast.members.items()} == {"nora": "offline", "ada": "groq/ada-model"}


def test_names_find_members_and_persona_finds_the_default_one(two: Path) -> None:
    cast = casting(two, default_persona="ada")()
    found = {name: cast.find(name) for name in ("NORA", "ada", "persona", "mila")}
    assert {name: member and member.card.name for name, member in found.items()} == {
        "NORA": "Nora", "ada": "Ada", "persona": "Ada", "mila": None,
    }  # fmt: skip


def test_where_nobody_named_a_default_the_first_file_s_answers(two: Path) -> None:
    assert casting(two)().default.card.name == "Nora"


def test_a_default_that_is_not_there_is_refused_with_those_that_are(two: Path) -> None:
    with pytest.raises(PolicyError, match="default_persona is eve, and there is none of that name: use nora, ada"):
        casting(two, default_persona="Eve")()


def test_who_has_not_changed_stays_as_it_was(two: Path, card: dict[str, Any], write_card: WriteCard) -> None:
    make = casting(two)
    before = make()
    write_card(two, {**card, "voice": "Loud."})
    after = make()
    assert after.members["ada"] is before.members["ada"]
    assert after.members["nora"] is not before.members["nora"]


def test_an_lm_that_cannot_be_asked_is_a_problem_of_its_line(
    training_data: Path, card: dict[str, Any], write_card: WriteCard
) -> None:
    write_card(training_data, {**card, "lm": "nowhere/x"})
    with pytest.raises(PolicyError, match=r"personas/nora\.yaml:7: lm: CHAPERONE_LM=nowhere/x names no known provider"):
        casting(training_data)()


def test_an_lm_of_the_settings_that_cannot_be_asked_is_theirs(training_data: Path) -> None:
    with pytest.raises(UnknownModel):
        casting(training_data, lm="nowhere/x")()


def test_a_time_zone_of_its_own_turns_the_clock(
    training_data: Path, card: dict[str, Any], write_card: WriteCard
) -> None:
    write_card(training_data, {**card, "time_zone": "Asia/Tokyo"})
    assert casting(training_data)().members["nora"].clock().hour == 21


def test_language_models_are_closed_at_the_end(two: Path) -> None:
    make = casting(two)
    make()
    asyncio.run(make.aclose())


def test_preparing_builds_every_voice(two: Path) -> None:
    cast = casting(two)()
    assert not any(member.voice.is_ready for member in cast.members.values())
    cast.prepare()
    assert all(member.voice.is_ready for member in cast.members.values())


def test_a_model_of_meaning_chooses_the_examples(training_data: Path) -> None:
    def meaning(texts: list[str]) -> Any:
        """Knows two topics: drinks, and everything else."""
        return np.array([[1, 0] if "coffee" in each or "espresso" in each else [0, 1] for each in texts], np.float32)

    make = Casting(PersonaSettings(training_data=training_data, lm="offline"), lambda: NOON, meaning=meaning)
    assert make().default.voice.examples(("espresso",))[0].reply == "black and far too strong"


def test_a_second_model_of_the_file_s_own_that_cannot_be_asked_is_a_problem_of_its_line(
    training_data: Path, card: dict[str, Any], write_card: WriteCard
) -> None:
    write_card(training_data, {**card, "fallback_lm": "nowhere/x"})
    with pytest.raises(PolicyError, match=r"personas/nora\.yaml:7: fallback_lm: CHAPERONE_FALLBACK_LM=nowhere/x"):
        casting(training_data)()


def test_where_there_are_candidates_the_voice_chooses_among_them() -> None:
    folder = Path(__file__).parents[2] / "training_data"
    cast = casting(folder, n_candidates=3)()
    score = cast.default.score
    assert score is not None
    assert score("heyyy you, behave (a little) 🖤") > 0.9 > 0.1 > score("The invoice is attached.")
    assert casting(folder)().default.score is None
    assert casting(folder, n_candidates=3, choose_by="judge")().default.score is None


def test_too_few_lines_to_know_a_voice_by_are_no_score(training_data: Path) -> None:
    assert casting(training_data, n_candidates=3)().default.score is None


def test_what_was_learnt_is_told_to_the_model_of_its_persona_alone(
    two: Path, scripted_server: Any, tmp_path: Path
) -> None:
    save_learnt(Learnt("Learnt words."), tmp_path / program_file("nora"), {})

    async def scenario() -> list[str]:
        async with scripted_server(lambda _: ["hm"]).running() as server:
            engine = OpenAICompatibleEngine(provider="x", model="m", base_url=server.url, api_key="k", timeout=5)
            settings = PersonaSettings(training_data=two, data=tmp_path)
            cast = Casting(settings, lambda: NOON, chosen=ChosenLM("x/m", engine))()
            for name in ("nora", "ada"):
                await cast.members[name].speaker.whole(Asked((Message("user", "hey"),)), {})
            await engine.aclose()
            return [body["messages"][0]["content"] for body in server.bodies]

    nora, ada = asyncio.run(scenario())
    assert nora.startswith("Learnt words.")
    assert "Learnt words." not in ada


def test_a_program_that_cannot_be_used_ends_the_start_and_the_offline_engine_reads_none(
    training_data: Path, tmp_path: Path
) -> None:
    (tmp_path / program_file("nora")).write_text("{}")
    with pytest.raises(ProgramError, match=r"persona-nora\.json"):
        casting(training_data, data=tmp_path, lm="groq/m")()
    assert casting(training_data, data=tmp_path)().default.lm == "offline"
