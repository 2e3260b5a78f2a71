"""Fans of the persona service, a process of its own: many conversations at once, each message by message.

It stands apart from the compiled load driver because it keeps conversations with an id and an end, and reads what the
replies say. Every fan has a marker, a word that stands in all they say; the mock repeats each marker that it finds in a
prompt. A reply that shows another fan's marker has been told of another conversation.

    python -m bench.fans URL LEDGER CORPUS CONVERSATIONS SECONDS WARM_UP SEED

Prints {"at", "turns", "ended"} every second, at last `Seen` as JSON.
"""

from __future__ import annotations

import asyncio
import json
import mmap
import random
import re
import statistics
import struct
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

MESSAGES = 10  # of a fan, until their conversation ends and another begins
THINK = (2.0, 5.0)  # seconds between a reply and the fan's next message
_MARKER = re.compile(r"Zqx[a-z]{4}")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
# ledger.h
_SLOTS = 256
_SLOT = struct.Struct("@QIqq8192q")
_HEAD = struct.Struct("@QIqq")
_PATIENCE = 30.0


@dataclass(slots=True)
class Seen:
    """What came of it in the measured time: ms beyond the model's own per turn, and what went wrong over the whole run.

    `crossed` replies showed another conversation's marker, `unmarked` not their own; `failed` were no reply; `untimed`
    turns asked the model otherwise than once (a story is told beat by beat). `busy` is the time in seconds that turns
    took, all of them added up.
    """

    whole: list[float] = field(default_factory=list)
    streamed: list[float] = field(default_factory=list)
    busy: float = 0.0
    turns: int = 0
    ended: int = 0
    crossed: int = 0
    unmarked: int = 0
    failed: int = 0
    untimed: int = 0
    trouble: str = ""


class Ledger:
    """When the mock was asked and when it had answered, on this process's clock too."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._place = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def took(self, seed: int) -> float | None:
        """Seconds from the request's arrival at the mock to its last byte; None where it was not asked with `seed`."""
        told, _, asked, done = _HEAD.unpack_from(self._place, seed % _SLOTS * _SLOT.size)
        return (done - asked) / 1e9 if told == seed and done > asked else None


class Fans:
    """All fans of one run."""

    def __init__(self, url: str, ledger: Ledger, sentences: Sequence[str], seed: int) -> None:
        self.seen = Seen()
        self._url, self._ledger, self._sentences = url, ledger, sentences
        self._chance = random.Random(seed)
        self._begun = self._asked = 0
        self._measured_from = 0.0

    async def run(self, count: int, seconds: float, warm_up: float) -> None:
        """Keeps `count` conversations going, measured for `seconds` after `warm_up`."""
        began = time.monotonic()
        self._measured_from = began + warm_up
        end = self._measured_from + seconds
        timeout = aiohttp.ClientTimeout(total=_PATIENCE)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:
            fans = [asyncio.create_task(self._fan(session, place, end)) for place in range(count)]
            while (now := time.monotonic()) < end:
                print(json.dumps({"at": now - began, "turns": self.seen.turns, "ended": self.seen.ended}), flush=True)
                await asyncio.sleep(min(1.0, end - now))
            await asyncio.gather(*fans)

    async def _fan(self, session: aiohttp.ClientSession, place: int, end: float) -> None:
        """One conversation after the other; the first is shorter, so that they do not all end at once."""
        await asyncio.sleep(self._chance.uniform(0, THINK[1]))
        length = 1 + place % MESSAGES
        while time.monotonic() < end:
            marker = self._next_marker()
            for number in range(length):
                await self._turn(session, place, marker, is_first=number == 0)
                await asyncio.sleep(self._chance.uniform(*THINK))
                if time.monotonic() >= end:
                    return
            self.seen.ended += 1
            length = MESSAGES

    def _next_marker(self) -> str:
        self._begun += 1
        number, letters = self._begun, ""
        for _ in range(4):
            number, at = divmod(number, len(_LETTERS))
            letters += _LETTERS[at]
        return f"Zqx{letters}"

    async def _turn(self, session: aiohttp.ClientSession, place: int, marker: str, *, is_first: bool) -> None:
        self._asked += 1
        seed, is_stream = self._asked * _SLOTS + place, place % 2 == 1
        said = f"my dog is called {marker}." if is_first else f"{self._chance.choice(self._sentences)} {marker}"
        body = {"model": "persona", "seed": seed, "stream": is_stream, "messages": [{"role": "user", "content": said}]}
        began = time.monotonic()
        try:
            async with session.post(self._url, json=body, headers={"x-conversation-id": marker}) as response:
                text = await response.text()
                self._note(marker, seed, began, text if response.status == 200 else "", is_stream=is_stream)
        except (aiohttp.ClientError, TimeoutError) as error:
            self._failed(type(error).__name__)

    def _note(self, marker: str, seed: int, began: float, text: str, *, is_stream: bool) -> None:
        now, own = time.monotonic(), self._ledger.took(seed)
        if not text or (is_stream and "[DONE]" not in text):
            self._failed("no whole reply")
            return
        found = set(_MARKER.findall(replied(text, is_stream=is_stream)))
        self.seen.crossed += bool(found - {marker})
        self.seen.unmarked += marker not in found
        if own is None:
            self.seen.untimed += 1
        elif began >= self._measured_from:
            self.seen.turns += 1
            self.seen.busy += now - began
            (self.seen.streamed if is_stream else self.seen.whole).append(1000 * (now - began - own))

    def _failed(self, why: str) -> None:
        self.seen.failed += 1
        self.seen.trouble = why


def replied(text: str, *, is_stream: bool) -> str:
    """The reply's text in a response body."""
    if not is_stream:
        return str(json.loads(text)["choices"][0]["message"]["content"])
    events: list[Any] = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    return "".join(each["choices"][0]["delta"].get("content", "") for each in events if each.get("choices"))


def spread(values: Sequence[float]) -> dict[str, float] | None:
    """p50, p90, p99 and mean; None of fewer than two."""
    if len(values) < 2:
        return None
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {"p50": cuts[49], "p90": cuts[89], "p99": cuts[98], "mean": statistics.fmean(values)}


def main(words: Sequence[str]) -> None:
    """Runs what the command line asks for."""
    url, ledger, corpus = words[0], Ledger(Path(words[1])), Path(words[2]).read_text(encoding="utf-8").splitlines()
    fans = Fans(url, ledger, corpus, int(words[6]))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(fans.run(int(words[3]), float(words[4]), float(words[5])))
    seen = asdict(fans.seen)
    both = fans.seen.whole + fans.seen.streamed
    print(json.dumps({**seen, **{name: spread(seen[name]) for name in ("whole", "streamed")}, "all": spread(both)}))


if __name__ == "__main__":
    main(sys.argv[1:])
