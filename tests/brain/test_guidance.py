"""Guidance as text: all words come from the signature, and the persona service can read it back."""

from __future__ import annotations

from brain.guidance import describe, is_for, released_in, render, told_in
from brain.signatures import Comfort, Reply, Rewrite, Tease
from brain.suggest import with_past

SIGNATURE = with_past(Rewrite, "reply")
INPUTS = {"past_reply": "the rejected text", "feedback": "Stay playful.", "released": "hey you,\n\nso "}


def test_it_holds_the_instructions_the_feedback_and_what_was_released() -> None:
    text = render(SIGNATURE, INPUTS, ("feedback", "released"))
    assert text.startswith("Your last message above")
    assert "What to do instead: Stay playful." in text
    assert text.endswith("hey you,\n\nso ")


def test_it_tells_only_the_named_fields() -> None:
    assert "rejected" not in render(SIGNATURE, INPUTS, ("feedback", "released"))


def test_inputs_without_value_are_not_mentioned() -> None:
    text = render(SIGNATURE, {"feedback": "x", "released": ""}, ("feedback", "released"))
    assert describe(Rewrite, "released") not in text


def test_what_was_released_is_read_back_whole() -> None:
    assert released_in(render(SIGNATURE, INPUTS, ("feedback", "released"))) == INPUTS["released"]


def test_guidance_of_others_says_nothing_was_released() -> None:
    assert released_in("Do not name other platforms.") == ""


def test_a_field_is_read_back_from_a_system_message() -> None:
    told = {"name": "Nora", "fan": "they live in Leeds\nthey work nights", "client_instructions": "x\n\nfan: y"}
    system = render(Comfort, told, list(Comfort.input_fields))
    assert told_in(system, Reply, "fan") == "they live in Leeds\nthey work nights"
    assert told_in(system, Reply, "remark") == ""
    assert is_for(system, Comfort)
    assert not any(is_for(each, Comfort) for each in ("", render(Tease, told, ["name"]), render(Reply, told, ["name"])))
