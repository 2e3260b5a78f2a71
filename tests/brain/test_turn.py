"""A turn over a real socket: what the language model is told of a conversation, and what is kept of it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

Script = Callable[[dict[str, Any]], Any]


class Room:
    """A persona service before a scripted model, and a fan who talks to it."""

    def __init__(self, client: httpx.AsyncClient, server: Any) -> None:
        self.client = client
        self.server = server

    @property
    def asked(self) -> list[dict[str, str]]:
        """The messages that the model got last."""
        return list(self.server.bodies[-1]["messages"])

    @property
    def system(self) -> str:
        """The system message that the model got last."""
        return self.asked[0]["content"]

    async def post(self, *said: str | dict[str, str], turn: str | None = None, **body: Any) -> httpx.Response:
        """One request; a plain text is the fan's."""
        messages = [{"role": "user", "content": each} if isinstance(each, str) else each for each in said]
        headers = {"x-chaperone-turn": turn} if turn else {}
        body = {"model": "nora", "messages": messages, **body}
        return await self.client.post("/chat/completions", json=body, headers=headers)

    async def say(self, *said: str | dict[str, str], id: str | None = "c", **more: Any) -> str:
        """The reply to a turn of the conversation `id`."""
        named = {"metadata": {"conversation_id": id}} if id else {}
        response = await self.post(*said, **{**named, **more})
        assert response.status_code == 200, response.text
        text: str = response.json()["choices"][0]["message"]["content"]
        return text

    async def stream(self, text: str, id: str = "c", **headers: str) -> str:
        """The reply to a streamed turn."""
        body = {"model": "nora", "messages": [{"role": "user", "content": text}], "stream": True}
        async with self.client.stream(
            "POST", "/chat/completions", json=body, headers={"x-conversation-id": id, **headers}
        ) as response:
            lines = [line.removeprefix("data: ") async for line in response.aiter_lines() if line]
        assert lines[-1] == "[DONE]"
        return "".join(json.loads(line)["choices"][0]["delta"].get("content", "") for line in lines[:-1])

    async def known(self, id: str = "c") -> dict[str, Any]:
        """What the service shows of a conversation."""
        shown: dict[str, Any] = (await self.client.get(f"/conversations/{id}")).json()
        return shown


Scenario = Callable[[Room], Awaitable[None]]


@pytest.fixture
def play(training_data: Path, scripted_server: Any, service: Any) -> Callable[..., None]:
    """Plays a scenario before a model that answers by `script`; `again` is played after a restart of the service."""

    def run(
        scenario: Scenario, script: Script = lambda _: ["a reply"], again: Scenario | None = None, **more: Any
    ) -> None:
        async def main() -> None:
            async with AsyncExitStack() as stack:
                server = await stack.enter_async_context(scripted_server(script).running())
                settings = {"lm": "openai/m", "lm_base_url": server.url, "lm_api_key": "k", **more}
                for each in filter(None, (scenario, again)):
                    async with service(training_data, **settings) as client:
                        await each(Room(client, server))

        asyncio.run(main())

    return run


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def test_a_fact_is_told_to_the_model_when_only_new_messages_are_sent(play: Any) -> None:
    async def scenario(room: Room) -> None:
        await room.say("my dog is called Biscuit")
        assert "What you remember of this fan" not in room.system
        await room.say("nice weather")
        await room.say("do you remember my dog?")
        assert "their dog is called Biscuit" in room.system
        said = [message["content"] for message in room.asked if message["role"] != "system"]
        assert said[-5:] == [
            "my dog is called Biscuit",
            "a reply",
            "nice weather",
            "a reply",
            "do you remember my dog?",
        ]
        assert len(room.server.bodies) == 3
        assert (await room.known())["messages"] == 6

    play(scenario)


def test_what_is_remembered_outlives_a_restart(play: Any) -> None:
    async def before(room: Room) -> None:
        await room.say("my dog is called Biscuit")

    async def after(room: Room) -> None:
        await room.say("do you remember my dog?")
        assert "their dog is called Biscuit" in room.system
        assert (await room.known())["messages"] == 4

    play(before, again=after)


def test_two_fans_share_nothing(play: Any) -> None:
    async def scenario(room: Room) -> None:
        await room.say("hey", id="one", user="ann")
        await room.say("my dog is called Biscuit", id="one", user="ann")
        await room.say("hey", id="two", user="bea")
        await room.say("do you remember my dog?", id="two", user="bea")
        await room.say("do you remember my dog?", id=None)
        for body in room.server.bodies[2:]:
            assert "Biscuit" not in json.dumps(body)
        other = await room.post("tell me", metadata={"conversation_id": "one"}, user="bea")
        assert (other.status_code, other.json()["error"]["code"]) == (409, "conversation_of_another_user")
        assert "Biscuit" not in other.text

    play(scenario)


