"""Chat: chunks pass as they came, and what is ours is what an ordinary upstream would have said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from guards.errors import UpstreamError
from proxy.surfaces.chat import ChatStream, ChatSurface


class Choice:
    """A choice of which nothing went out yet."""

    index = 1
    opened = False

    def held(self, key: str) -> int:
        return 0


def stream(**body: Any) -> ChatStream:
    asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **body}
    return ChatSurface().stream(ChatSurface().read(json.dumps(asked).encode(), None), "7", 1)


def events(written: bytes) -> list[Any]:
    return [json.loads(line.removeprefix("data: ")) for line in written.decode().splitlines() if line]


def test_a_chunks_choices_are_handed_on_as_they_are_not_copied() -> None:
    choice = {"index": 0, "delta": {"content": "hi"}, "finish_reason": None}
    arrived = stream().read({"id": "1", "choices": [choice]})
    assert arrived.choices[0] is choice
    assert arrived.beside == {"id": "1"}


def test_fields_beside_the_choices_go_out_once_and_ids_with_every_chunk() -> None:
    shape = stream()
    shape.take({"id": "1", "model": "m", "odd": 5})
    first, second = (events(shape.write({"index": 0}, Choice()))[0] for _ in range(2))
    assert first == {"id": "1", "model": "m", "odd": 5, "choices": [{"index": 0}]}
    assert second == {"id": "1", "model": "m", "choices": [{"index": 0}]}


def test_a_repair_opens_its_choice_where_nothing_went_out_yet() -> None:
    first, last = events(stream().repaired(Choice(), "flowers", "stop"))
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": "flowers"}
    assert (last["choices"][0]["index"], last["choices"][0]["finish_reason"]) == (1, "stop")
    assert first["id"] == last["id"] == "chatcmpl-7"


@pytest.mark.parametrize(("asked", "cut", "counted"), [(True, True, 1), (True, False, 0), (False, True, 0)])
def test_usage_is_said_by_us_only_where_the_upstream_cannot(asked: bool, cut: bool, counted: int) -> None:
    shape = stream(stream_options={"include_usage": asked})
    before, mark = shape.end(cut, {"total_tokens": 3})
    assert [each["usage"] for each in events(before)] == [{"total_tokens": 3}] * counted
    assert mark == b"data: [DONE]\n\n"


@pytest.mark.parametrize("choices", [5, ["x"], [{"delta": 5}], [{"delta": {}, "index": -1}], [{"index": 99}]])
def test_a_chunk_that_cannot_be_read_is_the_upstreams_error(choices: Any) -> None:
    with pytest.raises(UpstreamError):
        stream().read({"choices": choices})
