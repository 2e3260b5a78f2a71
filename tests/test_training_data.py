"""The shipped data, rules and model agree: what is said cleanly passes, what is marked as a slip is withheld, and the
classifier was taught with the rows that stand beside it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from brain.conversations import Line
from brain.labelled import FILE_NAME, read_rows
from brain.persona_files import FACT, PersonaData, read_personas
from brain.reading import EMOTIONS, INTENTS
from brain.reading_rows import FILE_NAME as READINGS_FILE
from brain.reading_rows import read_reading_rows
from brain.stories.samples import read_samples
from guards.detectors.base import Source
from guards.detectors.classifier import MODELS
from guards.detectors.pattern import PatternDetector
from guards.detectors.phrase import PhraseDetector
from guards.fold import fold
from guards.guard import Guard
from guards.policy import Pattern, Phrase
from guards.training.examples import Example, digest_of
from guards.types import Message
from proxy.commands.train import as_example, sayings_in
from proxy.rule_files import load

ROOT = Path(__file__).parent.parent
PERSONAS = read_personas(ROOT / "training_data")


RULES = ("contact_exchange", "meetup", "prompt_injection", "social_platform", "underage")
ROWS = read_rows(ROOT / "training_data" / FILE_NAME, RULES)


@pytest.fixture(scope="module")
def guard() -> Guard:
    return load(ROOT / "rules")


by_persona = pytest.mark.parametrize("persona", PERSONAS, ids=[persona.card.name for persona in PERSONAS])


def test_there_are_enough_conversations_and_slips() -> None:
    mila, theo = PERSONAS
    assert len(mila.conversations.conversations) >= 60
    assert sum(exchange.slip is not None for exchange in mila.conversations.exchanges()) >= 40
    assert len(theo.conversations.exchanges()) >= 60
    assert sum(exchange.slip is not None for exchange in theo.conversations.exchanges()) >= 8


def persona_turns(persona: PersonaData) -> Iterator[tuple[Line, tuple[Message, ...]]]:
    """Every reply of the persona with what was said before it."""
    roles = {"fan": "user", "persona": "assistant"}
    for conversation in persona.conversations.conversations:
        said = tuple(Message(roles[line.role], line.text) for line in conversation.turns)
        yield from ((line, said[:at]) for at, line in enumerate(conversation.turns) if line.role == "persona")


@by_persona
def test_no_deflection_and_hardly_any_clean_reply_of_a_persona_is_withheld(guard: Guard, persona: PersonaData) -> None:
    card = persona.card
    own = [*card.deflections, *(card.silence.lines if card.silence else ()), *card.comforts]
    own += [line for lines in card.remarks.model_dump().values() for line in lines]
    own += [line.replace(FACT, "your dog is called Biscuit") for line in card.recalls]
    assert [text for text in own if guard.check(text, "output").withholds] == []
    replies = list(persona_turns(persona))
    for withheld in (
        [line for line, before in replies if guard.check(line.text, "output", before).withholds],
        [line for line, _ in replies if guard.check(line.text, "output").withholds],
    ):
        assert len(withheld) <= len(replies) / 200


def test_nothing_of_a_sample_story_is_withheld(guard: Guard) -> None:
    for story in read_samples(ROOT / "training_data").stories:
        told = [text for beat in story.beats for text in (beat.beat, beat.prose, *beat.asides)]
        assert [text for text in (*story.arc, *told) if guard.check(text, "output").withholds] == []
        proses = [Message("assistant", beat.prose) for beat in story.beats]
        assert [at for at, prose in enumerate(proses) if guard.check(prose.text, "output", proses[:at]).withholds] == []


@by_persona
def test_every_slip_is_withheld(guard: Guard, persona: PersonaData) -> None:
    slips = [(line.slip.text, before) for line, before in persona_turns(persona) if line.slip]
    assert [text for text, before in slips if not guard.check(text, "output", before).withholds] == []


@by_persona
def test_no_persona_says_the_same_twice(persona: PersonaData) -> None:
    said = Counter(line.text for line, _ in persona_turns(persona))
    assert [text for text, times in said.items() if times > 1] == []


def test_every_rule_has_twenty_examples_of_either_kind(guard: Guard) -> None:
    for rule in guard.policy.rules:
        blocks = sum(example.block is not None for example in rule.examples)
        assert min(blocks, len(rule.examples) - blocks) >= 20, rule.id


def test_every_pattern_and_phrase_of_a_rule_has_an_example_that_it_finds(guard: Guard) -> None:
    kinds = {Pattern: PatternDetector, Phrase: PhraseDetector}
    untold = []
    for rule in guard.policy.rules:
        examples = [fold(example.text) for example in rule.examples if example.block]
        for at, entry in enumerate(rule.find):
            if isinstance(entry, Pattern | Phrase):
                source = Source(rule.id, ("find", at, type(entry).__name__.lower()), entry.fold or rule.fold, entry)
                detector = kinds[type(entry)]([source])
                if not any(True for example in examples for _ in detector.find(example)):
                    untold.append((rule.id, at))
    assert untold == []


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
    assert card["sayings"] == digest_of([Example(each, frozenset()) for each in sayings_in(ROOT / "training_data")])


READINGS = read_reading_rows(ROOT / "training_data" / READINGS_FILE)


def test_there_are_enough_readings_of_every_intent_in_every_language() -> None:
    assert len(READINGS) >= 3_000
    assert {row.emotion for row in READINGS} == set(EMOTIONS)
    by_language = Counter((row.lang, row.intent) for row in READINGS)
    for lang in ("en", "es", "pt", "fr", "de", "it", "ru"):
        assert min(by_language[lang, intent] for intent in INTENTS) >= 10, lang


def test_no_two_readings_say_the_same() -> None:
    said = Counter(re.sub(r"[\W_]+", " ", row.text.lower()).strip() or row.text for row in READINGS)
    assert [text for text, times in said.items() if times > 1] == []
