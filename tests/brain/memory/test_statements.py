"""One clause: what it states, where, of what kind."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from brain.memory.statements import state


def test_a_statement_says_where_in_its_clause_it_begins() -> None:
    [statement] = state("he said i love pizza")
    assert (statement.start, statement.text, statement.kind) == (8, "they love pizza", "taste:pizza")
    assert "pizza" not in repr(statement)


@pytest.mark.parametrize(
    ("clause", "text", "kind"),
    [
        ("call me sam", "they are called Sam", "name"),
        ("im 34 now", "they are 34", "age"),
        ("my bday is 3 may", "their birthday is 3 May", "birthday"),
        ("i cant stand olives", "they can't stand olives", "taste:olives"),
        ("im a huge fan of the cure", "they are a fan of the cure", "taste:the cure"),
        ("my fave food is ramen", "their favourite food is ramen", "favourite:food"),
        ("i support leeds united", "they support Leeds United", "supports"),
    ],
)
def test_what_a_clause_states(clause: str, text: str, kind: str) -> None:
    assert [(each.text, each.kind) for each in state(clause)] == [(text, kind)]


@pytest.mark.parametrize(
    "clause", ["he loves pizza", "i would love pizza", "loves pizza", "call him sam", "im 5 mins away"]
)
def test_other_subjects_and_other_verbs_state_nothing(clause: str) -> None:
    assert list(state(clause)) == []


def test_today_needs_to_know_which_day_that_is() -> None:
    assert list(state("it's my birthday")) == []
    [statement] = state("it's my birthday", datetime(2026, 5, 3, tzinfo=UTC))
    assert statement.text == "their birthday is 3 May"
