"""An engine without a language model: the persona answers with its own sample replies.

It stands apart so that everything else, streaming and repair included, runs on a laptop without key or network. It
behaves like a model where that matters: it varies, it writes word by word, and now and then it slips.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from dspy import lm15

from brain.conversations import Exchange
from brain.guidance import released_in
from brain.lms.impromptu import comforting, recalling, remarking
from brain.lms.shapes import StreamEvent, answer, chat_messages, delta
from brain.voice import Voice

# Neighbours nearly as like as the nearest fit as well; below this share of its likeness they do not.
_FITS = 0.9
_NEIGHBOURS = 8
# Below this likeness no sample line resembles what the fan said, and a line that fits anything is the better answer.
_RESEMBLES = 0.3
_WORD = re.compile(r"\s*\S+\s*")
_MID_SENTENCE = re.compile(r"\w\s*$")


@dataclass(frozen=True, slots=True)
class Heard:
    """What the engine reads in a request: the system message, the last turns, the fan's line first, what followed it,
    and what the persona said before."""

    system: str = field(repr=False)
    turns: tuple[str, ...] = field(repr=False)
    past_reply: str = field(repr=False)
    released: str = field(repr=False)
    said: frozenset[str] = field(repr=False)
    messages: int


class OfflineEngine:
    """Implements dspy's AsyncEngine. `slip_rate` (0 never, 1 always) is how often a reply that has a slip comes as its
    slip; a repair (a past reply is given) never slips. `delay` is the pause before each streamed word, in seconds."""

    def __init__(self, voice: Voice, *, slip_rate: float, delay: float) -> None:
        self._voice = voice
        self._slip_rate = slip_rate
        self._delay = delay

    async def complete(self, request: lm15.Request) -> lm15.Response:
        """The whole reply, at once."""
        messages = chat_messages(request)
        text, finish = _cut(self._reply(hear(self._without_examples(messages))), request.config)
        return answer(request, text, finish=finish, usage=_count(messages, text))

    async def stream(self, request: lm15.Request) -> AsyncIterator[StreamEvent]:
        """The reply word by word."""
        response = await self.complete(request)
        yield lm15.StreamStartEvent(model=request.model)
        for word in _WORD.findall(response.message.text or ""):
            await asyncio.sleep(self._delay)
            yield delta(word)
        yield lm15.StreamEndEvent(finish_reason=response.finish_reason, usage=response.usage)

    async def aclose(self) -> None:
        """Holds nothing."""

    def _without_examples(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The messages without the few-shot pairs at their head, all of them known: those were said to other fans."""
        start = 1 if messages[0]["role"] == "system" else 0
        end = start + 2 * min(self._voice.neighbours, len(self._voice.exchanges))
        known = {(each.fan, each.reply) for each in self._voice.exchanges}
        head = (_pair(messages[index : index + 2]) for index in range(start, end, 2))
        return messages[:start] + messages[end:] if all(pair in known for pair in head) else messages

    def _reply(self, heard: Heard) -> str:
        card, salt = self._voice.card, f"{heard.turns[0]}\x1f{heard.messages}"
        if comfort := comforting(card, heard.system, heard.said, salt):
            return comfort
        if heard.past_reply:
            return self._spoken(heard)
        recall = recalling(card, heard.system, heard.turns[0], heard.said, salt)
        remark = remarking(card, heard.system, heard.said, salt)
        return " ".join(filter(None, [remark, recall or self._spoken(heard)]))

    def _spoken(self, heard: Heard) -> str:
        exchange = self._choose(heard)
        if not heard.past_reply:
            slips = _fraction("slip", heard.turns[0], str(heard.messages)) < self._slip_rate
            return exchange.slip if exchange.slip and slips else exchange.reply
        # A text that stops in mid-sentence trails off before the new thought.
        trails_off = _MID_SENTENCE.search(heard.released)
        return f"… {exchange.reply}" if trails_off else exchange.reply

    def _choose(self, heard: Heard) -> Exchange:
        near = self._voice.nearest(heard.turns, _NEIGHBOURS)
        if near[0][0] < _RESEMBLES and self._voice.card.deflections:
            near = [(1.0, Exchange(fan="", reply=line)) for line in self._voice.card.deflections]
        fitting = [exchange for likeness, exchange in near if likeness >= _FITS * near[0][0]]
        fresh = _fresh(fitting, heard) or _fresh([exchange for _, exchange in near], heard)[:1] or fitting
        return fresh[int(_fraction("choice", heard.turns[0], str(heard.messages)) * len(fresh))]


def hear(messages: list[dict[str, Any]]) -> Heard:
    """Reads chat messages: an assistant message after the last user message is a past reply, a system message there is
    guidance, which may say what was delivered already."""
    last = max((index for index, message in enumerate(messages) if message["role"] == "user"), default=-1)
    said = [each for each in messages[: last + 1] if each["role"] in ("user", "assistant")]
    after = {message["role"]: message["content"] for message in messages[last + 1 :]}
    return Heard(
        system=messages[0]["content"] if messages and messages[0]["role"] == "system" else "",
        turns=tuple(each["content"] for each in said[::-1]) or ("",),
        past_reply=after.get("assistant", ""),
        released=released_in(after.get("system", "")),
        said=frozenset(each["content"] for each in messages if each["role"] == "assistant"),
        messages=last + 1,
    )


def _fresh(exchanges: list[Exchange], heard: Heard) -> list[Exchange]:
    """The exchanges whose reply was not said in this conversation and is no part of the past reply."""
    return [each for each in exchanges if each.reply not in heard.said and each.reply not in heard.past_reply]


def _pair(messages: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(message["content"] for message in messages)


def _fraction(*parts: str) -> float:
    """A number in [0, 1) that is the same for the same parts in every process."""
    digest = hashlib.blake2b("\x1f".join(parts).encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _cut(text: str, config: Any) -> tuple[str, str]:
    """The text up to the first stop sequence and to `max_tokens` words, with its finish reason."""
    for stop in config.stop:
        text = text.partition(stop)[0]
    words = _WORD.findall(text)
    if config.max_tokens is not None and len(words) > config.max_tokens:
        return "".join(words[: config.max_tokens]), "length"
    return text, "stop"


def _count(messages: list[dict[str, Any]], text: str) -> lm15.Usage:
    asked = sum(len(message["content"].split()) for message in messages)
    return lm15.Usage(input_tokens=asked, output_tokens=len(text.split()))
