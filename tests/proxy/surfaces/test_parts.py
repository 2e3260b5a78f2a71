"""Parts keep the order in which the upstream named them, whenever their texts are released."""

from __future__ import annotations

from typing import Any

from proxy.surfaces.parts import Fixed, Parts, Text


def text(name: str, key: str = "content") -> Text:
    """A text part whose events say what happens to it."""
    return Text(
        key, lambda: [{"begin": name}], lambda piece: [{name: piece}], lambda said: [{"end": name, "said": said}]
    )


def fixed(name: str, waits: str | None = None) -> Fixed:
    return Fixed(lambda: [{"fixed": name}], waits)


def fed(parts: Parts, part: Text, said: str) -> Text:
    """The part as one that is whole, and wholly held."""
    parts.add(part)
    parts.feed(part, said)
    parts.close(part)
    return part


def test_a_text_goes_out_piece_by_piece_and_ends_when_all_of_it_was_released() -> None:
    parts = Parts()
    fed(parts, text("a"), "one two")
    assert parts.flush() == []
    parts.say("content", "one ", held=3)
    assert parts.flush() == [{"begin": "a"}, {"a": "one "}]
    parts.say("content", "two", held=0)
    assert parts.flush() == [{"a": "two"}, {"end": "a", "said": "one two"}]


def test_what_is_released_over_two_parts_is_told_in_each_its_own() -> None:
    parts = Parts()
    fed(parts, text("a"), "one ")
    fed(parts, text("b"), "two ")
    parts.say("content", "one two ", held=0)
    told: list[Any] = parts.flush()
    assert [event for event in told if "a" in event or "b" in event] == [{"a": "one "}, {"b": "two "}]


def test_what_was_redacted_stays_with_the_part_it_begins_in() -> None:
    parts = Parts()
    fed(parts, text("a"), "a wom")
    fed(parts, text("b"), "bat ran")
    parts.say("content", "a *** ran", held=0)
    assert parts.flush() == [
        {"begin": "a"}, {"a": "a *** ran"}, {"end": "a", "said": "a *** ran"},
        {"begin": "b"}, {"end": "b", "said": ""},
    ]  # fmt: skip


def test_a_structure_waits_for_its_judgement_and_for_the_text_before_it() -> None:
    parts = Parts()
    fed(parts, text("a"), "one")
    parts.add(fixed("tool", waits="block.1"))
    parts.passed("block.1")
    assert parts.flush() == []
    parts.say("content", "one", held=0)
    assert parts.flush()[-1] == {"fixed": "tool"}


def test_a_text_behind_a_structure_waits_for_it() -> None:
    parts = Parts()
    parts.add(fixed("tool", waits="block.0"))
    fed(parts, text("a"), "one")
    parts.say("content", "one", held=0)
    assert parts.flush() == []
    parts.passed("block.0")
    assert [next(iter(event)) for event in parts.flush()] == ["fixed", "begin", "a", "end"]


def test_what_needs_no_judgement_goes_out_with_what_follows_it_or_at_the_end() -> None:
    parts = Parts()
    parts.add(fixed("open"))
    part = text("a")
    parts.add(part)
    assert parts.flush() == []
    parts.feed(part, "one")
    parts.say("content", "one", held=0)
    assert parts.flush() == [{"fixed": "open"}, {"begin": "a"}, {"a": "one"}]
    parts.close(part)
    parts.add(fixed("close"))
    assert parts.flush() == [{"end": "a", "said": "one"}]
    assert parts.rest() == [{"fixed": "close"}]


def test_a_cut_keeps_what_was_released_drops_the_rest_and_leaves_its_last_text_open() -> None:
    parts = Parts()
    fed(parts, text("thought", "thinking.0"), "hm")
    parts.add(fixed("tool", waits="never"))
    answer = text("a")
    parts.add(answer)
    parts.feed(answer, "one two")
    parts.add(fixed("after"))
    parts.say("thinking.0", "hm", held=0)
    parts.say("content", "one ", held=3)
    events, part = parts.cut()
    assert events == [{"begin": "thought"}, {"thought": "hm"}, {"end": "thought", "said": "hm"},
                      {"begin": "a"}, {"a": "one "}]  # fmt: skip
    assert part is answer
    assert parts.rest() == []


def test_a_cut_before_anything_was_said_leaves_what_was_begun() -> None:
    parts = Parts()
    parts.add(fixed("open"))
    parts.add(text("a"))
    parts.add(fixed("close"))
    assert parts.cut() == ([{"fixed": "open"}], None)
    assert parts.rest() == []
