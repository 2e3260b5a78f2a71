"""A message that was judged is known again, under its policy; the memory is bounded and forgets the oldest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.seen import Seen, fingerprint_of

MESSAGE = {"role": "user", "content": "hello"}


def test_what_was_never_put_is_not_known() -> None:
    assert Seen(4).get(1) == (False, None)


def test_it_knows_what_stands_in_the_place_of_a_message() -> None:
    seen = Seen(4)
    seen.put(1, None)
    seen.put(2, {"role": "user", "content": "…"})
    assert seen.get(1) == (True, None)
    assert seen.get(2) == (True, {"role": "user", "content": "…"})


@given(st.integers(1, 20), st.lists(st.integers(0, 60)))
def test_the_newest_are_known_and_no_more_than_twice_as_many_are_held(size: int, put: list[int]) -> None:
    seen = Seen(size)
    for each in put:
        seen.put(each, None)
    newest = list(dict.fromkeys(reversed(put)))[:size]
    assert all(seen.get(each) == (True, None) for each in newest)
    assert sum(seen.get(each)[0] for each in range(61)) <= 2 * size


def test_what_is_asked_for_stays_known() -> None:
    seen = Seen(2)
    seen.put(0, None)
    for each in range(1, 20):
        seen.put(each, None)
        assert seen.get(0) == (True, None)


def test_role_text_fields_and_policy_make_a_fingerprint() -> None:
    same = fingerprint_of({"role": "user", "content": "hel" + "lo"}, "v1")
    others = [
        fingerprint_of(MESSAGE, "v2"),
        fingerprint_of({**MESSAGE, "role": "assistant"}, "v1"),
        fingerprint_of({**MESSAGE, "content": "hello "}, "v1"),
        fingerprint_of({**MESSAGE, "content": [{"type": "text", "text": "hello"}]}, "v1"),
        fingerprint_of({**MESSAGE, "name": "x"}, "v1"),
    ]
    assert fingerprint_of(MESSAGE, "v1") == same
    assert len({same, *others}) == len(others) + 1


def test_a_message_is_the_same_in_whatever_order_its_fields_come() -> None:
    one = {"role": "assistant", "content": [{"type": "text", "text": "hi"}]}
    other = {"content": [{"text": "hi", "type": "text"}], "role": "assistant"}
    assert fingerprint_of(one, "1") == fingerprint_of(other, "1")


def test_a_message_is_the_same_with_other_ids_and_empty_fields_but_not_with_other_text() -> None:
    def item(text: str, **more: object) -> int:
        part = {"type": "output_text", "text": text, **more}
        return fingerprint_of({"type": "message", "role": "assistant", "content": [part]}, "1")

    assert item("hi", id="msg_1", annotations=[], logprobs=None) == item("hi")
    assert item("hi", id="call me, wombat") != item("hi") != item("ho")
