"""Best of N: what fails is dropped, what is chosen is sent, and never more calls than N + 1."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import dspy
import pytest

from brain.candidates import Choose, best, by_judge, by_score, chooser, varied, written
from brain.chat import Asked
from brain.lms.choice import ChosenLM
from brain.lms.openai_compatible import OpenAICompatibleEngine
from guards.types import Message

ASKED = Asked((Message("user", "canary hey"), Message("assistant", "hm"), Message("user", "and?")))
TEXTS = ["one canary", "two", "three"]


def failing(message: str = "x") -> Exception:
    error: Exception = dspy.LMServerError(message=message, model="m")
    return error


def test_all_are_written_at_once_and_those_that_fail_are_dropped() -> None:
    async def scenario() -> None:
        started = 0
        everybody = asyncio.Event()

        async def write(number: int) -> str:
            nonlocal started
            started += 1
            if started == 3:
                everybody.set()
            await everybody.wait()
            if number == 1:
                raise failing()
            return f"reply {number}"

        assert await written(3, write) == ["reply 0", "reply 2"]

    asyncio.run(asyncio.wait_for(scenario(), 5))


def test_where_all_fail_the_failure_is_raised() -> None:
    async def write(number: int) -> str:
        raise failing()

    with pytest.raises(dspy.LMServerError):
        asyncio.run(written(3, write))


def test_a_defect_is_raised_and_not_dropped() -> None:
    async def write(number: int) -> str:
        if number:
            raise ZeroDivisionError
        return "x"

    with pytest.raises(ZeroDivisionError):
        asyncio.run(written(2, write))


def test_cancelling_cancels_every_candidate() -> None:
    async def scenario() -> int:
        begun, cancelled = asyncio.Semaphore(0), 0

        async def write(number: int) -> str:
            nonlocal cancelled
            begun.release()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled += 1
                raise
            return ""

        task = asyncio.ensure_future(written(4, write))
        for _ in range(4):
            await begun.acquire()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return cancelled

    assert asyncio.run(asyncio.wait_for(scenario(), 5)) == 4


def test_the_highest_score_is_chosen_of_equals_the_first() -> None:
    assert asyncio.run(by_score(len)(ASKED, ["aa", "bbb", "ccc"])) == 1


def test_nobody_is_asked_when_all_are_the_same() -> None:
    async def choose(asked: Asked, texts: Sequence[str]) -> int:
        raise AssertionError

    assert asyncio.run(best(ASKED, ["a", "a"], choose)) == 0


def test_seeds_differ_between_candidates_and_nothing_is_added_without_one() -> None:
    assert len({varied({"seed": 7}, number)["seed"] for number in range(4)}) == 4
    assert varied({"seed": 7}, 0) == {"seed": 7}
    assert varied({"top_p": 0.5}, 2) == {"top_p": 0.5}


def judged(server: Any, **more: Any) -> int:
    async def scenario() -> int:
        async with server.running():
            engine = OpenAICompatibleEngine(provider="custom", model="m", base_url=server.url, api_key="k", timeout=5)
            try:
                return await best(ASKED, TEXTS, by_judge(ChosenLM("custom/m", engine), **more))
            finally:
                await engine.aclose()

    return asyncio.run(scenario())


@pytest.mark.parametrize(("answer", "index"), [('{"best": 2}', 1), ("3", 2), ("The best is number 1.", 0)])
def test_the_judge_s_number_is_chosen_in_one_call(scripted_server: Any, answer: str, index: int) -> None:
    server = scripted_server(lambda _: [answer])
    assert judged(server) == index
    [body] = server.bodies
    assert body["temperature"] == 0.0
    asked = body["messages"][-1]["content"]
    assert '{"1": "one canary", "2": "two", "3": "three"}' in asked
    assert '{"user": "and?"}' in asked


@pytest.mark.parametrize("script", [["1 or 2"], ["7"], ["0"], ["none of them"], [""], 500, 401, None])
def test_the_first_is_sent_where_the_judge_fails_and_no_text_is_logged(
    scripted_server: Any, caplog: pytest.LogCaptureFixture, script: Any
) -> None:
    server = scripted_server(lambda _: script)
    with caplog.at_level(logging.DEBUG):
        assert judged(server) == 0
    assert len(server.bodies) == 1
    assert "could not be judged" in caplog.text
    assert "canary" not in caplog.text


def test_a_judge_that_takes_too_long_is_not_waited_for(scripted_server: Any) -> None:
    assert judged(scripted_server(lambda _: [asyncio.Event()]), deadline=0.05) == 0


def test_who_chooses_is_as_was_asked_and_possible() -> None:
    class Engine:
        async def complete(self, request: Any) -> Any: ...

    lm = ChosenLM("custom/m", Engine())

    def name(choose: Choose | None) -> str:
        return choose.__qualname__.partition(".")[0] if choose else ""

    assert name(chooser("voice", lm, len)) == "by_score"
    assert name(chooser("voice", lm)) == "by_judge"
    assert name(chooser("judge", lm, len)) == "by_judge"
    assert chooser("judge", ChosenLM("offline", Engine())) is None
