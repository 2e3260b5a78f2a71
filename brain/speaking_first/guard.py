"""The guard of what the persona says first: the proxy, asked for its verdict over HTTP.

It stands apart because the persona service knows no rules: it may ask, and where nobody answers nothing is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from guards.errors import ChaperoneError
from guards.types import Message

_PATIENCE = 10.0  # seconds
_PROBE = "hello"


class GuardDown(ChaperoneError):
    """The guard gave no verdict. `str` says why without any message text."""


class Guard:
    """Asks the proxy at base URL `url` (`http://127.0.0.1:8080/v1`). Opens no connection before it is asked."""

    def __init__(self, url: str) -> None:
        self._url = f"{url.rstrip('/')}/moderations"
        self._client: httpx.AsyncClient | None = None

    async def answers(self) -> None:
        """Returns where the guard can be asked: so that nothing is written in vain. Raises GuardDown."""
        await self.passes(_PROBE)

    async def passes(self, text: str, context: Sequence[Message] = ()) -> bool:
        """True where no rule finds anything in `text` as a reply after `context`, sure or not. Raises GuardDown."""
        said = [{"role": message.role, "content": message.text} for message in context]
        body = {"input": text, "stage": "output", "context": said}
        try:
            reply = await self._open().post(self._url, json=body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise GuardDown(f"the guard cannot be asked: {type(error).__name__}") from None
        if reply.status_code != httpx.codes.OK:
            raise GuardDown(f"the guard answered {reply.status_code}")
        return _is_clear(reply)

    async def aclose(self) -> None:
        """Closes the connections."""
        if self._client is not None:
            await self._client.aclose()

    def _open(self) -> httpx.AsyncClient:
        if self._client is None:
            # The guard is near: no proxy of the environment stands between.
            self._client = httpx.AsyncClient(timeout=_PATIENCE, trust_env=False)
        return self._client


def _is_clear(reply: httpx.Response) -> bool:
    try:
        result: Any = reply.json()["results"][0]
        flagged, undecided = result["flagged"], result.get("undecided", False)
    except (ValueError, LookupError, TypeError, AttributeError):
        raise GuardDown("the guard's answer is no verdict: guard_url has to be the base URL of the proxy") from None
    return flagged is False and undecided is False
