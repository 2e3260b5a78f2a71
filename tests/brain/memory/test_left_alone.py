"""Fans who ask not to be written to, and those who merely use such words."""

from __future__ import annotations

import pytest

from brain.memory.left_alone import asks_to_be_left_alone


@pytest.mark.parametrize(
    "text",
    [
        "stop texting me", "please don't message me again", "leave me alone", "Don’t ever write to me", "unsubscribe",
        "i dont want to hear from you", "im blocking you", "can you stop messaging me", "ok, never contact me again",
        "lose my number", "no more messages", "just stop, you're weird. stop messaging me", "don't call me anymore",
        "schreib mir nicht mehr", "lass mich in Ruhe", "ne m'écris plus", "déjame en paz", "no me escribas más",
        "non scrivermi più", "não me escreva mais",
    ],
)  # fmt: skip
def test_who_asks_to_be_left_alone_is_heard(text: str) -> None:
    assert asks_to_be_left_alone(text)


@pytest.mark.parametrize(
    "text",
    [
        "why did you stop texting me", "don't stop texting me", "you never text me", "leave me a message",
        "if you don't text me i'll cry", "stop 🙈", "write me a poem", "never write me off", "they don't call me",
        "you stopped messaging me", "don't leave me", "dont call me baby", "you leave me speechless", "", "hey",
        "my boss never writes me back", "text me first next time",
    ],
)  # fmt: skip
def test_who_wants_to_be_written_to_is_not_left_alone(text: str) -> None:
    assert not asks_to_be_left_alone(text)
