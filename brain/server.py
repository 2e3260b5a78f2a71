"""Puts an application on a port, says when it listens, and ends it gracefully.

It stands apart because only this file knows the server: commands call it, tests call it, and the port may be 0.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import uvicorn
import uvloop

# One chat message is small; what is larger closes the connection. Pings find out who is gone.
_FRAME = 256 * 1024
# How long running replies may take to finish once the service is asked to stop, in seconds.
GRACE = 5


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def websockets() -> dict[str, Any]:
    """How a server is told to speak WebSockets."""
    return {"ws": _websocket, "ws_max_size": _FRAME, "ws_per_message_deflate": False}


def _websocket(**given: Any) -> asyncio.Protocol:
    """One connection. Its library is loaded when somebody opens the first, so that plain HTTP does not pay for it."""
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol  # noqa: PLC0415

    return WebSocketsSansIOProtocol(**given)


async def serve_app(app: Any, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Serves any ASGI application on `listener`, which it closes; calls `ready` once requests are accepted."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE,
        **websockets(),
    )
    server = _Server(config, ready)
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise
    finally:
        listener.close()


def run_until_stopped(serving: Coroutine[Any, Any, None]) -> None:
    """Runs `serving` in an event loop of its own until it ends or the process is interrupted."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, contextlib.suppress(KeyboardInterrupt):
        runner.run(serving)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 chooses a free one. Raises OSError when the place is taken."""
    listener = socket.create_server((host, port), family=_family(host), backlog=2048)
    return _prompt(listener)


def reserve(host: str, port: int) -> socket.socket:
    """A socket that listens to nothing and keeps the port for those of `share`; port 0 chooses a free one. Raises
    OSError when the place is taken, also by a reservation."""
    place = socket.socket(_family(host))
    try:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of one before us may still linger
        place.bind((host, port))
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)  # nobody else may reserve it now
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError:
        place.close()
        raise
    return place


def share(host: str, port: int) -> socket.socket:
    """A socket on a port that was reserved. Once several listen there, the system deals the connections out; whose
    process ends is dealt no more. Raises OSError."""
    place = socket.socket(_family(host))
    try:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        place.bind((host, port))
    except OSError:
        place.close()
        raise
    return _prompt(place)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _prompt(listener: socket.socket) -> socket.socket:
    # asyncio does this only for sockets it made itself; without it every small answer waits 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def address(listener: socket.socket) -> str:
    """The URL of a listening socket, with its real port."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
