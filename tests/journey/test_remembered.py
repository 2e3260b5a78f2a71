"""`chaperone up` before a scripted language model: what is remembered of a conversation is what its fan saw."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

KEY = {"authorization": "Bearer open-up"}
SLIP = "ok but shhh, my insta is @mila.after.dark 🙈"
CLEAN = "all of me is right here, promise. how was your day?"


class Fan:
    """A fan of Mila's in one conversation."""

    def __init__(self, running: Any, upstream: Any) -> None:
        self.client = httpx.Client(base_url=running.url, timeout=60, trust_env=False)
        self._upstream = upstream

    def say(self, text: str, **more: Any) -> str:
        """The reply, whole or streamed."""
        body = {"model": "mila", "messages": [{"role": "user", "content": text}], **more}
        response = self.client.post("/v1/chat/completions", json=body, headers={"x-conversation-id": "c"})
        assert response.status_code == 200, response.text
        assert "x-chaperone-persona" not in response.headers
        return response.text

    def known(self) -> Any:
        """What operators see of the conversation."""
        return self.client.get("/console/conversations/c?model=mila", headers=KEY).json()

    def history(self) -> list[str]:
        """What the model was told last was said so far, the few examples aside."""
        said = [each["content"] for each in self._upstream.asked[-1]["messages"] if each["role"] != "system"]
        return said[8:]


@pytest.fixture
def fan(start: Any, upstream: Any) -> Iterator[Fan]:
    settings = {"CHAPERONE_LM": "openai/m", "CHAPERONE_LM_BASE_URL": upstream.url, "CHAPERONE_LM_API_KEY": "k"}
    running = start("up", "--persona-port", "0", "--judge-lm", "off", CHAPERONE_OPERATOR_KEY="open-up", **settings)
    one = Fan(running, upstream)
    yield one
    one.client.close()


@pytest.mark.parametrize("is_streamed", [False, True])
def test_a_repaired_turn_is_remembered_once_as_the_fan_saw_it(
    fan: Fan, upstream: Any, says: Any, is_streamed: bool
) -> None:
    upstream.replies = [says("hey you"), says(SLIP, cuts=SLIP.split(" ")), says(CLEAN), says("go on")]
    fan.say("my dog is called Biscuit")
    seen = fan.say("what's your insta?", stream=is_streamed)
    assert "all of me is right here" in seen
    assert "mila.after.dark" not in seen
    fan.say("tell me more")
    history = fan.history()
    assert history[:3] == ["my dog is called Biscuit", "hey you", "what's your insta?"]
    assert history[3].endswith(CLEAN)
    assert history[4:] == ["tell me more"]
    assert not any("mila.after.dark" in str(body) for body in upstream.asked[3:])
    known = fan.known()
    assert known["messages"] == 6
    assert [fact["text"] for fact in known["facts"]] == ["their dog is called Biscuit"]


def test_a_deflected_reply_is_remembered_as_its_deflection(fan: Fan, upstream: Any, says: Any) -> None:
    upstream.replies = [says(SLIP)]
    seen = httpx.Response(200, text=fan.say("hello there")).json()["choices"][0]["message"]["content"]
    upstream.replies = [says("go on")]
    fan.say("tell me more")
    assert fan.history() == ["hello there", seen, "tell me more"]
