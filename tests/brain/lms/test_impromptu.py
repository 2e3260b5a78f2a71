"""What the offline persona says by itself: care, the hour, a fact of the fan's, each only where it is told."""

from __future__ import annotations

from typing import Any

import pytest

from brain.guidance import render
from brain.lms.impromptu import comforting, one_of, recalling, remarking, to_them
from brain.persona_files import PersonaCard
from brain.signatures import Comfort, Reply, Tease

RECALLS = ["i remember, {fact}", "you said {fact}"]


@pytest.fixture
def nora(card: dict[str, Any]) -> PersonaCard:
    remarks = {"up_late": ["up late?", "still awake?"], "long_time": ["there you are"]}
    return PersonaCard.model_validate({**card, "remarks": remarks, "recalls": RECALLS, "comforts": ["i heard that"]})


def told(signature: Any = Reply, **fields: str) -> str:
    return render(signature, {"name": "Nora", **fields}, list(signature.input_fields))


def test_care_is_for_a_fan_in_distress_alone(nora: PersonaCard) -> None:
    assert comforting(nora, told(Comfort), (), "x") == "i heard that"
    assert comforting(nora, told(Reply), (), "x") == comforting(nora, told(Tease), (), "x") == ""


def test_a_remark_is_made_where_one_is_told_and_not_the_same_twice(nora: PersonaCard) -> None:
    assert remarking(nora, told(remark="long time"), (), "x") == "there you are"
    assert remarking(nora, told(), (), "x") == ""
    assert remarking(nora, told(remark="back already"), (), "x") == ""
    assert remarking(nora, told(remark="up late"), ("up late? so am i",), "x") == "still awake?"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("do you remember my dog?", "your dog is called Biscuit"),
        ("the dog ate my shoe", "your dog is called Biscuit"),
        ("whats my dog called", "your dog is called Biscuit"),
        ("do you remember where i live?", "you live in Leeds"),
        ("remember me?", "your dog is called Biscuit"),  # what was told last
    ],
)
def test_a_fact_is_named_when_the_fan_comes_back_to_it(nora: PersonaCard, line: str, expected: str) -> None:
    facts = "they live in Leeds\ntheir dog is called Biscuit"
    assert expected in recalling(nora, told(fan=facts), line, (), "x")


def test_nothing_is_recalled_that_was_not_told_or_is_not_talked_of(nora: PersonaCard) -> None:
    assert recalling(nora, told(), "do you remember my dog?", (), "x") == ""
    assert recalling(nora, told(fan="their dog is called Biscuit"), "nice weather", (), "x") == ""


def test_a_question_about_the_persona_brings_up_nothing_of_the_fans(nora: PersonaCard) -> None:
    system = told(fan="they work nights")
    assert recalling(nora, system, "what music do you play when you work?", (), "x") == ""
    assert recalling(nora, system, "work was a slog today", (), "x") != ""


def test_a_fact_is_named_once_unless_the_fan_asks(nora: PersonaCard) -> None:
    system, said = told(fan="their dog is called Biscuit"), ("i remember, your dog is called Biscuit",)
    assert recalling(nora, system, "the dog ate my shoe", said, "x") == ""
    assert recalling(nora, system, "do you remember my dog?", said, "x") == "you said your dog is called Biscuit"


def test_a_fact_is_said_to_the_one_it_is_about() -> None:
    assert to_them("they work nights and their boss hates them") == "you work nights and your boss hates you"
    assert to_them("they're from the Theatre; theirs is Theo") == "you're from the Theatre; yours is Theo"


def test_the_same_salt_gives_the_same_line_and_no_lines_give_none() -> None:
    assert len({one_of(RECALLS, (), "x") for _ in range(5)}) == 1
    assert {one_of(RECALLS, (), str(salt)) for salt in range(50)} == set(RECALLS)
    assert one_of((), (), "x") == ""
