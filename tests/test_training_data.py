"""The shipped data and the shipped rules agree: what is said cleanly passes, what is marked as a slip is withheld."""

from __future__ import annotations

from pathlib import Path

import pytest

from brain.conversations import read_conversations
from guards.guard import Guard
from proxy.rule_files import load

ROOT = Path(__file__).parent.parent
CONVERSATIONS = read_conversations(ROOT / "training_data")


@pytest.fixture(scope="module")
def guard() -> Guard:
    return load(ROOT / "rules")


def test_there_are_enough_conversations_and_slips() -> None:
    assert len(CONVERSATIONS.conversations) >= 60
    assert sum(exchange.slip is not None for exchange in CONVERSATIONS.exchanges()) >= 40


def test_no_clean_reply_or_deflection_of_the_persona_is_withheld(guard: Guard) -> None:
    clean = [exchange.reply for exchange in CONVERSATIONS.exchanges()] + list(CONVERSATIONS.persona.deflections)
    assert [text for text in clean if guard.check(text, "output").withholds] == []


def test_every_slip_is_withheld(guard: Guard) -> None:
    slips = [exchange.slip for exchange in CONVERSATIONS.exchanges() if exchange.slip]
    assert [text for text in slips if not guard.check(text, "output").withholds] == []


def test_every_rule_has_twenty_examples_of_either_kind(guard: Guard) -> None:
    for rule in guard.policy.rules:
        blocks = sum(example.block is not None for example in rule.examples)
        assert min(blocks, len(rule.examples) - blocks) >= 20, rule.id
