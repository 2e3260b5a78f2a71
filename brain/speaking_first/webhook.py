"""Messages to a receiver: one POST each, signed after Standard Webhooks, so that any language has a check for it.

It stands apart as the edge towards whoever brings a message to the fan.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import logging
from collections.abc import Callable
from datetime import datetime

import httpx

from brain.speaking_first.offers import Offer

logger = logging.getLogger(__name__)

_PATIENCE = 10.0  # seconds
_MARK = "whsec_"


class Webhook:
    """Posts to `url`, signed with `key` (any text, or `whsec_` and base64); `now` gives the time in UTC."""

    def __init__(self, url: str, key: str, now: Callable[[], datetime]) -> None:
        self._url = url
        self._secret = secret_of(key)
        self._now = now
        self._client: httpx.AsyncClient | None = None

    async def deliver(self, offer: Offer) -> bool:
        """True where the receiver took the message (a 2xx)."""
        body = json.dumps(shown(offer), ensure_ascii=False).encode()
        stamp = str(int(self._now().timestamp()))
        headers = {
            "content-type": "application/json",
            "webhook-id": offer.turn,
            "webhook-timestamp": stamp,
            "webhook-signature": signature(self._secret, offer.turn, stamp, body),
        }
        try:
            reply = await self._open().post(self._url, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            logger.warning("the webhook's receiver cannot be reached: %s", type(error).__name__)
            return False
        if not reply.is_success:
            logger.warning("the webhook's receiver answered %d", reply.status_code)
        return reply.is_success

    async def aclose(self) -> None:
        """Closes the connections."""
        if self._client is not None:
            await self._client.aclose()

    def _open(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=_PATIENCE, trust_env=False)
        return self._client


def shown(offer: Offer) -> dict[str, str | None]:
    """An offer as the wire has it."""
    return {
        "conversation": offer.key.id,
        "user": offer.user,
        "model": offer.key.persona,
        "turn": offer.turn,
        "text": offer.text,
    }


def signature(secret: bytes, id: str, stamp: str, body: bytes) -> str:
    """The header `webhook-signature`: `v1,` and base64 of the HMAC-SHA256 of `{id}.{stamp}.{body}`."""
    digest = hmac.digest(secret, f"{id}.{stamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode()


def secret_of(key: str) -> bytes:
    """The bytes of a key. Raises ValueError for base64 that is none."""
    if not key.startswith(_MARK):
        return key.encode()
    try:
        return base64.b64decode(key.removeprefix(_MARK), validate=True)
    except binascii.Error:
        raise ValueError("behind whsec_ stands base64") from None
