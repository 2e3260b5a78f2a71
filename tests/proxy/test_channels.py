"""One choice of a stream: however its chunks are cut, the same text goes out and the same violation ends it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.app import build
from proxy.channels import ChoiceStream, Wait
from proxy.settings import ProxySettings
from proxy.turn import Services, Turn
from proxy.wire import read_request

WORDS = ["Hello", "wombat", "w0mb", "at", "fine.", "Yes!", "well,", "\n", "w o m b a t", "7", "🙂", "a"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    folder = tmp_path_factory.mktemp("channels")
    (folder / "policy.yaml").write_text('deflections: ["hm"]\n')
    (folder / "animals.yaml").write_text(
        "id: animals\ntitle: a\nstages: {output: {action: regenerate}}\nfind: [{terms: [wombat]}]\n"
        "feedback: f\nexamples: [{block: wombat}]\n"
    )
    app = build(ProxySettings(rules=folder, data=folder / "data"))
    yield app.services
    app.services.audit.close()


@pytest.fixture(scope="module")
def new(services: Services) -> Callable[[], ChoiceStream]:
    """A fresh choice of a fresh turn."""
    request = read_request(b'{"messages": [{"role": "user", "content": "x"}]}', None)
    return lambda: ChoiceStream(0, Turn(services, request, {}))


def all_of(outs: Iterator[dict[str, Any] | Wait]) -> list[dict[str, Any]]:
    seen = []
    for out in outs:
        if isinstance(out, dict):
            seen.append(out)
        else:
            asyncio.run(out())
    return seen


def run(stream: ChoiceStream, deltas: list[dict[str, Any]], finish: str | None = "stop") -> list[dict[str, Any]]:
    fed = [all_of(stream.feed({"index": 0, "delta": delta, "finish_reason": None})) for delta in deltas]
    return [out for outs in fed for out in outs] + all_of(
        stream.feed({"index": 0, "delta": {}, "finish_reason": finish})
    )


def text_in(outs: list[dict[str, Any]], key: str = "content") -> str:
    return "".join(out["delta"].get(key) or "" for out in outs)


def cut(text: str, places: list[int]) -> list[str]:
    inside = sorted({place for place in places if 0 < place < len(text)})
    return [text[a:b] for a, b in zip([0, *inside], [*inside, len(text)], strict=True)]


@given(text=TEXTS, places=st.lists(st.integers(0, 80), max_size=10), key=st.sampled_from(["content", "refusal", "odd"]))
def test_every_cut_of_a_text_releases_the_same_and_never_a_violation(
    new: Callable[[], ChoiceStream], services: Services, text: str, places: list[int], key: str
) -> None:
    whole, pieces = new(), new()
    released = text_in(run(whole, [{key: text}]), key)
    assert text_in(run(pieces, [{key: each} for each in cut(text, places)]), key) == released
    assert text.startswith(released)
    assert (whole.violation is None) == (pieces.violation is None) == (released == text)
    assert not services.policies.guard.check(released, "output").withholds


def test_a_choice_that_passes_keeps_its_role_its_finish_and_its_order(new: Callable[[], ChoiceStream]) -> None:
    stream = new()
    outs = run(stream, [{"role": "assistant", "content": ""}, {"content": "All is "}, {"content": "well"}], "length")
    assert outs[0]["delta"]["role"] == "assistant"
    assert text_in(outs) == "All is well" == stream.released
    assert [out["finish_reason"] for out in outs][-1] == "length"
    assert stream.finished
    assert stream.opened


def test_a_tool_call_in_pieces_is_held_to_its_end_and_passed_as_it_came(new: Callable[[], ChoiceStream]) -> None:
    deltas = [
        {"tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"what": "a '}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": 'tree"}'}}]},
    ]
    stream = new()
    assert [out for delta in deltas for out in all_of(stream.feed({"index": 0, "delta": delta}))] == []
    outs = all_of(stream.feed({"index": 0, "delta": {}, "finish_reason": "tool_calls"}))
    assert [out["delta"] for out in outs] == [*deltas, {}]


def test_a_violation_split_over_the_pieces_of_a_tool_call_is_seen(new: Callable[[], ChoiceStream]) -> None:
    pieces = [{"tool_calls": [{"index": 0, "function": {"arguments": each}}]} for each in ('{"a": "wo', "mb", 'at"}')]
    stream = new()
    assert run(stream, pieces) == []
    assert stream.violation is not None


def test_two_tool_calls_side_by_side_are_not_read_as_one(new: Callable[[], ChoiceStream]) -> None:
    pieces = [{"tool_calls": [{"index": at, "function": {"arguments": each}}]} for at, each in ((0, "wom"), (1, "bat"))]
    stream = new()
    run(stream, pieces)
    assert stream.violation is None


def test_nothing_goes_out_behind_a_violation(new: Callable[[], ChoiceStream]) -> None:
    stream = new()
    outs = run(stream, [{"content": "Fine so far. "}, {"content": "A wombat came. "}, {"content": "Bye now. "}])
    assert text_in(outs) == "Fine so far. A "
    assert not stream.finished
    assert stream.violation is not None
    assert stream.violation.text.startswith("wombat")
    assert all_of(stream.finish()) == []
    stream.add("and flowers")
    assert stream.released == "Fine so far. A and flowers"


def test_text_beside_the_delta_is_masked(new: Callable[[], ChoiceStream]) -> None:
    choice = {
        "index": 0,
        "note": "a wombat",
        "deep": {"er": ["the wombat"]},
        "fine": "tree",
        "delta": {"content": "Hi. "},
    }
    shown = json.dumps(all_of(new().feed(choice)))
    assert "wombat" not in shown
    assert "tree" in shown


@pytest.mark.parametrize("delta", [{"content": None}, {"content": 5}, {"tool_calls": None}, {"content": []}, {}])
def test_odd_values_in_a_delta_are_no_defect(new: Callable[[], ChoiceStream], delta: dict[str, Any]) -> None:
    stream = new()
    outs = run(stream, [delta, {"content": "well"}])
    assert text_in([out for out in outs if isinstance(out["delta"].get("content"), str)]) == "well"
    assert stream.finished


def test_a_text_that_is_over_is_released_before_its_choice_ends(new: Callable[[], ChoiceStream]) -> None:
    stream = new()
    delta = {"thinking": "hm", "content": "well", "block": {"name": "look"}}
    fed = all_of(stream.feed({"index": 0, "delta": delta, "finish_reason": None}))
    assert (fed, stream.held("thinking"), stream.held("content"), stream.held("odd")) == ([], 2, 4, 0)
    outs = all_of(stream.part_over(["thinking"]))
    assert text_in(outs, "thinking") == "hm"
    assert [out["delta"] for out in outs[1:]] == [{"block": {"name": "look"}}]
    assert (stream.held("thinking"), stream.held("content")) == (0, 4)
    assert text_in(all_of(stream.finish())) == "well"


def test_a_structure_that_is_over_is_judged_before_it_goes_out(new: Callable[[], ChoiceStream]) -> None:
    stream = new()
    assert all_of(stream.feed({"index": 0, "delta": {"block": ["wom", "bat"]}, "finish_reason": None})) == []
    assert all_of(stream.part_over([])) == []
    assert stream.violation is not None
    assert all_of(stream.part_over([])) == []


def test_a_mark_between_two_messages_goes_out_once_with_text_and_the_blank_line_stays(
    new: Callable[[], ChoiceStream],
) -> None:
    deltas = [{"content": "Hello."}, {"content": "\n\n", "message_break": True}, {"content": "Yes! fine"}]
    outs = run(new(), deltas)
    assert text_in(outs) == "Hello.\n\nYes! fine"
    assert [out["delta"]["message_break"] for out in outs if "message_break" in out["delta"]] == [True]
