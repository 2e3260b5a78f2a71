"""The persona service over a real socket: OpenAI's API, errors in OpenAI's shape, nothing kept."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import dspy
import httpx
import openai
import pytest
from dspy.clients.base_lm import GLOBAL_HISTORY

from brain.serve import serve
from brain.service import build_app, failure
from brain.settings import PersonaSettings
from guards.errors import PolicyError

REFUSAL = ["I'm sorry, but ", "I can't assist ", "with that canary."]
HEY = [{"role": "user", "content": "come over tonight?"}]
Scenario = Callable[[httpx.AsyncClient], Awaitable[None]]


@asynccontextmanager
async def running(training_data: Path, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    options = {"lm": "offline", "offline_delay": 0.0, "offline_slip_rate": 0.0, "demos": 2, **settings}
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    made = PersonaSettings(training_data=training_data, data=training_data / "data", persona_port=0, **options)
    task = asyncio.create_task(serve(made, ready=url.set_result))
    await asyncio.wait((task, url), return_when=asyncio.FIRST_COMPLETED)
    try:
        async with httpx.AsyncClient(base_url=await url, timeout=10) as client:
            yield client
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def play(training_data: Path, scenario: Scenario, **settings: Any) -> None:
    async def main() -> None:
        async with running(training_data, **settings) as client:
            await scenario(client)

    asyncio.run(main())


async def events(client: httpx.AsyncClient, **more: Any) -> list[Any]:
    body = {"model": "nora", "messages": HEY, "stream": True, **more}
    async with client.stream("POST", "/chat/completions", json=body) as response:
        assert response.status_code == 200
        lines = [line.removeprefix("data: ") async for line in response.aiter_lines() if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def test_a_turn_is_an_ordinary_chat_completion(training_data: Path) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        body = (await client.post("/chat/completions", json={"model": "nora", "messages": HEY})).json()
        assert body["id"].startswith("chatcmpl-")
        assert (body["object"], body["model"]) == ("chat.completion", "nora")
        [choice] = body["choices"]
        assert choice["message"] == {"role": "assistant", "content": "only in your dreams tonight", "refusal": None}
        assert choice["finish_reason"] == "stop"
        assert body["usage"]["completion_tokens"] == 5

    play(training_data, scenario)


def test_a_streamed_turn_is_role_pieces_finish_reason_and_done(training_data: Path) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        first, *pieces, last, done = await events(client)
        assert first["choices"][0]["delta"]["role"] == "assistant"
        assert [piece["choices"][0]["delta"]["content"] for piece in pieces] == [
            "only ", "in ", "your ", "dreams ", "tonight",
        ]  # fmt: skip
        assert (last["choices"][0]["finish_reason"], done) == ("stop", "[DONE]")
        assert len({piece["id"] for piece in (first, *pieces, last)}) == 1

    play(training_data, scenario)


def test_usage_ends_a_stream_when_it_is_asked_for(training_data: Path) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        *_, usage, done = await events(client, stream_options={"include_usage": True})
        assert (usage["choices"], usage["usage"]["completion_tokens"], done) == ([], 5, "[DONE]")

    play(training_data, scenario)


def test_the_openai_sdk_reads_both(training_data: Path) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        sdk: Any = openai.AsyncOpenAI(api_key="k", base_url=str(client.base_url))
        whole = await sdk.chat.completions.create(model="nora", messages=HEY)
        stream = await sdk.chat.completions.create(model="nora", messages=HEY, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        assert whole.choices[0].message.content == text == "only in your dreams tonight"
        assert [model.id async for model in sdk.models.list()] == ["nora"]
        await sdk.close()

    play(training_data, scenario)


def test_a_repair_is_understood_from_the_messages_alone(training_data: Path) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        insta = [{"role": "user", "content": "what's your insta?"}]
        slipped = await client.post("/chat/completions", json={"model": "nora", "messages": insta})
        text = slipped.json()["choices"][0]["message"]["content"]
        assert text == "my insta is @nora.boats"
        again = [*insta, {"role": "assistant", "content": text}, {"role": "system", "content": "Name no platform."}]
        repaired = await client.post("/chat/completions", json={"model": "nora", "messages": again})
        assert repaired.json()["choices"][0]["message"]["content"] == "all of me is right here"

    play(training_data, scenario, offline_slip_rate=1.0)


@pytest.mark.parametrize("model", ["nora", "Nora", "persona"])
def test_the_persona_answers_to_its_name(training_data: Path, model: str) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        response = await client.post("/chat/completions", json={"model": model, "messages": HEY})
        assert (response.status_code, response.json()["model"]) == (200, "nora")

    play(training_data, scenario)


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code"),
    [
        ("POST", "chat/completions", b'{"model": "gpt", "messages": [{"role": "user"}]}', 404, "model_not_found"),
        ("POST", "chat/completions", b'{"model": "nora", "messages": []}', 400, "invalid_request"),
        ("POST", "chat/completions", b"{", 400, "invalid_json"),
        ("POST", "chat/completions", b" " * (8 * 1024 * 1024 + 1), 413, "body_too_large"),
        ("GET", "chat/completions", b"", 405, "method_not_allowed"),
        ("POST", "embeddings", b"{}", 404, "not_found"),
        ("GET", "../docs", b"", 404, "not_found"),
        ("GET", "../openapi.json", b"", 404, "not_found"),
    ],
)
def test_every_refusal_is_an_openai_error(
    training_data: Path, method: str, path: str, content: bytes, status: int, code: str
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        response = await client.request(method, path, content=content)
        assert response.status_code == status
        error = response.json()["error"]
        assert (error["code"], error["type"]) == (code, "invalid_request_error")
        assert set(error) == {"message", "type", "param", "code"}

    play(training_data, scenario)


def test_health_and_readiness_answer(training_data: Path) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        assert (await client.get("../healthz")).json() == {"status": "ok"}
        ready = (await client.get("../readyz")).json()
        assert (ready["status"], ready["persona"], ready["lm"], ready["failures"]) == ("ready", "nora", "offline", {})
        assert ready["problems"] == []
        assert list(ready["personas"]) == ["nora"]

    play(training_data, scenario)


def with_lm(training_data: Path, server: Any, scenario: Scenario, **settings: Any) -> None:
    async def main() -> None:
        async with server.running():
            options = {"lm": "acme/m", "lm_base_url": server.url, **settings}
            async with running(training_data, **options) as client:
                await scenario(client)

    asyncio.run(main())


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("script", "code"),
    [(500, "lm_server"), (401, "lm_auth"), (429, "lm_rate_limit"), ([""], "empty_reply"), (REFUSAL, "lm_refusal")],
)
def test_a_failing_lm_is_a_502_in_openai_s_shape(
    training_data: Path, scripted_server: Any, stream: bool, script: Any, code: str
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        body = {"model": "nora", "messages": HEY, "stream": stream}
        response = await client.post("/chat/completions", json=body)
        assert (response.status_code, response.json()["error"]["code"]) == (502, code)
        assert "canary" not in response.text
        assert "come over" not in response.text

    with_lm(training_data, scripted_server(lambda _: script), scenario, on_lm_failure="error")


def test_a_silent_lm_is_a_504(training_data: Path, scripted_server: Any) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        body = {"model": "nora", "messages": HEY, "stream": True}
        response = await client.post("/chat/completions", json=body)
        assert (response.status_code, response.json()["error"]["code"]) == (504, "lm_timeout")

    with_lm(
        training_data, scripted_server(lambda _: [asyncio.Event()]), scenario, lm_timeout=0.05, on_lm_failure="error"
    )


def test_an_lm_that_breaks_off_ends_the_stream_with_an_error_event(training_data: Path, scripted_server: Any) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        received = await events(client)
        assert received[1]["choices"][0]["delta"]["content"] == "one "
        assert received[-1]["error"]["type"] == "server_error"

    with_lm(training_data, scripted_server(lambda _: ["one ", None]), scenario, on_lm_failure="error")


@pytest.mark.parametrize("script", [500, 401, 429, [""], REFUSAL, None, ["Fan: canary"]])
def test_a_failing_lm_is_an_ordinary_reply_in_the_persona_s_voice(
    training_data: Path, scripted_server: Any, script: Any
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        response = await client.post("/chat/completions", json={"model": "nora", "messages": HEY})
        [choice] = response.json()["choices"]
        assert (response.status_code, response.headers["x-chaperone-fallback"]) == (200, "voice")
        assert (choice["message"]["content"], choice["finish_reason"]) == ("tell me about your day instead", "stop")
        streamed = await events(client)
        text = "".join(each["choices"][0]["delta"].get("content", "") for each in streamed[:-1])
        assert (text, streamed[-1]) == ("tell me about your day instead", "[DONE]")
        assert (await client.get("../readyz")).json()["failures"]["voice"] == 2

    with_lm(training_data, scripted_server(lambda _: script), scenario)


def test_an_lm_that_breaks_off_leaves_a_reply_that_trails_off(training_data: Path, scripted_server: Any) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        *pieces, last, done = await events(client)
        text = "".join(each["choices"][0]["delta"]["content"] for each in pieces)
        assert (text, last["choices"][0]["finish_reason"], done) == ("one …", "stop", "[DONE]")

    with_lm(training_data, scripted_server(lambda _: ["one ", None]), scenario)


def test_a_second_lm_with_an_address_and_key_of_its_own_answers_for_the_first(
    training_data: Path, scripted_server: Any
) -> None:
    async def main() -> None:
        async with (
            scripted_server(lambda _: 500).running() as first,
            scripted_server(lambda _: ["two"]).running() as two,
        ):
            options = {"lm": "a/m", "lm_base_url": first.url, "lm_api_key": "one-key"}
            options |= {"fallback_lm": "b/m", "fallback_lm_base_url": two.url, "fallback_lm_api_key": "two-key"}
            async with running(training_data, **options) as client:
                response = await client.post("/chat/completions", json={"model": "nora", "messages": HEY})
                assert response.json()["choices"][0]["message"]["content"] == "two"
                assert "x-chaperone-fallback" not in response.headers
                assert (len(first.bodies), len(two.bodies), two.bodies[0]["model"]) == (2, 1, "b/m")
                assert "two-key" in two.headers[0]
                assert "one-key" not in two.headers[0]

    asyncio.run(main())


@pytest.mark.parametrize("stream", [False, True])
def test_the_judge_s_choice_of_several_candidates_is_sent_in_one_call_more_than_there_are(
    training_data: Path, scripted_server: Any, stream: bool
) -> None:
    replies = iter(["one", "two", "three"])

    def script(body: dict[str, Any]) -> list[str]:
        return [next(replies)] if "Nora paints" in str(body["messages"]) else ['{"best": 2}']

    async def scenario(client: httpx.AsyncClient) -> None:
        body = {"model": "nora", "messages": HEY, "stream": stream}
        response = await client.post("/chat/completions", json=body)
        assert '"content":"two"' in response.text
        assert "one" not in response.text
        assert "three" not in response.text
        assert len(server.bodies) == 4

    server = scripted_server(script)
    with_lm(training_data, server, scenario, n_candidates=3)


def test_a_piece_leaves_the_service_before_the_lm_writes_the_next(training_data: Path, scripted_server: Any) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        body = {"model": "nora", "messages": HEY, "stream": True}
        async with client.stream("POST", "/chat/completions", json=body) as response:
            async for line in response.aiter_lines():
                if "one " in line:
                    read.set()
                if "two" in line:
                    return
        pytest.fail("the second piece never came")

    read = asyncio.Event()
    with_lm(training_data, scripted_server(lambda _: ["one ", read, "two"]), scenario)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_hangs_up_cancels_every_lm_call(
    training_data: Path, scripted_server: Any, stream: bool, count: int
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        body = {"model": "nora", "messages": HEY, "stream": stream}
        call = asyncio.ensure_future(client.post("/chat/completions", json=body))
        for _ in range(count):
            await arrived.acquire()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        for _ in range(count):
            await asyncio.wait_for(server.gone.acquire(), 5)

    def script(_: dict[str, Any]) -> Any:
        arrived.release()
        return ["one ", asyncio.Event()]

    arrived = asyncio.Semaphore(0)
    server = scripted_server(script)
    with_lm(training_data, server, scenario, n_candidates=count)


def test_the_openai_sdk_is_told_where_a_new_message_begins(
    training_data: Path, scripted_server: Any, write_card: Any, card: dict[str, Any]
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        async with openai.AsyncOpenAI(api_key="k", base_url=str(client.base_url)) as sdk:
            asked: Any = {"model": "nora", "messages": HEY}
            whole = await sdk.chat.completions.create(**asked)
            deltas = [chunk.choices[0].delta async for chunk in await sdk.chat.completions.create(**asked, stream=True)]
        assert whole.choices[0].message.content == "hey. you!\n\nback already?"
        assert "".join(delta.content or "" for delta in deltas) == "hey. you!\n\nback already?"
        assert [delta.content for delta in deltas if "message_break" in (delta.model_extra or {})] == ["\n\n"]

    write_card(training_data, {**card, "several_messages": True})
    with_lm(training_data, scripted_server(lambda _: ["hey. you! ", "back already?"]), scenario)


def test_the_lm_gets_the_request_s_options_over_the_settings(training_data: Path, scripted_server: Any) -> None:
    server = scripted_server(lambda _: ["x"])

    async def scenario(client: httpx.AsyncClient) -> None:
        options = {"temperature": 0.1, "max_completion_tokens": 12, "stop": ["y", "z"]}
        await client.post("/chat/completions", json={"model": "nora", "messages": HEY, **options})
        [body] = server.bodies
        assert (body["temperature"], body["max_tokens"], body["stop"][:2]) == (0.1, 12, ["y", "z"])
        assert len(body["stop"]) <= 4

    with_lm(training_data, server, scenario)


def test_no_text_is_kept_or_logged(
    training_data: Path, scripted_server: Any, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        body = {"model": "nora", "messages": [{"role": "user", "content": "canary-in"}]}
        await client.post("/chat/completions", json=body)
        await events(client, messages=body["messages"])
        await client.post("/chat/completions", json=body)
        await client.post("/chat/completions", content=b'{"model": "canary-in", "messages": [{"role": "canary-in"}]}')

    with caplog.at_level(logging.DEBUG):
        scripts = iter([["canary-out"], ["canary-out"], 500])
        with_lm(training_data, scripted_server(lambda _: next(scripts)), scenario)
    assert "canary" not in caplog.text
    assert "canary" not in "".join(capsys.readouterr())
    assert "canary" not in str(dspy.settings.trace)
    assert GLOBAL_HISTORY == []
    assert not dspy.cache.enable_disk_cache


def test_a_broken_persona_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"no persona here"):
        build_app(PersonaSettings(training_data=tmp_path, lm="offline"))


def test_a_defect_is_a_500_that_says_nothing_and_is_logged_by_its_kind(caplog: pytest.LogCaptureFixture) -> None:
    status, body = failure(ZeroDivisionError("canary"))
    assert (status, body["error"]["code"]) == (500, "internal_error")
    assert "canary" not in f"{body} {caplog.text}"
    assert "ZeroDivisionError" in caplog.text


def test_a_persona_s_own_model_and_parameters_go_before_the_settings(
    training_data: Path, card: dict[str, Any], write_card: Callable[..., Path], scripted_server: Any
) -> None:
    write_card(
        training_data, {**card, "name": "Ada", "lm": "other/model", "temperature": 0.1, "max_tokens": 9}, "a.yaml"
    )
    server = scripted_server(lambda _: ["x"])

    async def scenario(client: httpx.AsyncClient) -> None:
        for model in ("ada", "nora"):
            await client.post("/chat/completions", json={"model": model, "messages": HEY})
        sent = [(body["model"], body["temperature"], body["max_tokens"]) for body in server.bodies]
        assert sent == [("other/model", 0.1, 9), ("acme/m", 0.8, 300)]

    with_lm(training_data, server, scenario)
