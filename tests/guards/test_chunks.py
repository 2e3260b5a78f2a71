from __future__ import annotations

from guards.chunks import chunks_of


def test_a_text_is_cut_at_its_spaces() -> None:
    assert chunks_of(" so,  add\nme!") == (("so,", "add", "me!"), True)


def test_a_chunk_that_is_no_word_is_told() -> None:
    assert chunks_of("see " + "x" * 49) == (("see", "x" * 49), False)
    assert chunks_of("") == ((), True)
