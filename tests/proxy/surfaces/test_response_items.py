"""Output items: what they are told as, and every reading of one that only comes in pieces."""

from __future__ import annotations

from typing import Any

from proxy.surfaces.response_items import KINDS, Item, Piece, begun, closed, finished, opened, said

MESSAGE = {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []}
CALL = {"type": "function_call", "id": "fc_1", "name": "look", "arguments": ""}


def test_a_part_is_told_under_its_items_id_and_its_own_place() -> None:
    item, piece = Item(0, MESSAGE), Piece(KINDS["output_text"])
    events = [*opened(item), *begun(item, piece), *said(item, piece, "hi"),
              *finished(item, piece, "hi", has_passed=True), *closed(item, has_passed=True)]  # fmt: skip
    assert [event["type"].removeprefix("response.") for event in events] == [
        "output_item.added", "content_part.added", "output_text.delta", "output_text.done", "content_part.done",
        "output_item.done",
    ]  # fmt: skip
    assert {event["item_id"] for event in events[1:-1]} == {"msg_1"}
    part = {"type": "output_text", "text": "hi", "annotations": [], "logprobs": []}
    assert events[-1]["item"] == {**MESSAGE, "status": "completed", "content": [part]}
    assert events[0]["item"]["content"] == []


def test_an_id_that_is_no_name_is_not_told() -> None:
    assert Item(7, {"type": "message", "id": "call me, wombat"}).id == "item_7"


def test_what_stands_beside_the_texts_is_told_only_once_it_passed() -> None:
    for has_passed in (True, False):
        item, piece = Item(0, MESSAGE), Piece(KINDS["output_text"])
        item.extras = item.extras_of({**MESSAGE, "phase": "final", "empty": None})
        piece.extras = piece.kind.extras_of({"type": "output_text", "text": "x", "annotations": [{"title": "t"}]})
        opened(item), begun(item, piece)
        finished(item, piece, "", has_passed=has_passed)
        (event,) = closed(item, has_passed=has_passed)
        assert ("phase" in event["item"]) == has_passed
        assert event["item"]["content"][0]["annotations"] == [{"title": "t"}] * has_passed


def test_parts_of_an_unknown_kind_are_extras_and_follow_the_others() -> None:
    odd = {"type": "song", "notes": "la"}
    item = Item(0, MESSAGE)
    item.extras = item.extras_of({**MESSAGE, "content": [odd]})
    assert closed(item, has_passed=True)[0]["item"]["content"] == [odd]


def test_a_structure_reads_as_a_whole_and_as_the_text_its_pieces_spell() -> None:
    item = Item(0, CALL)
    deltas = [
        {"type": "response.function_call_arguments.delta", "item_id": "fc_1", "delta": piece}
        for piece in ("wom", "bat")
    ]
    item.events = [*deltas, {"type": "response.odd", "deep": ["x"]}]
    item.whole = {**CALL, "arguments": "wombat"}
    read: dict[str, Any] = item.structure()
    assert read == {"began": CALL, "item": item.whole, "delta_pieces": "wombat", "odd": [{"deep": ["x"]}]}


def test_only_what_goes_on_from_what_was_fed_is_a_rest() -> None:
    piece = Piece(KINDS["output_text"], fed="hello")
    assert [piece.rest_of(whole) for whole in ("hello you", "hello", "other", None)] == [" you", "", "", ""]