def test_without_an_id_nothing_is_kept(play: Any, training_data: Path) -> None:
    async def scenario(room: Room) -> None:
        await room.say("my dog is called Biscuit", id=None, user="ann")
        assert (await room.known()).get("error", {}).get("code") == "conversation_not_found"

    play(scenario)
    assert not any(b"Biscuit" in path.read_bytes() for path in (training_data / "data").rglob("*") if path.is_file())


def test_all_attempts_of_a_turn_are_one_and_what_the_fan_saw_stands(play: Any) -> None:
    async def scenario(room: Room) -> None:
        await room.say("hey you", turn="t")
        guidance = {"role": "system", "content": "Name no platform."}
        await room.say("hey you", assistant("a reply"), guidance, turn="t")
        seen = await room.client.put("/conversations/c/turns/t", json={"reply": "what was seen", "model": "nora"})
        assert seen.status_code == 200
        await room.say("and now?")
        said = [message["content"] for message in room.asked if message["role"] != "system"]
        assert said[-3:] == ["hey you", "what was seen", "and now?"]
        assert (await room.known())["messages"] == 4

    play(scenario)


def test_a_streamed_reply_is_kept_before_its_end_is_sent(play: Any) -> None:
    async def scenario(room: Room) -> None:
        assert await room.stream("my dog is called Biscuit") == "a reply"
        assert (await room.known())["messages"] == 2
        await room.stream("do you remember my dog?")
        assert "their dog is called Biscuit" in room.system

    play(scenario)


def test_a_stream_that_is_cut_off_leaves_no_reply_behind(play: Any) -> None:
    cut = asyncio.Event()

    async def scenario(room: Room) -> None:
        body = {"model": "nora", "messages": [{"role": "user", "content": "hey you"}], "stream": True}
        headers = {"x-conversation-id": "c", "x-chaperone-turn": "t"}
        async with room.client.stream("POST", "/chat/completions", json=body, headers=headers) as response:
            async for line in response.aiter_lines():
                if "my number" in line:
                    break
        await room.server.hung_up.wait()
        room.server.script = lambda _: ["another reply"]
        await room.say("hey you", turn="t")
        await room.say("and now?")
        said = [message["content"] for message in room.asked if message["role"] != "system"]
        assert said[-3:] == ["hey you", "another reply", "and now?"]
        assert (await room.known())["messages"] == 4

    play(scenario, lambda _: ["my number is ", cut, "5550101 "])


def test_the_line_that_stands_in_for_a_model_that_is_down_is_remembered_as_said(play: Any) -> None:
    async def scenario(room: Room) -> None:
        line = await room.say("hey you")
        room.server.script = lambda _: ["back again"]
        await room.say("are you there?")
        assert [message["content"] for message in room.asked][-3:] == ["hey you", line, "are you there?"]

    play(scenario, lambda _: 500)


def test_a_turn_that_ends_in_an_error_keeps_the_fan_s_words_and_counts_once_when_it_is_sent_again(play: Any) -> None:
    async def scenario(room: Room) -> None:
        failed = await room.post("my dog is called Biscuit", metadata={"conversation_id": "c"})
        assert failed.status_code == 502
        room.server.script = lambda _: ["good boy"]
        await room.say("my dog is called Biscuit")
        shown = await room.known()
        assert (shown["messages"], [fact["text"] for fact in shown["facts"]]) == (2, ["their dog is called Biscuit"])

    play(scenario, lambda _: 500, on_lm_failure="error")


def test_a_memory_that_is_down_costs_the_memory_and_not_the_turn(
    play: Any, training_data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (training_data / "file").write_text("in the way")

    async def scenario(room: Room) -> None:
        assert await room.say("a canary in a cage") == "a reply"
        assert await room.stream("a canary in a cage") == "a reply"
        ready = (await room.client.get("../readyz")).json()
        assert ready["failures"] == {"memory": 2}

    with caplog.at_level(logging.DEBUG, "brain"):
        play(scenario, memory=str(training_data / "file" / "memory.sqlite3"))
    assert "without its memory" in caplog.text
    assert "canary" not in caplog.text


def test_what_outgrew_the_budget_is_summed_up_and_told(play: Any) -> None:
    def script(body: dict[str, Any]) -> list[str]:
        is_summary = "Sum up a chat" in body["messages"][0]["content"]
        return ["They talked of boats."] if is_summary else ["word " * 60]

    async def scenario(room: Room) -> None:
        for number in range(6):
            await room.say(f"{number} " + "tide " * 40)
        for _ in range(200):
            if (await room.known())["summary"]:
                break
            await asyncio.sleep(0.01)
        await room.say("and now?")
        assert "They talked of boats." in room.system
        said = [message["content"] for message in room.asked if message["role"] != "system"]
        assert not any(each.startswith("0 tide") for each in said)
        assert (await room.known())["messages"] == 14

    play(scenario, script, memory_budget=100)
