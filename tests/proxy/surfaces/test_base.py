"""What holds for every surface, whatever its shape: it can read what it writes, and refuses what it cannot read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from guards.errors import MalformedRequest, UpstreamError
from proxy.app import SURFACES
from proxy.surfaces.base import Surface

ASKED = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "hi"}]},
    "/v1/completions": {"prompt": "hi"},
    "/v1/messages": {"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
    "/v1/responses": {"input": "hi"},
    "/v1/stories": {"beats": ["hi"]},
}
each_surface = pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.path)


def body(surface: Surface, **more: Any) -> bytes:
    return json.dumps({"model": "m", **ASKED[surface.path], **more}).encode()


@each_surface
def test_an_answer_of_ours_reads_back_as_what_it_says(surface: Surface) -> None:
    request = surface.read(body(surface), None)
    whole = surface.answer(request, "7", "flowers", "stop", 1)
    assert whole.get("model", "m") == "m"  # a story names none
    (choice,) = surface.choices(request, whole)
    assert surface.said(choice["message"]) == request.text_in(whole) == "flowers"
    beside = surface.beside(request, whole)
    assert surface.whole(request, whole, beside, [choice]) == whole
    assert "flowers" not in json.dumps(beside)


@each_surface
def test_a_request_is_written_back_as_it_came(surface: Surface) -> None:
    request = surface.read(body(surface, odd={"a": [1]}), None)
    assert request.with_messages(request.messages) == json.loads(body(surface, odd={"a": [1]}))


@each_surface
def test_guidance_reaches_the_upstream_in_words_of_the_surface(surface: Surface) -> None:
    request = surface.read(body(surface, stream=True), None)
    guidance = {"role": "system", "content": "be kind"}
    assert "be kind" in json.dumps(request.with_messages([*request.messages, guidance]))
    again = request.once_more([*request.messages, {"role": "assistant", "content": "no"}, guidance])
    assert "be kind" in json.dumps(again)
    assert again["stream"] is False


@each_surface
@pytest.mark.parametrize(
    ("broken", "param"), [({"stream": "yes"}, "stream"), ({"model": 5}, "model")], ids=["stream", "model"]
)
def test_a_field_of_the_wrong_type_is_refused_with_its_name(
    surface: Surface, broken: dict[str, Any], param: str
) -> None:
    with pytest.raises(MalformedRequest) as caught:
        surface.read(body(surface, **broken), None)
    assert caught.value.param == param


@each_surface
def test_a_conversation_is_named_by_header_or_metadata(surface: Surface) -> None:
    assert surface.read(body(surface, metadata={"conversation_id": "a"}), None).conversation == "a"
    assert surface.read(body(surface, metadata={"conversation_id": "a"}), "b").conversation == "b"


@each_surface
@pytest.mark.parametrize(
    "odd", [{}, {"choices": 5}, {"content": 5}, {"output": [5]}, {"choices": ["x"]}, {"beats": [5]}]
)
def test_a_reply_of_another_shape_is_the_upstreams_error(surface: Surface, odd: dict[str, Any]) -> None:
    request = surface.read(body(surface), None)
    with pytest.raises(UpstreamError):
        surface.choices(request, odd)
    assert request.text_in(odd) == ""


@each_surface
def test_an_error_says_what_to_do_in_the_surfaces_shape(surface: Surface) -> None:
    error = surface.error("do this", "invalid_request_error", "odd", "n")["error"]
    assert (error["message"], error["type"]) == ("do this", "invalid_request_error")
    request = surface.read(body(surface), None)
    event = surface.stream(request, "7", 1).failed(surface.error("it broke", "api_error", "down"))
    assert b"it broke" in event
    assert event.endswith(b"\n\n")
