"""An engine for threads: answers from the loop, errors as they were, and no call after its end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from dspy import lm15

from brain.lms.blocking import BlockingEngine, HoppingEngine
from brain.lms.shapes import answer

REQUEST = lm15.request_from_openai_chat({"model": "m", "messages": [{"role": "user", "content": "u"}]})


class Engine:
    async def complete(self, request: lm15.Request) -> lm15.Response:
        await asyncio.sleep(0)
        return answer(request, "hello")


class Failing:
    async def complete(self, request: lm15.Request) -> lm15.Response:
        raise lm15.RateLimitError("busy")


def in_thread(engine: Any, closed: bool = False) -> Any:
    async def scenario() -> Any:
        blocking = BlockingEngine(engine, asyncio.get_running_loop())
        if closed:
            blocking.close()
        return await asyncio.to_thread(blocking.complete, REQUEST)

    return asyncio.run(scenario())


def test_a_thread_gets_the_answer_of_the_loop_s_engine() -> None:
    assert in_thread(Engine()).message.text == "hello"


def test_errors_arrive_as_they_were() -> None:
    with pytest.raises(lm15.RateLimitError):
        in_thread(Failing())


def test_a_closed_one_refuses() -> None:
    with pytest.raises(lm15.UnsupportedFeatureError):
        in_thread(Engine(), closed=True)


@pytest.mark.parametrize(("engine", "error"), [(Engine(), None), (Failing(), lm15.RateLimitError)])
def test_another_loop_in_a_thread_awaits_the_loop_s_engine(engine: Any, error: Any) -> None:
    async def scenario() -> Any:
        hopping = HoppingEngine(engine, asyncio.get_running_loop())
        return await asyncio.to_thread(lambda: asyncio.run(hopping.complete(REQUEST)))

    if error:
        with pytest.raises(error):
            asyncio.run(scenario())
    else:
        assert asyncio.run(scenario()).message.text == "hello"


def test_on_its_own_loop_it_waits_for_nobody() -> None:
    async def scenario() -> Any:
        return await HoppingEngine(Engine(), asyncio.get_running_loop()).complete(REQUEST)

    assert asyncio.run(scenario()).message.text == "hello"
