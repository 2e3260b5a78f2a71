"""What is learnt from feedback and the log: only replies that pass the rules, and a reason for everything else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brain.conversations import Conversations
from guards.guard import Guard
from proxy.audit import Record
from proxy.dataset import examples, finetune, preferences
from proxy.feedback import Feedback, Said
from proxy.rule_files import load

ROOT = Path(__file__).parent.parent.parent
SECOND = {"role": "assistant", "content": "yes. you?"}


@pytest.fixture
def guard(make_rules: Callable[..., Path]) -> Guard:
    return load(make_rules(on_input="deflect"))


@pytest.fixture(scope="module")
def shipped() -> Guard:
    return load(ROOT / "rules", gate=False)


def rated(turn: str, rating: str, *texts: str, model: str = "mila") -> Feedback:
    """Feedback on the last of `texts`, which the fan and the persona said in turn."""
    said = tuple(Said("assistant" if at % 2 else "user", text) for at, text in enumerate(texts))
    return Feedback(turn, "2026-01-02T03:04:05.678+00:00", rating, model, None, "", said)  # type: ignore[arg-type]


def judged(text: str, action: str, place: str = "") -> dict[str, Any]:
    return {"text": text, "action": action, "place": place, "rules": ["animals"], "findings": []}


def recorded(turn: str, *, asked: str = "", withheld: str = "", final: str = "", attempt: str = "") -> Record:
    """A turn in whose reply something was withheld."""
    stages = {
        "input": [judged(asked, "steer", "messages[0].content")] if asked else [],
        "output": [judged("old wombat", "regenerate", "history[1].content"), judged(withheld, "regenerate")],
    }
    attempts = [{"text": attempt, "verdict": judged(attempt, "regenerate")}] if attempt else []
    body = {"stages": stages, "attempts": [*attempts, {"text": "", "verdict": None}], "final": [final]}
    return Record(turn, "2026-01-02T00:00:00.000+00:00", "regenerate", "m", None, "v", body)


def test_liked_replies_are_conversations_that_the_persona_can_learn_from(guard: Guard) -> None:
    made = examples([rated("t1", "up", "hey", "hey you", "dinner?", "toast 🙈"), rated("t2", "down", "a", "b")], guard)
    read = Conversations.model_validate({"conversations": made.rows})
    assert [exchange.reply for exchange in read.exchanges()] == ["hey you", "toast 🙈"]
    assert made.left_out == {"rated down": 1}


def test_fine_tuning_rows_are_chat_messages_with_the_reply_last(guard: Guard) -> None:
    (row,) = finetune([rated("t1", "up", "you awake?", "yes. you?")], guard).rows
    assert row == {"messages": [{"role": "user", "content": "you awake?"}, SECOND]}


@pytest.mark.parametrize(
    ("texts", "why"),
    [((), "its messages were not sent with it"), (("hey", " "), "its messages were not sent with it"),
     (("hey", "look, a wombat"), "a reply breaks animals"),
     (("hey", "a w0mbat", "oh", "fine"), "a reply breaks animals"),
     (("a wombat?", "no"), "the fan's words break animals")],
)  # fmt: skip
@pytest.mark.parametrize("kind", [examples, finetune])
def test_what_may_not_be_imitated_is_left_out_with_its_reason(
    guard: Guard, kind: Callable[..., Any], texts: tuple[str, ...], why: str
) -> None:
    made = kind([rated("t1", "up", *texts)], guard)
    assert made.rows == []
    assert made.left_out == {why: 1}


def test_under_the_shipped_rules_no_other_platform_goes_out_and_holding_the_boundary_does(shipped: Guard) -> None:
    asked = "what's your insta?"
    given = [
        rated("t1", "up", asked, "my insta is @mila.after.dark"),
        rated("t2", "up", asked, "nah, right here is where i'm fun"),
    ]
    (row,) = finetune(given, shipped).rows
    assert row["messages"][-1]["content"] == "nah, right here is where i'm fun"


def test_a_fans_personal_data_is_masked(shipped: Guard) -> None:
    for words, secret in (("my mail is joe.bloggs@example.com ok", "joe.bloggs"), ("im @joe_the_man there", "joe_the")):
        (row,) = finetune([rated("t1", "up", words, "nah, right here is where i'm fun")], shipped).rows
        assert secret not in str(row)


def test_messages_of_one_side_are_joined_and_a_persona_that_began_is_cut_off(guard: Guard) -> None:
    said = [
        ("assistant", "hello?"),
        ("user", "hey"),
        ("user", "you there"),
        ("assistant", "yes"),
        ("assistant", "you?"),
    ]
    given = Feedback("t", "2026-01-02", "up", messages=tuple(Said(role, text) for role, text in said))  # type: ignore[arg-type]
    (row,) = finetune([given], guard).rows
    assert [each["content"] for each in row["messages"]] == ["hey\n\nyou there", "yes\n\nyou?"]


def test_the_same_talk_goes_out_once(guard: Guard) -> None:
    made = examples([rated("t1", "up", "hey", "hey you"), rated("t2", "up", "hey", "hey you")], guard)
    assert len(made.rows) == 1
    assert made.left_out == {"the same as another": 1}


@pytest.mark.parametrize("other", ["how was your day today?", "How was your DAY today", "so how was your day today?"])
def test_a_thumb_up_and_a_thumb_down_for_like_words_are_a_pair(guard: Guard, other: str) -> None:
    given = [rated("t1", "up", "how was your day today?", "long. yours?"), rated("t2", "down", other, "fine.")]
    made = preferences(given, [], guard)
    (row,) = made.rows
    assert row["prompt"] == [{"role": "user", "content": other}]
    assert row["chosen"] == [{"role": "assistant", "content": "long. yours?"}]
    assert row["rejected"] == [{"role": "assistant", "content": "fine."}]
    assert not made.left_out


def test_the_talk_before_counts_where_both_replies_had_the_same(guard: Guard) -> None:
    before = ("hey", "hey you", "dinner?")
    same = preferences([rated("t1", "up", *before, "toast"), rated("t2", "down", *before, "food")], [], guard)
    assert [each["content"] for each in same.rows[0]["prompt"]] == list(before)
    other = preferences([rated("t1", "up", *before, "toast"), rated("t2", "down", "dinner?", "food")], [], guard)
    assert [each["content"] for each in other.rows[0]["prompt"]] == ["dinner?"]


def test_a_thumb_without_its_match_is_no_pair(guard: Guard) -> None:
    given = [rated("t1", "up", "do you like cats", "one of them"), rated("t2", "down", "what's for dinner", "food"),
             rated("t3", "down", "do you like cats", "no", model="nora")]  # fmt: skip
    made = preferences(given, [], guard)
    assert made.rows == []
    assert made.left_out == {
        "rated down, and no like message has a thumb up": 2, "rated up, and no like message has a thumb down": 1,
    }  # fmt: skip


def test_a_reply_that_breaks_a_rule_is_never_the_chosen_one_and_may_be_the_rejected_one(guard: Guard) -> None:
    up = preferences([rated("t1", "up", "hey", "a wombat"), rated("t2", "down", "hey", "hello")], [], guard)
    assert up.rows == []
    down = preferences([rated("t1", "up", "hey", "hello"), rated("t2", "down", "hey", "a wombat")], [], guard)
    assert [row["chosen"][0]["content"] for row in down.rows] == ["hello"]


def test_what_was_withheld_is_rejected_for_what_was_said_instead(make_rules: Callable[..., Path]) -> None:
    guard = load(make_rules(on_input="steer"))
    record = recorded("t1", asked="a wombat?", withheld="my wombat", attempt="wombats", final="flowers then")
    made = preferences([], [record], guard)
    assert [row["rejected"][0]["content"] for row in made.rows] == ["my wombat", "wombats"]
    assert {row["chosen"][0]["content"] for row in made.rows} == {"flowers then"}
    assert made.rows[0]["prompt"] == [{"role": "user", "content": "a wombat?"}]


def test_what_a_withheld_reply_answered_is_known_from_the_feedback_on_its_turn(guard: Guard) -> None:
    given = [rated("t1", "up", "hey", "hey you", "pets?", "flowers then")]
    made = preferences(given, [recorded("t1", withheld="my wombat", final="flowers then")], guard)
    assert [each["content"] for each in made.rows[0]["prompt"]] == ["hey", "hey you", "pets?"]


@pytest.mark.parametrize(
    ("told", "why"),
    [({"asked": "", "final": "flowers"}, "withheld, and what it answered is not known"),
     ({"asked": "hey", "final": "tell me about your day"}, "withheld, and a stock line instead"),
     ({"asked": "hey", "final": " "}, "withheld, and no single reply instead"),
     ({"asked": "hey", "final": "a wombat"}, "a reply breaks animals")],
)  # fmt: skip
def test_a_withheld_reply_that_teaches_nothing_is_left_out(guard: Guard, told: dict[str, str], why: str) -> None:
    made = preferences([], [recorded("t1", withheld="my wombat", **told)], guard)
    assert made.rows == []
    assert made.left_out == {why: 1}


def test_the_repr_of_what_was_made_shows_no_text(guard: Guard) -> None:
    assert "secret" not in repr(finetune([rated("t1", "up", "my secret", "a secret")], guard))
