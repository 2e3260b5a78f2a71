"""What the chunks of a stream have in common tells exactly what their JSON says, or nothing."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from proxy.alike import Alike

TEXTS = st.text(max_size=12) | st.sampled_from(
    ["", "hi", " there", 'a "word"', "a\\b", "\n", "é", "😀", "\u2028", "}]}"]
)


def chunk(text: str, **fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": None}
    return {"id": "chatcmpl-1", "model": "m", "choices": [{**choice, **fields}]}


def sent(read: dict[str, Any]) -> str:
    return json.dumps(read, ensure_ascii=False)


def after(read: dict[str, Any], data: str | None = None) -> Alike:
    alike = Alike()
    alike.learn(sent(read) if data is None else data, read)
    return alike


@given(st.lists(TEXTS, min_size=1, max_size=6), st.booleans())
def test_what_is_told_of_a_chunk_is_what_its_json_says(texts: list[str], is_ascii: bool) -> None:
    alike = Alike()
    for text in texts:
        read = chunk(text)
        data = json.dumps(read, ensure_ascii=is_ascii)
        assert alike.text_in(data) in (None, (0, text))
        alike.learn(data, read)


def test_a_chunk_like_the_last_needs_no_reading() -> None:
    assert after(chunk("Hello")).text_in(sent(chunk(" there"))) == (0, " there")


def test_a_chunk_that_says_more_than_a_text_is_read() -> None:
    alike = after(chunk("Hello"))
    for other in (
        chunk("bye", finish_reason="stop"),
        chunk("bye", delta={"role": "assistant", "content": "bye"}),
        chunk("bye", index=1),
        {**chunk("bye"), "id": "chatcmpl-2"},
        {**chunk("bye"), "usage": {"total_tokens": 3}},
    ):
        assert alike.text_in(sent(other)) is None


def test_a_text_whose_quotes_could_end_it_is_read() -> None:
    alike = after(chunk("Hello"))
    data = sent(chunk("Hello")).replace(
        "Hello", 'x"},"logprobs":null,"finish_reason":"stop"},{"index":1,"delta":{"content":"y'
    )
    assert alike.text_in(data) is None
    assert alike.text_in(sent(chunk("a\nb"))) is None
    assert alike.text_in(sent(chunk("Hello")).replace("Hello", "a\x01b")) is None


def test_content_that_stands_elsewhere_in_the_chunk_is_not_taken_for_the_text() -> None:
    read = {"note": {"content": "aside"}, **chunk("Hello")}
    assert after(read).text_in(sent({**read, "note": {"content": "another"}})) is None
    hidden = sent(chunk("Hello")).replace('"content"', '"c\\u006fntent"')
    decoy = hidden.replace('{"id"', '{"note": {"content": "aside"}, "id"')
    assert after(json.loads(decoy), decoy).text_in(decoy.replace("aside", "another")) is None


def test_chunks_with_the_probabilities_of_their_words_are_read() -> None:
    read = chunk("Hello", logprobs={"content": []})
    assert after(read).text_in(sent(chunk(" there", logprobs={"content": []}))) is None


def test_two_choices_in_one_chunk_are_read() -> None:
    read = chunk("Hello")
    read["choices"] = [*read["choices"], {**read["choices"][0], "index": 1}]
    assert after(read).text_in(sent(read)) is None


def test_a_chunk_that_only_the_slow_reader_can_read_is_not_learned() -> None:
    read = {**chunk("Hello"), "note": "?"}
    data = sent(read).replace('"?"', '"\\ud83d"')
    assert after(read, data).text_in(data) is None
