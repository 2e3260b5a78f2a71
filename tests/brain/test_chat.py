"""OpenAI's chat completions read and written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from brain.chat import ChatMessage, ChatRequest, Envelope, asked, error_body, read_request, usage_of
from guards.errors import MalformedRequest
from guards.types import Message


def body(**more: Any) -> bytes:
    return json.dumps({"model": "mila", "messages": [{"role": "user", "content": "hi"}], **more}).encode()


def messages(*pairs: tuple[str, Any]) -> list[ChatMessage]:
    return [ChatMessage.model_validate({"role": role, "content": content}) for role, content in pairs]


def test_unknown_fields_are_accepted() -> None:
    assert read_request(body(user="u", metadata={"a": 1}, tools=[])).model == "mila"


@pytest.mark.parametrize(
    ("broken", "param"),
    [
        ({"messages": "hi"}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages.0.role"),
        ({"model": 5}, "model"),
        ({"temperature": 9}, "temperature"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"stream": "yes"}, "stream"),
        ({"n": 2}, "n"),
    ],
)
def test_what_cannot_be_read_names_its_place_and_quotes_nothing(broken: dict[str, Any], param: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        read_request(body(**broken))
    assert caught.value.param == param
    assert "wizard" not in str(caught.value)


@pytest.mark.parametrize("broken", [b"", b"{", b"\xff"])
def test_broken_json_says_so(broken: bytes) -> None:
    with pytest.raises(MalformedRequest) as caught:
        read_request(broken)
    assert caught.value.code == "invalid_json"


def test_a_body_that_is_no_object_is_malformed() -> None:
    with pytest.raises(MalformedRequest):
        read_request(b"[1]")


def test_options_carry_what_was_given_and_nothing_else() -> None:
    assert read_request(body()).options() == {}
    given = read_request(body(temperature=0, max_tokens=5, max_completion_tokens=7, stop="x", seed=1)).options()
    assert given == {"temperature": 0, "max_tokens": 7, "stop": ["x"], "seed": 1}


def test_a_plain_conversation_is_a_transcript() -> None:
    turn = asked(messages(("user", "a"), ("assistant", "b"), ("user", "c")))
    assert turn.transcript == (Message("user", "a"), Message("assistant", "b"), Message("user", "c"))
    assert (turn.instructions, turn.past_reply, turn.guidance) == ("", "", "")


def test_system_messages_before_the_last_user_message_are_instructions() -> None:
    turn = asked(messages(("system", "one"), ("user", "a"), ("developer", "two"), ("user", "c")))
    assert turn.instructions == "one\n\ntwo"
    assert len(turn.transcript) == 2


def test_a_system_message_after_the_last_user_message_is_guidance() -> None:
    turn = asked(messages(("user", "a"), ("system", "steer")))
    assert (turn.guidance, turn.past_reply, turn.transcript) == ("steer", "", (Message("user", "a"),))


def test_an_assistant_message_before_the_guidance_is_the_past_reply_and_no_part_of_the_transcript() -> None:
    turn = asked(messages(("user", "a"), ("assistant", "rejected"), ("system", "again")))
    assert (turn.past_reply, turn.guidance, turn.transcript) == ("rejected", "again", (Message("user", "a"),))


def test_an_assistant_message_at_the_end_without_guidance_was_said() -> None:
    turn = asked(messages(("user", "a"), ("assistant", "b")))
    assert turn.transcript[-1] == Message("assistant", "b")
    assert turn.past_reply == ""


def test_text_parts_are_read_and_other_parts_and_tool_messages_are_not() -> None:
    parts = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "x"}}]
    turn = asked(messages(("user", parts), ("tool", "42"), ("assistant", None), ("user", "so?")))
    assert turn.transcript == (Message("user", "look"), Message("user", "so?"))


def test_without_a_user_message_there_is_nothing_to_answer() -> None:
    with pytest.raises(MalformedRequest, match="at least one user message"):
        asked(messages(("system", "x")))


def test_no_repr_shows_a_text() -> None:
    request = ChatRequest.model_validate_json(body(messages=[{"role": "user", "content": "canary"}]))
    assert "canary" not in repr(request)
    assert "canary" not in repr(asked(request.messages))


def test_responses_have_openai_s_shape() -> None:
    envelope = Envelope("chatcmpl-1", 7, "mila")
    whole = envelope.completion("hi", "stop", usage_of(1, 2))
    assert whole["object"] == "chat.completion"
    assert whole["choices"][0]["message"]["content"] == "hi"
    assert whole["usage"] == {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    piece = envelope.chunk({"content": "h"})
    assert (piece["object"], piece["choices"][0]["delta"]) == ("chat.completion.chunk", {"content": "h"})
    assert envelope.usage_chunk(usage_of(None, 2))["choices"] == []


def test_an_error_has_openai_s_shape() -> None:
    error = error_body("m", kind="server_error", code="c")["error"]
    assert error == {"message": "m", "type": "server_error", "param": None, "code": "c"}
