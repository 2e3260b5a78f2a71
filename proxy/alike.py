"""Chunks of a chat stream that are alike but for the piece of text in them, read without reading their JSON again.

A model sends the same chunk for every token, and only the text in it is another. Once one chunk has been read, what
stands before and behind its text tells the next ones: where both are the same and nothing between needs unescaping,
JSON cannot be read as anything else. It stands apart from the wire because it is a memory; it decides nothing.
"""

from __future__ import annotations

import re

import orjson

from proxy.wire import Json

_TEXT = re.compile(r'"content"\s*:\s*"([^"\\]*)"')
_OTHER = "another piece of text"
_TRIES = 8  # chunks of one stream that are learned from: where each differs in more than its text, none is like another
_PLAIN = frozenset({"index", "delta", "finish_reason", "logprobs"})


class Alike:
    """What the chunks of one stream have in common. Learns from one that was read, and knows those like it."""

    def __init__(self) -> None:
        self._before = self._behind = ""
        self._size = 0
        self._index = 0
        self._tries = _TRIES

    def learn(self, data: str, chunk: Json) -> None:
        """Takes a chunk as it was sent and as it was read."""
        if self._tries == 0:
            return
        self._tries -= 1
        index = _index_of_plain(chunk)
        found = _TEXT.search(data) if index is not None else None
        if index is None or found is None:
            return
        before, behind = data[: found.start(1)], data[found.end(1) :]
        try:
            other = orjson.loads(before + _OTHER + behind)
        except ValueError:  # what only the slow reader can read (half an emoji) goes to it each time
            return
        (choice,) = chunk["choices"]
        if other == {**chunk, "choices": [{**choice, "delta": {"content": _OTHER}}]}:
            self._before, self._behind, self._index = before, behind, index
            self._size = len(before) + len(behind)

    def text_in(self, data: str) -> tuple[int, str] | None:
        """The number of the choice and the piece of content in a chunk that is like the one learned; else None."""
        if not (self._size and data.startswith(self._before) and data.endswith(self._behind)):
            return None
        text = data[len(self._before) : len(data) - len(self._behind)]
        if len(data) < self._size or '"' in text or "\\" in text or not text.isprintable():
            return None
        return self._index, text


def _index_of_plain(chunk: Json) -> int | None:
    """The number of the only choice of `chunk`, where it holds a piece of content and nothing else."""
    choices = chunk.get("choices")
    if not isinstance(choices, list) or len(choices) != 1:
        return None
    (choice,) = choices
    is_plain = choice.keys() <= _PLAIN and choice.get("finish_reason") is None and choice.get("logprobs") is None
    delta, index = choice.get("delta"), choice.get("index", 0)
    if not is_plain or not isinstance(delta, dict) or delta.keys() != {"content"} or not isinstance(index, int):
        return None
    return index if isinstance(delta["content"], str) else None
