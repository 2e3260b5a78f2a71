"""The summary by a language model: what it is sent, and how often."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from brain.lms.openai_compatible import OpenAICompatibleEngine
from brain.memory.summarise import FAILURES, summariser
from brain.memory.types import Line

AT = datetime(2026, 11, 26, tzinfo=UTC)
LINES = [Line("user", "my dog is called Rex\nok?", AT, "t1"), Line("assistant", "good boy", AT, "t1")]


def asked(server: Any, summary: str = "They met.") -> str:
    async def main() -> str:
        async with server.running():
            engine = OpenAICompatibleEngine(provider="acme", model="m", base_url=server.url, api_key="k", timeout=5)
            try:
                return await summariser(engine)(summary, LINES, 130)
            finally:
                await engine.aclose()

    return asyncio.run(main())


def test_one_call_carries_the_summary_so_far_and_the_lines(scripted_server: Any) -> None:
    server = scripted_server(lambda _: [" They met. ", "Rex is a dog.\n"])
    assert asked(server) == "They met. Rex is a dog."
    [body] = server.bodies
    task, lines = body["messages"]
    assert "Sum up a chat" in task["content"]
    assert "At most this many words: 100" in task["content"]
    assert "The summary so far: They met." in task["content"]
    assert lines == {"role": "user", "content": "fan: my dog is called Rex ok?\npersona: good boy"}


def test_a_first_summary_has_none_before_it(scripted_server: Any) -> None:
    server = scripted_server(lambda _: ["Rex."])
    asked(server, "")
    assert "so far:" not in server.bodies[0]["messages"][0]["content"]


@pytest.mark.parametrize("script", [500, [""]])
def test_a_failing_model_is_one_of_the_known_failures(scripted_server: Any, script: Any) -> None:
    with pytest.raises(FAILURES):
        asked(scripted_server(lambda _: script))
