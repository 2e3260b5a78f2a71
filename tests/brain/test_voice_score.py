"""The voice score: the creator's held-out lines above those of people whose register it never saw."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import dspy
import numpy as np
import pytest

from brain.persona_files import PersonaData, read_personas
from brain.voice_score import VoiceScore, grams, is_emoji, style
from guards.detectors.embedder import Embedder
from guards.errors import TrainingError

DATA = Path(__file__).parents[2] / "training_data"
PERSONAS = {persona.card.model_id: persona for persona in read_personas(DATA)}
# The ten largest registers in English. Lines of all others are the background that the score is fitted beside.
UNSEEN = (
    "ordinary1", "ordinary2", "ordinary3", "ordinary4", "ordinary5",
    "replies", "evasions", "fans2", "textbook2", "messenger",
)  # fmt: skip
BACKGROUND, TESTED = 25, 100  # lines a register


@pytest.fixture(scope="module")
def registers() -> dict[str, list[str]]:
    """Some benign lines of each register but the persona's own."""
    lines: dict[str, list[str]] = {}
    for text in (DATA / "moderation.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(text)
        if not row["labels"] and row["register"] != "persona":
            lines.setdefault(row["register"], []).append(row["text"])
    pick = random.Random(5)
    return {name: pick.sample(each, min(TESTED, len(each))) for name, each in lines.items()}


def parted(persona: PersonaData) -> tuple[list[Any], list[str]]:
    """The exchanges to fit on, and the replies of every fourth conversation, which are held out."""
    conversations = persona.conversations.conversations
    whole = [
        persona.conversations.model_copy(update={"conversations": each}).exchanges()
        for each in ([c for at, c in enumerate(conversations) if at % 4], list(conversations[::4]))
    ]
    return list(whole[0]), [exchange.reply for exchange in whole[1]]


def share_above(own: list[float], others: list[float]) -> float:
    """Of all pairs, the share in which the creator's line has the higher score."""
    pairs = np.array(own)[:, None] - np.array(others)
    return float(np.mean(pairs > 0))


@pytest.mark.parametrize("name", PERSONAS)
@pytest.mark.parametrize("meaning", [False, True], ids=["words", "meaning"])
def test_held_out_lines_rank_above_lines_of_ten_unseen_registers(
    registers: dict[str, list[str]], name: str, meaning: bool
) -> None:
    seen, held_out = parted(PERSONAS[name])
    generic = [line for register, lines in registers.items() if register not in UNSEEN for line in lines[:BACKGROUND]]
    score = VoiceScore.of(seen, generic, Embedder() if meaning else None)
    own = score.scores(held_out)
    shares = {register: share_above(own, score.scores(registers[register])) for register in UNSEEN}
    assert np.mean(list(shares.values())) >= 0.95
    assert min(shares.values()) >= 0.9


@pytest.mark.parametrize(("name", "other"), [("mila", "theo"), ("theo", "mila")])
def test_two_creators_are_told_apart_beside_lines_of_other_people(
    registers: dict[str, list[str]], name: str, other: str
) -> None:
    seen, held_out = parted(PERSONAS[name])
    score = VoiceScore.of(seen, [line for lines in registers.values() for line in lines[:BACKGROUND]])
    assert share_above(score.scores(held_out), score.scores(parted(PERSONAS[other])[1])) >= 0.95


def test_the_fans_of_the_same_conversations_alone_tell_the_creator_from_them() -> None:
    seen, held_out = parted(PERSONAS["mila"])
    fans = [exchange.fan for exchange in PERSONAS["mila"].conversations.exchanges()]
    score = VoiceScore.of([each for each in seen if each.fan not in set(fans[::2])])
    assert share_above(score.scores(held_out), score.scores(fans[::2])) >= 0.95


@pytest.fixture(scope="module")
def mila() -> VoiceScore:
    return VoiceScore.of(parted(PERSONAS["mila"])[0])


@pytest.mark.parametrize("text", ["", " ", "🐈‍⬛", "x" * 50_000, "\n\n", "مرحبا"])
def test_any_text_has_a_score_between_0_and_1(mila: VoiceScore, text: str) -> None:
    assert 0 <= mila(text) <= 1


def test_nothing_is_nobody_s_voice(mila: VoiceScore) -> None:
    assert mila("  ") == 0
    assert mila.scores([]) == []


def test_a_line_s_score_does_not_depend_on_its_company(mila: VoiceScore) -> None:
    texts = ["heyyy you, behave (a little) 🖤", "The invoice is attached."]
    assert mila.scores(texts) == pytest.approx([mila(text) for text in texts])
    assert mila(texts[0]) > 0.9 > 0.1 > mila(texts[1])


def test_it_is_a_metric_of_dspy(mila: VoiceScore) -> None:
    said = dspy.Example(fan="hey", reply="hey you, clay on my nose again 🙈").with_inputs("fan")
    evaluate = dspy.Evaluate(devset=[said], metric=mila.metric, num_threads=1, display_progress=False)

    class Echo(dspy.Module):
        def forward(self, fan: str) -> Any:
            return dspy.Prediction(reply=said.reply)

    result = evaluate(Echo())
    assert result.score == pytest.approx(100 * mila(said.reply), abs=0.01)
    assert mila.metric(None, {"reply": "Dear Sir or Madam."}) < 0.2


@pytest.mark.parametrize(("own", "others"), [(5, 50), (50, 5), (0, 0)])
def test_too_few_lines_are_refused(own: int, others: int) -> None:
    with pytest.raises(TrainingError, match="needs 20 lines"):
        VoiceScore([f"line {n}" for n in range(own)], [f"other {n}" for n in range(others)])


def test_style_sees_casing_emoji_and_questions() -> None:
    assert len({len(style(text)) for text in ("", "Hi.", "heyyy 😏")}) == 1
    assert style("sooo what?") != style("So what?") != style("So what.")


def test_emoji_are_counted_without_their_joiners() -> None:
    assert [is_emoji(letter) for letter in "a☕🖤\ufe0f\u200d"] == [False, True, True, False, False]


def test_grams_are_the_same_for_the_same_text_and_keep_casing() -> None:
    assert list(grams("Hey you")) == list(grams("Hey  you"))
    assert list(grams("Hey you")) != list(grams("hey you"))
