"""Grades come from a scripted server, and what is no grade is none."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from brain.grade import grades
from brain.lms.choice import ChosenLM
from brain.lms.openai_compatible import OpenAICompatibleEngine
from guards.types import Message

TRANSCRIPT = (Message("user", "canary hey"),)


@pytest.fixture
def graded(scripted_server: Any) -> Any:
    """graded(script, replies) are the grades that a server which follows the script gives, and what it was asked."""

    def run(script: Any, replies: list[str], deadline: float = 10.0) -> tuple[list[int | None], list[dict[str, Any]]]:
        async def whole() -> Any:
            async with scripted_server(script).running() as server:
                engine = OpenAICompatibleEngine(provider="x", model="m", base_url=server.url, api_key="k", timeout=5)
                try:
                    found = await grades(
                        ChosenLM("x/m", engine),
                        [(TRANSCRIPT, each) for each in replies],
                        voice="Warm.",
                        deadline=deadline,
                    )
                finally:
                    await engine.aclose()
                return found, server.bodies

        return asyncio.run(whole())  # type: ignore[no-any-return]

    return run


def test_each_reply_is_graded_in_one_call_that_shows_transcript_reply_and_voice(graded: Any) -> None:
    found, asked = graded(
        lambda body: ['{"grade": 4}' if '"one"' in body["messages"][-1]["content"] else "2"], ["one", "other"]
    )
    assert found == [4, 2]
    assert len(asked) == 2
    told = asked[0]["messages"][-1]["content"]
    assert all(part in told for part in ("canary hey", '"one"', '"Warm."', '"grade"'))
    assert asked[0]["temperature"] == 0.0


@pytest.mark.parametrize("script", [["6"], ["0"], ["4 or 5"], ["good"], [""], 500, 401, None])
def test_what_is_no_grade_is_none_and_no_text_is_logged(
    graded: Any, caplog: pytest.LogCaptureFixture, script: Any
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert graded(lambda _: script, ["canary"])[0] == [None]
    assert "canary" not in caplog.text


def test_a_model_that_takes_too_long_gives_none(graded: Any) -> None:
    assert graded(lambda _: [asyncio.Event()], ["hm"], deadline=0.05)[0] == [None]
