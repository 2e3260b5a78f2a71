"""The scripted upstream in the shapes of the other surfaces, as their own upstreams would say the same.

`says(text, cuts=…)` is said natively on each path. `says(message={"parts": […]})` says content blocks (messages) or
output items (responses) instead; their texts are streamed in pieces of three characters.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Json = dict[str, Any]
_SIZE = 3


def cut(text: str) -> list[str]:
    return [text[at : at + _SIZE] for at in range(0, len(text), _SIZE)]


def named(events: list[Json]) -> list[bytes]:
    """Events as Anthropic and the Responses API frame them."""
    return [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events]


def completions(raw: Any, says: Any, streamed: bool) -> Any:
    texts = list(says.choices) or [says.text]
    base = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "scripted", **says.extra}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    if not streamed:
        odds = {"tokens": ["a"], "token_logprobs": [0.1], **says.message}
        choices = [{"index": i, "text": t, "logprobs": odds, "finish_reason": "length"} for i, t in enumerate(texts)]
        return raw([json.dumps({**base, "choices": choices, "usage": usage}).encode()])
    pieces = [(i, c) for i, text in enumerate(texts) for c in (says.cuts or cut(text))]
    chunks = [{"index": i, "text": c, "logprobs": {"tokens": [c]}, "finish_reason": None} for i, c in pieces]
    chunks += [{"index": i, "text": "", "logprobs": None, "finish_reason": "length"} for i in range(len(texts))]
    events: list[Json] = [{**base, "choices": [chunk]} for chunk in chunks] + [{**base, "choices": [], "usage": usage}]
    lines = [b"data: " + json.dumps(each).encode() + b"\n\n" for each in events]
    return raw([*lines, b"data: [DONE]\n\n"], kind="text/event-stream")


def stories(raw: Any, says: Any, streamed: bool) -> Any:
    proses = list(says.choices) or [says.text]
    head = {"id": "story-1", "mode": "whole", **says.extra}
    beats = [{"beat": f"beat {at}", "prose": prose} for at, prose in enumerate(proses)]
    whole = {**head, "beats": beats, "prose": " ".join(proses)}
    if not streamed:
        return raw([json.dumps(whole).encode()])
    events: list[Json] = []
    for at, prose in enumerate(proses):
        events += [{"id": head["id"], "beat": at, "delta": piece} for piece in says.cuts or cut(prose)]
        events.append({"id": head["id"], "beat": at, "done": True})
    lines = [b"data: " + json.dumps(each).encode() + b"\n\n" for each in [*events, whole]]
    return raw([*lines, b"data: [DONE]\n\n"], kind="text/event-stream")


def messages(raw: Any, says: Any, streamed: bool) -> Any:
    blocks = says.message.get("parts") or [{"type": "text", "text": says.text}]
    stop = "tool_use" if blocks[-1]["type"] == "tool_use" else "end_turn"
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "scripted", "content": blocks,
               "stop_reason": stop, "stop_sequence": None, "usage": {"input_tokens": 5, "output_tokens": 7},
               **says.extra}  # fmt: skip
    if not streamed:
        return raw([json.dumps(message).encode()])
    start = {**message, "content": [], "stop_reason": None, "usage": {"input_tokens": 5, "output_tokens": 1}}
    events: list[Json] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, block in enumerate(blocks):
        empty, deltas = block_deltas(block, says.cuts)
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    events.append({"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None},
                   "usage": {"output_tokens": 7}})  # fmt: skip
    return raw(named([*events, {"type": "message_stop"}]), kind="text/event-stream")


def block_deltas(block: Json, cuts: Any) -> tuple[Json, list[Json]]:
    """How a content block begins, and the deltas that fill it."""
    if block["type"] == "text":
        deltas = [{"type": "text_delta", "text": piece} for piece in cuts or cut(block["text"])]
        deltas += [{"type": "citations_delta", "citation": each} for each in block.get("citations") or []]
        return {"type": "text", "text": ""}, deltas
    if block["type"] == "thinking":
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in cut(block["thinking"])]
        signed = {"type": "signature_delta", "signature": block["signature"]}
        return {"type": "thinking", "thinking": "", "signature": ""}, [*deltas, signed]
    if block["type"] in ("tool_use", "server_tool_use"):
        pieces = cut(json.dumps(block["input"]))
        return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    return block, []


def output_text(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": [{"token": text, "logprob": -1.0}]}


def responses(raw: Any, says: Any, streamed: bool) -> Any:
    said = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [output_text(says.text)]}  # fmt: skip
    items = says.message.get("parts") or [said]
    usage = {"input_tokens": 5, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 7,
             "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 12}  # fmt: skip
    whole = {"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "scripted",
             "error": None, "incomplete_details": None, "instructions": None, "metadata": {}, "tools": [],
             "parallel_tool_calls": True, "tool_choice": "auto", "output": items, "usage": usage,
             **says.extra}  # fmt: skip
    if not streamed:
        return raw([json.dumps(whole).encode()])
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    events: list[Json] = [{"type": f"response.{word}", "response": begun} for word in ("created", "in_progress")]
    for index, item in enumerate(items):
        events += [{**event, "output_index": index} for event in item_events(item, says.cuts)]
    events.append({"type": f"response.{whole['status']}", "response": whole})
    return raw(named([{**event, "sequence_number": at} for at, event in enumerate(events)]), kind="text/event-stream")


def item_events(item: Json, cuts: Any) -> Iterator[Json]:
    """How one output item is streamed."""
    empty = {key: [] if key in ("content", "summary") else value for key, value in item.items()}
    if "arguments" in item:
        empty["arguments"] = ""
    yield {"type": "response.output_item.added", "item": {**empty, "status": "in_progress"}}
    for key, place in (("summary", "summary_index"), ("content", "content_index")):
        for at, part in enumerate(item.get(key) or []):
            yield from part_events({"item_id": item["id"], place: at}, part, cuts)
    if "arguments" in item:
        head = {"item_id": item["id"], "type": "response.function_call_arguments.delta"}
        yield from ({**head, "delta": piece} for piece in cut(item["arguments"]))
        yield {**head, "type": "response.function_call_arguments.done", "arguments": item["arguments"]}
    yield {"type": "response.output_item.done", "item": item}


def part_events(place: Json, part: Json, cuts: Any) -> Iterator[Json]:
    """How one part of an item is streamed: `added`, its text, `done`."""
    word = {"output_text": "output_text", "refusal": "refusal", "summary_text": "reasoning_summary_text",
            "reasoning_text": "reasoning_text"}[part["type"]]  # fmt: skip
    holder = "reasoning_summary_part" if word == "reasoning_summary_text" else "content_part"
    key = "refusal" if word == "refusal" else "text"
    odds = {"logprobs": [{"token": "x"}]} if word == "output_text" else {}
    yield {"type": f"response.{holder}.added", **place, "part": {**part, key: ""}}
    for piece in cuts or cut(part[key]):
        yield {"type": f"response.{word}.delta", **place, "delta": piece, **odds}
    yield {"type": f"response.{word}.done", **place, key: part[key], **odds}
    yield {"type": f"response.{holder}.done", **place, "part": part}


@pytest.fixture(autouse=True)
def native(upstream: Any, raw: Any) -> None:
    """What `says` says on each path."""
    shapes = {"completions": completions, "messages": messages, "responses": responses, "stories": stories}
    for path, shape in shapes.items():
        upstream.shapes[f"/v1/{path}"] = lambda says, streamed, shape=shape: shape(raw, says, streamed)


@pytest.fixture
def events_of() -> Callable[[str], list[Json]]:
    """events_of(body) is the JSON of every event of a stream; where events are named, their names are checked."""

    def read(body: str) -> list[Json]:
        events = []
        for block in filter(None, body.split("\n\n")):
            lines = [line for line in block.splitlines() if not line.startswith(":")]
            data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
            names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
            if data and data != ["[DONE]"]:
                events.append(json.loads("\n".join(data)))
                assert not names or names == [events[-1]["type"]]
        return events

    return read
