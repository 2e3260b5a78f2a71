"""The shipped data, rules and model agree: what is said cleanly passes, what is marked as a slip is withheld, and the
classifier was taught with the rows that stand beside it."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from brain.conversations import read_conversations
from brain.labelled import FILE_NAME, read_rows
from guards.detectors.classifier import MODELS
from guards.guard import Guard
from guards.training.examples import digest_of
from proxy.commands.train import as_example
from proxy.rule_files import load

ROOT = Path(__file__).parent.parent
CONVERSATIONS = read_conversations(ROOT / "training_data")


RULES = ("contact_exchange", "meetup", "prompt_injection", "social_platform", "underage")
ROWS = read_rows(ROOT / "training_data" / FILE_NAME, RULES)


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


def test_there_are_enough_labelled_messages_most_violations_about_meetups_and_half_of_all_benign() -> None:
    labels = Counter(label for row in ROWS for label in row.labels)
    assert len(ROWS) >= 10_000
    assert labels.most_common(1)[0][0] == "meetup"
    assert set(labels) == set(RULES)
    assert 0.4 <= sum(not row.labels for row in ROWS) / len(ROWS) <= 0.7
    assert {row.stage for row in ROWS} == {"input", "output"}


def test_no_two_labelled_messages_say_the_same() -> None:
    said = Counter(
        " || ".join(
            re.sub(r"[\W_]+", " ", text.lower()).strip() or text for text in (*(t.text for t in row.context), row.text)
        )
        for row in ROWS
    )
    assert [text for text, times in said.items() if times > 1] == []


def test_the_shipped_classifier_was_taught_with_these_rows() -> None:
    card = json.loads((MODELS / "card.json").read_text(encoding="utf-8"))
    assert card["examples"] == digest_of([as_example(row) for row in ROWS])
