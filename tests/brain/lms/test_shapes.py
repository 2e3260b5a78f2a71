"""lm15's request as chat messages, a text as lm15's response."""

from __future__ import annotations

import asyncio
from typing import Any

from dspy import lm15

from brain.lms.shapes import answer, chat_messages, delta, one_piece


def request(*messages: dict[str, Any]) -> Any:
    return lm15.request_from_openai_chat({"model": "m", "messages": list(messages)})


def test_an_instruction_in_mid_conversation_is_a_system_message_again() -> None:
    messages = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "u"},
        {"role": "assistant", "content": "a"},
        {"role": "system", "content": "g"},
    ]
    assert chat_messages(request(*messages)) == messages


def test_empty_messages_are_left_out() -> None:
    messages = chat_messages(request({"role": "assistant", "content": ""}, {"role": "system", "content": "g"}))
    assert messages == [{"role": "system", "content": "g"}]


def test_an_answer_is_a_complete_response() -> None:
    response = answer(request({"role": "user", "content": "u"}), "hello")
    assert (response.message.text, response.finish_reason, response.model) == ("hello", "stop", "m")


def test_a_finished_response_streams_as_start_text_and_end() -> None:
    async def events() -> list[Any]:
        return [event async for event in one_piece(answer(request({"role": "user", "content": "u"}), "hello"))]

    assert [event.type for event in asyncio.run(events())] == ["start", "delta", "end"]


def test_a_delta_carries_its_text() -> None:
    assert delta("x").delta.text == "x"
