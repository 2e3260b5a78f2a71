"""Persona and proxy in one process, over real sockets: what a fan would get from either."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brain.held_out import Parted, parted
from brain.persona_files import PersonaData, read_personas
from brain.settings import PersonaSettings
from guards.types import Message
from proxy.rehearsal import Got, replies, staged

PET = (Message("user", "Do you own a pet, and does it have 7 legs?"),)


@pytest.fixture
def persona(nora: Path) -> PersonaData:
    (found,) = read_personas(nora)
    return found


@pytest.fixture
def rehearse(nora: Path, persona: PersonaData, tmp_path: Path, make_rules: Callable[..., Path]) -> Callable[..., Any]:
    """rehearse(transcripts, lm=…) is what persona and proxy answer, and the folders seen meanwhile."""
    split = parted(persona.conversations)
    assert isinstance(split, Parted)

    def run(transcripts: Any, **given: Any) -> tuple[list[Got], list[Got]]:
        settings = PersonaSettings(**{"training_data": nora, "data": tmp_path / "data", "lm": "offline", **given})

        async def whole() -> tuple[list[Got], list[Got]]:
            async with staged(settings, make_rules(), persona, split.shown) as stage:
                assert stage.guard.check("a wombat", "output").rules == ("animals",)
                return (
                    await replies(stage.persona, "nora", transcripts),
                    await replies(stage.proxy, "nora", transcripts),
                )

        return asyncio.run(whole())

    return run


def test_what_the_persona_lets_slip_alone_does_not_come_through_the_proxy(rehearse: Any) -> None:
    alone, guarded = rehearse([PET], offline_slip_rate=1)
    assert "wombat" in alone[0].text
    assert alone[0].action == ""
    assert guarded[0].text
    assert "wombat" not in guarded[0].text
    assert guarded[0].action == "regenerate"


def test_the_persona_is_shown_nothing_of_what_is_held_out(
    rehearse: Any, persona: PersonaData, upstream: Any, says: Any
) -> None:
    upstream.replies = [says("fine")]
    split = parted(persona.conversations)
    assert split is not None
    # Not those that have an answer of their own conversation before them.
    turns = [turn for turn in split.turns(seed=0, limit=20) if len(turn.transcript) == 1]
    rehearse([turn.transcript for turn in turns], lm="some-model", lm_base_url=upstream.url)
    asked = json.dumps(upstream.asked, ensure_ascii=False)
    assert turns
    assert not any(turn.said in asked for turn in turns)
    assert any(each.reply in asked for each in split.shown.exchanges())


def test_a_model_that_fails_is_a_turn_without_a_reply_and_no_line_in_its_place(
    rehearse: Any, upstream: Any, raw: Any
) -> None:
    upstream.replies = [raw([b"{}"], status=500)]
    alone, guarded = rehearse([PET], lm="some-model", lm_base_url=upstream.url)
    assert (alone[0].text, guarded[0].text) == (None, None)


def test_replies_come_in_the_order_of_their_turns_and_nothing_is_kept(rehearse: Any, tmp_path: Path) -> None:
    asked = [(Message("user", f"What have you painted on day {number}?"),) for number in range(9)]
    alone, _ = rehearse(asked)
    assert [each.text for each in alone] == [each.text for each in rehearse(asked)[0]]
    assert not (tmp_path / "data").exists()
