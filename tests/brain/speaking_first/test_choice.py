"""What settings make of it: on, off, or an error that says what to set."""

from __future__ import annotations

from typing import Any

import pytest

from brain.service import build_app
from brain.speaking_first.choice import BadWebhook


@pytest.mark.parametrize(
    ("given", "said"),
    [({}, "CHAPERONE_WEBHOOK_KEY"), ({"webhook_key": "whsec_!"}, "base64"),
     ({"proactive_webhook": "ftp://x", "webhook_key": "k"}, "http://")],
)  # fmt: skip
def test_a_webhook_that_cannot_be_used_is_refused_at_the_start(world: Any, given: dict[str, Any], said: str) -> None:
    settings = world.settings(**{"proactive_webhook": "http://127.0.0.1/hook", **given})
    with pytest.raises(BadWebhook, match=said):
        build_app(settings, clock=world.clock)


def test_a_webhook_without_a_guard_sends_nothing_and_says_so(
    world: Any, play: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(world: Any) -> None:
        client = await world.service(guard_url="", proactive_webhook=world.hook, webhook_key="sesame")
        assert (await client.get("/readyz")).json()["speaks_first"].startswith("off: without guard_url")
        assert world.receiver.got == []

    play(scenario)
    assert "set guard_url" in caplog.text
