"""Openings: where nothing is open there is no finding, and most of what people say opens nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guards.guard import Guard
from guards.openings import Watch
from guards.types import Message
from proxy.rule_files import load

ROOT = Path(__file__).parents[2]
SHIPPED = load(ROOT / "rules", gate=False)
EXAMPLES = [example for rule in SHIPPED.policy.rules for example in rule.examples if not example.context]
BLOCKED = [example.block for example in EXAMPLES if example.block]
ALLOWED = [example.allow for example in EXAMPLES if example.allow]
ROWS = (ROOT / "training_data" / "moderation.jsonl").read_text(encoding="utf-8").splitlines()[::61]
SAID = [row["text"] for row in map(json.loads, ROWS) if not row["labels"]]
GuardOf = Callable[..., Guard]


def watched(watch: Watch, text: str) -> list[str]:
    """What had been said each time a word opened the text."""
    opened, said = [], ""
    for word in re.findall(r"\S+\s*", text):
        watch.take(word)
        said += word
        if watch.is_open:
            opened.append(said)
            watch.close()
    return opened


@settings(deadline=None, max_examples=400)
@given(st.lists(st.sampled_from([*BLOCKED, *ALLOWED, *SAID]), min_size=1, max_size=3), st.sampled_from([" ", ". "]))
def test_a_text_in_which_nothing_is_open_holds_no_finding_of_a_place(texts: list[str], between: str) -> None:
    text = between.join(texts)
    if not watched(SHIPPED.watch("output"), text):
        assert not SHIPPED.check(text, "output", kind="places").findings


@pytest.mark.parametrize("text", BLOCKED)
def test_what_a_shipped_rule_finds_was_opened_by_a_word_of_it(text: str) -> None:
    if SHIPPED.check(text, "output", kind="places").findings:
        assert watched(SHIPPED.watch("output"), text)


def test_most_words_of_ordinary_talk_open_nothing() -> None:
    words = [word for text in SAID for word in text.split()]
    opened = sum(len(watched(SHIPPED.watch("output"), text)) for text in SAID)
    assert opened < len(words) / 4


@pytest.mark.parametrize(
    "text",
    ["so 5 of us", "a l o n e", "one two three", "mila.com", "look 📸", "привет", "mail me dot com", "aW5zdGFncmFt"],
)
def test_what_is_not_plain_opens_a_text(guard_of: GuardOf, text: str) -> None:
    watch = guard_of({"terms": ["the 📸 app"]}).watch("output")
    assert watched(watch, text)


@pytest.mark.parametrize("text", ['sooo good 😏 "really" (yes), well—no…', "I'm fine, and you?", "Äh, schön!"])
def test_plain_words_with_their_signs_and_smiles_open_nothing(guard_of: GuardOf, text: str) -> None:
    assert watched(guard_of({"terms": ["wombat"]}).watch("output"), text) == []


@pytest.mark.parametrize("text", ["a wombat", "wombats!", "the snap chat", "snapchatt", "woooombat"])
def test_a_term_opens_a_text_in_every_disguise_of_letters(guard_of: GuardOf, text: str) -> None:
    assert watched(guard_of({"terms": ["wombat", "snapchat"]}).watch("output"), text)


def test_common_words_open_a_text_only_together(guard_of: GuardOf) -> None:
    watch = guard_of({"pattern": r"\bcan you\b.{0,20}\bfor me\b"}).watch("output")
    assert watched(watch, "you can do that. it is for us, so ") == []
    assert watched(watch, "can you do that for me ")


def test_a_finding_may_begin_in_what_the_same_speaker_said_before(guard_of: GuardOf) -> None:
    guard = guard_of({"pattern": r"\badd me on \w+"})
    assert watched(guard.watch("output"), "on tuesday") == []
    assert watched(guard.watch("output", [Message("assistant", "so add me")]), "on tuesday")


def test_the_beginning_of_a_term_of_several_words_is_told(guard_of: GuardOf) -> None:
    watch = guard_of({"terms": ["yellow ghost app"]}).watch("output")
    watch.take("it is ")
    assert watch.begun == 0
    watch.take("yellow ")
    watch.take("ghost ")
    assert watch.begun == len("yellow ghost ")
    watch.take("of ")
    assert watch.begun == 0


def test_the_common_words_that_a_term_begins_with_need_not_wait(guard_of: GuardOf) -> None:
    guard = guard_of({"terms": ["the ghost of my app"]})
    watch = guard.watch("output")
    watch.take("the ")
    assert watch.begun == 0
    for word in ("ghost ", "of ", "my "):
        watch.take(word)
    assert watch.begun == len("ghost of my ")
    assert watched(guard.watch("output"), "the ghost of my app")


def test_a_my_waits_for_what_it_is_that_is_mine(guard_of: GuardOf) -> None:
    watch = guard_of({"terms": ["my place"]}).watch("output")
    watch.take("my ")
    assert watch.begun == len("my ")


@pytest.mark.parametrize(
    "term", ["wombat", "the wombat", "wom-bat", "wom.bat", "my wombat's", "wombat: x", "wombat ", "x y", "ask (wombat)"]
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(before=st.text("a wo'.-(s", max_size=12), behind=st.text("s'.,:)a ", max_size=6), data=st.data())
def test_where_a_term_ends_the_word_is_never_passed_over(
    guard_of: GuardOf, term: str, before: str, behind: str, data: st.DataObject
) -> None:
    guard = guard_of({"terms": [term]})
    gap = data.draw(st.sampled_from(["", " ", "-", ". "]), label="what draws it apart")
    text = f"{before} {gap.join(term.split())}{behind}"
    found = guard.check(text, "output").findings
    assert not found or watched(guard.watch("output"), text)


def test_a_number_in_words_is_held_until_the_next_word(guard_of: GuardOf) -> None:
    watch = guard_of({"terms": ["wombat"]}).watch("output")
    watch.take("nine ")
    assert watch.begun == len("nine ")
    watch.take("lives ")
    assert watch.begun == 0


@pytest.mark.parametrize("word", ["wоmbаtоса", "wombatоса", "іnѕtаgrаmоса", "ｗombat"])
def test_a_word_with_letters_of_another_script_is_held(guard_of: GuardOf, word: str) -> None:
    """A term may end where the scripts change."""
    watch = guard_of({"terms": ["wombat"]}).watch("output")
    watch.take(f"{word} ")
    assert watch.is_open


@pytest.mark.parametrize(
    "text", ["wombat...hello", "wombat,hello", "wom\u200bbat-hello", "(wombat)hello", "wombat's", "velvet room's"]
)
def test_a_term_that_ends_within_a_word_is_held(guard_of: GuardOf, text: str) -> None:
    watch = guard_of({"terms": ["wombat", "velvet room"]}).watch("output")
    for word in text.split(" "):
        watch.take(f"{word} ")
    assert watch.is_open


def test_a_word_with_accents_is_as_plain_as_any(guard_of: GuardOf) -> None:
    watch = guard_of({"terms": ["wombat"]}).watch("output")
    for word in ("très", "mañana", "schön", "café", "it's", "don’t"):
        watch.take(f"{word} ")
    assert not watch.is_open


def test_a_rule_that_may_find_something_anywhere_is_named(guard_of: GuardOf) -> None:
    assert guard_of({"pattern": r"\w+ \w+"}).unbounded == {"animals"}
    assert guard_of({"terms": ["wombat"]}).unbounded == frozenset()
    assert SHIPPED.unbounded == frozenset()
