"""What a guard's answer means, over real sockets: only a clear no finds its way out."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import Response

from brain.speaking_first.guard import Guard, GuardDown
from guards.types import Message


def test_a_text_passes_where_nothing_is_found_in_it_sure_or_not(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        guard = Guard(world.guard_url)
        world.guard.flags, world.guard.unsure = {"insta"}, {"ghost"}
        said = [await guard.passes(text) for text in ("how are you", "my insta", "the ghost app")]
        assert said == [True, False, False]
        await guard.aclose()

    play(scenario)


def test_it_is_judged_as_a_reply_in_the_light_of_what_was_said(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        guard = Guard(world.guard_url + "/")
        await guard.passes("the ghost one", [Message("user", "which app?")])
        assert world.guard.judged == [
            {"input": "the ghost one", "stage": "output", "context": [{"role": "user", "content": "which app?"}]}
        ]
        await guard.aclose()

    play(scenario)


@pytest.mark.parametrize(
    "answer",
    ["", "no json", "[]", "{}", '{"results": []}', '{"results": [{}]}', '{"results": ["x"]}', '{"results": null}'],
)
def test_an_answer_that_is_no_verdict_is_a_guard_that_is_down(world: Any, play: Any, answer: str) -> None:
    async def moderate(_: Any) -> Response:
        return Response(answer)

    async def scenario(world: Any) -> None:
        app = Starlette()
        app.add_route("/v1/moderations", moderate, methods=["POST"])
        url = await world.stack.enter_async_context(world.serve(app))
        guard = Guard(url + "/v1")
        with pytest.raises(GuardDown) as caught:
            await guard.passes("hush-hush")
        await guard.aclose()
        assert "hush" not in str(caught.value)

    play(scenario)


@pytest.mark.parametrize("flagged", ["null", "0", '""', '"false"'])
def test_what_is_not_plainly_false_passes_nothing(world: Any, play: Any, flagged: str) -> None:
    async def moderate(_: Any) -> Response:
        return Response(f'{{"results": [{{"flagged": {flagged}}}]}}')

    async def scenario(world: Any) -> None:
        app = Starlette()
        app.add_route("/v1/moderations", moderate, methods=["POST"])
        guard = Guard(await world.stack.enter_async_context(world.serve(app)) + "/v1")
        assert not await guard.passes("how are you")
        await guard.aclose()

    play(scenario)


@pytest.mark.parametrize("status", [400, 404, 500, 302])
def test_a_guard_that_answers_with_an_error_is_down(world: Any, play: Any, status: int) -> None:
    async def scenario(world: Any) -> None:
        world.guard.status = status
        guard = Guard(world.guard_url)
        with pytest.raises(GuardDown, match=str(status)):
            await guard.answers()
        await guard.aclose()

    play(scenario)


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/v1", "nonsense", "http://[/v1"])
def test_a_guard_that_nobody_is_is_down(url: str) -> None:
    async def scenario() -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            guard = Guard(url.format(port=free.getsockname()[1]))
            with pytest.raises(GuardDown):
                await guard.answers()
            await guard.aclose()

    asyncio.run(scenario())
