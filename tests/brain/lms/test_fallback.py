"""Engines behind one another, over real sockets: what is tried again, who is next, and nothing failed gets out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from dspy import lm15

from brain.lms.choice import ChosenLM
from brain.lms.fallback import MOST_WAIT, PAUSE, Fallback, retry_in
from brain.lms.openai_compatible import OpenAICompatibleEngine
from brain.lms.shapes import answer
from brain.trim import Trim

REQUEST = lm15.request_from_openai_chat({"model": "label", "messages": [{"role": "user", "content": "canary words"}]})
REFUSAL = ["I'm sorry", ", but I can't assist", " with that canary."]
FAILURES = [
    pytest.param(500, "server", 2, id="5xx"),
    pytest.param(503, "server", 2, id="overloaded"),
    pytest.param(None, "transport", 2, id="hung up"),
    pytest.param((429, 1), "rate_limit", 2, id="wait a second"),
    pytest.param((429, 60), "rate_limit", 1, id="wait a minute"),
    pytest.param(429, "rate_limit", 1, id="wait"),
    pytest.param(401, "auth", 1, id="key"),
    pytest.param(400, "invalid_request", 1, id="request"),
    pytest.param([asyncio.Event], "timeout", 1, id="silent"),
    pytest.param([""], "empty", 1, id="empty"),
    pytest.param([" ", "\n"], "empty", 1, id="blank"),
    pytest.param(["Fan: canary"], "empty", 1, id="speaks for the fan"),
    pytest.param(REFUSAL, "refusal", 1, id="refusal"),
    pytest.param(['Assistant: "', *REFUSAL], "refusal", 1, id="dressed refusal"),
    pytest.param(["As an AI language", " model, canary"], "refusal", 1, id="model talk"),
]


class Case:
    """A Fallback over scripted servers with what was noted and how long it waited."""

    def __init__(self, servers: list[Any]) -> None:
        self.servers = servers
        self.kinds: list[str] = []
        self.waits: list[float] = []
        self.engines = [
            ChosenLM(f"test/{at}", OpenAICompatibleEngine(
                provider="custom", model="m", base_url=server.url, api_key="k", timeout=0.3
            ))
            for at, server in enumerate(servers)
        ]  # fmt: skip
        self.fallback = Fallback(self.engines, trim=Trim, noted=self.kinds.append, pause=self._pause)

    async def _pause(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def said(self, is_streamed: bool) -> str:
        """The text of one answer."""
        if not is_streamed:
            return str((await self.fallback.complete(REQUEST)).message.text)
        return "".join([event.delta.text async for event in self.fallback.stream(REQUEST) if event.type == "delta"])

    @property
    def calls(self) -> list[int]:
        """How often each server was called."""
        return [len(server.bodies) for server in self.servers]


@pytest.fixture
def play(scripted_server: Any) -> Callable[..., None]:
    @asynccontextmanager
    async def opened(scripts: list[Any]) -> Any:
        if not scripts:
            yield []
            return
        async with scripted_server(scripts[0]).running() as server, opened(scripts[1:]) as others:
            yield [server, *others]

    def run(scenario: Callable[[Case], Awaitable[None]], *scripts: Any) -> None:
        async def main() -> None:
            async with opened([each if callable(each) else _always(each) for each in scripts]) as servers:
                case = Case(servers)
                await scenario(case)
                for chosen in case.engines:
                    await chosen.engine.aclose()

        asyncio.run(main())

    return run


def _always(script: Any) -> Callable[[dict[str, Any]], Any]:
    # An event belongs to the loop it is waited for in.
    is_list = isinstance(script, list)
    return lambda _: [each() if each is asyncio.Event else each for each in script] if is_list else script


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize(("script", "kind", "calls"), FAILURES)
def test_the_second_engine_answers_and_nothing_of_the_failed_text_gets_out(
    play: Any, caplog: pytest.LogCaptureFixture, script: Any, kind: str, calls: int, is_streamed: bool
) -> None:
    async def scenario(case: Case) -> None:
        assert await case.said(is_streamed) == "from two"
        assert (case.kinds, case.calls) == ([kind] * calls, [calls, 1])

    with caplog.at_level(logging.DEBUG):
        play(scenario, script, ["from ", "two"])
    assert kind in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize(("script", "kind", "calls"), FAILURES)
def test_the_last_engine_s_failure_is_raised_by_its_kind_and_without_its_text(
    play: Any, script: Any, kind: str, calls: int, is_streamed: bool
) -> None:
    async def scenario(case: Case) -> None:
        with pytest.raises(lm15.LM15Error) as raised:
            await case.said(is_streamed)
        assert "canary" not in str(raised.value)
        assert (case.kinds, case.calls) == ([kind] * calls, [calls])

    play(scenario, script)


@pytest.mark.parametrize("is_streamed", [False, True])
def test_a_retry_that_succeeds_is_the_answer_and_the_second_engine_is_not_asked(play: Any, is_streamed: bool) -> None:
    scripts = iter([500, ["once more"]])

    async def scenario(case: Case) -> None:
        assert await case.said(is_streamed) == "once more"
        assert (case.calls, case.waits) == ([2, 0], [PAUSE])

    play(scenario, lambda _: next(scripts), ["two"])


def test_a_short_retry_after_is_waited_for(play: Any) -> None:
    scripts: Any = iter([(429, 1), ["fine"]])

    async def scenario(case: Case) -> None:
        assert await case.said(True) == "fine"
        assert case.waits == [1.0]

    play(scenario, lambda _: next(scripts))


def test_a_stream_that_breaks_after_text_went_out_is_not_begun_again(play: Any) -> None:
    async def scenario(case: Case) -> None:
        events = (event async for event in case.fallback.stream(REQUEST) if event.type == "delta")
        assert (await anext(events)).delta.text == "one "
        with pytest.raises(lm15.TransportError):
            await anext(events)
        assert (case.kinds, case.calls) == (["transport"], [1, 0])

    play(scenario, ["one ", None], ["two"])


def test_a_stream_that_breaks_while_its_beginning_is_held_is_begun_again(play: Any) -> None:
    async def scenario(case: Case) -> None:
        assert await case.said(True) == "two"
        assert case.calls == [2, 1]

    play(scenario, ["I'm sorry", None], ["two"])


def test_the_first_piece_goes_out_before_the_next_is_written(play: Any) -> None:
    async def scenario(case: Case) -> None:
        async with aclosing(case.fallback.stream(REQUEST)) as events:  # type: ignore[type-var]
            async for event in events:
                if event.type == "delta":
                    assert event.delta.text == "hey "
                    return
        pytest.fail("nothing came")

    play(scenario, ["hey ", asyncio.Event])


def test_a_stream_is_left_once_the_model_speaks_for_the_fan(play: Any) -> None:
    async def scenario(case: Case) -> None:
        assert await case.said(True) == "hey"
        assert case.kinds == []
        await asyncio.wait_for(case.servers[0].hung_up.wait(), 5)

    play(scenario, ["hey", "\nFan: ", asyncio.Event])


def test_an_answer_cut_off_for_its_length_ends_with_its_last_sentence() -> None:
    class Long:
        async def complete(self, request: Any) -> Any:
            return answer(request, "i like clay. i also li", finish="length", usage=lm15.Usage(output_tokens=9))

    response = asyncio.run(Fallback([ChosenLM("x", Long())]).complete(REQUEST))
    assert (response.message.text, response.finish_reason) == ("i like clay.", "length")
    assert response.usage.output_tokens == 9


def test_a_defect_is_no_failure_of_a_language_model() -> None:
    class Broken:
        async def complete(self, request: Any) -> Any:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(Fallback([ChosenLM("x", Broken()), ChosenLM("y", Broken())]).complete(REQUEST))


@pytest.mark.parametrize(("wait", "again"), [(0, 0.0), (MOST_WAIT, MOST_WAIT), (MOST_WAIT + 1, None), (None, None)])
def test_a_rate_limit_is_tried_again_only_when_it_says_to_wait_a_moment(
    wait: float | None, again: float | None
) -> None:
    assert retry_in(lm15.RateLimitError("x", retry_after=wait)) == again
