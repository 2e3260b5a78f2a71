"""A message as a receiver gets it: signed, and known again by its id."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from brain.memory.types import ConversationKey
from brain.speaking_first.offers import Offer
from brain.speaking_first.webhook import Webhook, secret_of, signature

OFFER = Offer(ConversationKey("default", "nora", "c"), "u", "t-1", "héy 🖤")
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def test_the_signature_is_that_of_standard_webhooks() -> None:
    # The example in the specification of Standard Webhooks.
    secret = secret_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    signed = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_any_text_is_a_key_and_base64_that_is_none_is_refused() -> None:
    assert secret_of("sesame") == b"sesame"
    with pytest.raises(ValueError, match="base64"):
        secret_of("whsec_!")


def test_a_receiver_gets_the_message_under_its_id_and_can_check_whose_it_is(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        webhook = Webhook(world.hook, "sesame", lambda: NOW)
        assert await webhook.deliver(OFFER)
        ((headers, body),) = world.receiver.got
        assert json.loads(body) == {
            "conversation": "c", "user": "u", "model": "nora", "turn": "t-1", "text": "héy 🖤",
        }  # fmt: skip
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        told = base64.b64encode(hmac.digest(b"sesame", signed, hashlib.sha256)).decode()
        assert (headers["webhook-id"], headers["webhook-signature"]) == ("t-1", f"v1,{told}")
        assert int(headers["webhook-timestamp"]) == NOW.timestamp()
        await webhook.aclose()

    play(scenario)


@pytest.mark.parametrize("status", [302, 400, 404, 500])
def test_what_is_not_taken_is_not_delivered(world: Any, play: Any, status: int) -> None:
    async def scenario(world: Any) -> None:
        world.receiver.status = status
        webhook = Webhook(world.hook, "sesame", lambda: NOW)
        assert not await webhook.deliver(OFFER)
        await webhook.aclose()

    play(scenario)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/hook", "http://[/hook"])
def test_a_receiver_that_is_not_there_takes_nothing(world: Any, play: Any, url: str) -> None:
    async def scenario(_: Any) -> None:
        webhook = Webhook(url, "sesame", lambda: NOW)
        assert not await webhook.deliver(OFFER)
        await webhook.aclose()

    play(scenario)


def test_a_message_hides_its_text() -> None:
    assert "héy" not in repr(OFFER)
