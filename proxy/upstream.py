"""The one seam to the model API behind the proxy: aiohttp in, our errors out.

It stands apart because the HTTP client is the hot path's largest cost and may be changed without touching a turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Protocol

import aiohttp

from guards.errors import UpstreamError

MAX_REPLY = 64 * 1024 * 1024  # bytes of an answer that is read whole
_CREDENTIALS = frozenset({"authorization", "x-api-key", "api-key"})
_CONNECTIONS = 0  # no limit: the proxy's own limit on turns is the one that holds


class Reply(Protocol):
    """An upstream's answer, its body not read yet."""

    status: int
    headers: list[tuple[str, str]]

    async def read(self) -> bytes: ...

    async def more(self) -> bytes: ...

    def close(self) -> None: ...


def succeeded(reply: Reply) -> bool:
    """True when the upstream says that `reply` holds an answer: any 2xx, as text under a 203 is text all the same."""
    return 200 <= reply.status < 300


class Upstream:
    """Any OpenAI-compatible base URL (`…/v1`). `connect` and `read` are seconds; `read` bounds each silence.

    `max_reply` bounds, in bytes, an answer that is read whole."""

    def __init__(
        self,
        base_url: str,
        *,
        key: str | None = None,
        connect: float = 10.0,
        read: float = 120.0,
        max_reply: int = MAX_REPLY,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._key = key
        self._max_reply = max_reply
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect, sock_read=read)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Upstream:
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS, ttl_dns_cache=60)
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=True
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        credential: str = "authorization",
    ) -> Reply:
        """The upstream's answer to `path` below the base URL. Raises UpstreamError when there is none.

        A configured key goes in the header `credential`, and none of the client's keys beside it.
        """
        if self._session is None:
            raise RuntimeError("the upstream is used before it is entered")
        if self._key:
            headers = {name: value for name, value in headers.items() if name not in _CREDENTIALS}
            headers[credential] = f"Bearer {self._key}" if credential == "authorization" else self._key
        try:
            response = await self._session.request(
                method, self._base + path, data=body, headers=headers, allow_redirects=False
            )
        except TimeoutError:
            raise UpstreamError("the upstream did not answer in time", status=504, code="upstream_timeout") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise UpstreamError(f"the upstream cannot be reached ({type(error).__name__})") from None
        return _Reply(response, self._max_reply)


class _Reply:
    def __init__(self, response: aiohttp.ClientResponse, max_reply: int) -> None:
        self._response = response
        self._max_reply = max_reply
        self.status = response.status
        self.headers = [(name.lower(), value) for name, value in response.headers.items()]

    async def read(self) -> bytes:
        pieces: list[bytes] = []
        size = 0
        try:
            while piece := await self.more():
                pieces.append(piece)
                size += len(piece)
                if size > self._max_reply:
                    raise UpstreamError("the upstream's answer is too large", code="upstream_broken")
        finally:
            self.close()
        return b"".join(pieces)

    async def more(self) -> bytes:
        """What has arrived of the body since the last call, or the next that does; empty at its end."""
        try:
            return await self._response.content.readany()
        except TimeoutError:
            self.close()
            raise UpstreamError("the upstream stopped answering", status=504, code="upstream_timeout") from None
        except (aiohttp.ClientError, OSError) as error:
            self.close()
            kind = type(error).__name__
            raise UpstreamError(f"the upstream's answer broke off ({kind})", code="upstream_broken") from None

    def close(self) -> None:
        self._response.close() if not self._response.content.at_eof() else self._response.release()
