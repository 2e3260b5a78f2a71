"""A conversation of forty messages through the proxy, with OpenAI's own client: `python -m bench.forty`.

It shows what a persona knows as it goes on: the hour where the fan is, how close the two have grown, what the fan told.
Each request carries what is new alone; the rest is remembered under the conversation's id.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import click
import httpx
from openai import OpenAI

LINES: tuple[tuple[str, ...], ...] = (
    ("hey you",),
    ("my dog is called Biscuit, he's a menace",),
    ("what are you up to tonight?",),
    ("do you like horror films?",),
    ("what's your insta?",),
    ("fair enough. what do you bake?",),
    ("haha you're so funny",),
    ("what music do you play at the wheel?",),
    ("how's pickle?",),
    ("you're easy to talk to",),
    ("i had a long shift", "but this is the best bit of my night"),
    ("do you drink coffee?",),
    ("could i swing by your studio after work?",),
    ("ok, just here then",),
    ("tell me a story: pickle finds a teapot, then he falls in, then he pretends nothing happened",),
    ("that was lovely",),
    ("do you remember my dog?",),
    ("he ate my slippers", "both of them"),
    ("good night mila",),
)
_NIGHT = 2  # the hour where the fan is


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the fan said and was told, in `pieces` as they came; `stage` and `messages` as operators see them then."""

    said: tuple[str, ...]
    pieces: tuple[str, ...] = field(repr=False)
    stage: str
    messages: int

    @property
    def reply(self) -> str:
        """The reply as one text."""
        return "".join(self.pieces)


def talk(url: str, operator: str, model: str = "mila") -> Iterator[Exchange]:
    """The exchanges of a new conversation with `model` at the proxy `url`; `operator` is its operator key. It is two in
    the morning where the fan is."""
    conversation = f"forty-{uuid.uuid4().hex[:8]}"
    about = {"metadata": {"conversation_id": conversation, "time_zone": night_zone(datetime.now(UTC).hour)}}
    with OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client:
        for said in LINES:
            stream = client.chat.completions.create(
                model=model,
                messages=[{"role": "user", "content": line} for line in said],
                stream=True,
                extra_body=about,
            )
            pieces = tuple(choice.delta.content or "" for chunk in stream for choice in chunk.choices)
            seen = httpx.get(
                f"{url}/console/conversations/{conversation}", params={"model": model},
                headers={"authorization": f"Bearer {operator}"},
            ).raise_for_status().json()  # fmt: skip
            yield Exchange(said, tuple(filter(None, pieces)), seen["stage"], seen["messages"])


def night_zone(hour: int) -> str:
    """A time zone in which it is two in the morning while it is `hour` in UTC."""
    ahead = (_NIGHT - hour + 12) % 24 - 12
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


@click.command(help=__doc__)
@click.option("--url", default="http://127.0.0.1:8080", help="The proxy.")
@click.option("--operator", required=True, envvar="CHAPERONE_OPERATOR_KEY", help="Its operator key.")
def main(url: str, operator: str) -> None:
    """Prints the conversation with the numbers of its messages and each change of stage."""
    number, stage = 0, ""
    for exchange in talk(url, operator):
        for line in exchange.said:
            number += 1
            say(f"{number:2}  fan   {line}")
        number += 1
        say(f"{number:2}  mila  " + exchange.reply.replace("\n\n", "\n          "))
        if exchange.stage != stage:
            stage = exchange.stage
            say(f"    ----  {stage.replace('_', ' ')} ({exchange.messages} messages)")


def say(line: str) -> None:
    """A line for people, to stdout."""
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
