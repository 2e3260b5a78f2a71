"""Puts an application on a port and says when it listens: the persona service, and whatever else is handed in.

It stands apart because only this file knows the server: commands call it, tests call it, and the port may be 0.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import uvicorn
import uvloop

from brain.service import build_app
from brain.settings import PersonaSettings

logger = logging.getLogger(__name__)

Ready = Callable[[str], None]
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


async def serve(settings: PersonaSettings, *, ready: Ready | None = None) -> None:
    """Serves the persona until asked to stop (SIGINT, SIGTERM, or cancelled: then it shuts down first).

    `ready` is called once with the base URL (`http://127.0.0.1:8081/v1`), the real port in it, when requests are
    accepted. Raises OSError when the port is taken, and what `build_app` raises.
    """
    app = build_app(settings)
    listener = listen(settings.host, settings.persona_port)
    url = address(listener) + "/v1"

    def announce() -> None:
        logger.info("persona service ready at %s", url)
        if ready:
            ready(url)

    await serve_app(app, listener, announce)


async def serve_app(app: Any, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Serves any ASGI application on `listener`, which it closes; calls `ready` once requests are accepted."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, ws="none", server_header=False, timeout_graceful_shutdown=GRACE
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


def run(settings: PersonaSettings, *, ready: Ready | None = None) -> None:
    """Serves in an event loop of its own; returns after SIGINT or SIGTERM. Raises as `serve` does."""
    run_until_stopped(serve(settings, ready=ready))


def run_until_stopped(serving: Coroutine[Any, Any, None]) -> None:
    """Runs `serving` in an event loop of its own until it ends or the process is interrupted."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, contextlib.suppress(KeyboardInterrupt):
        runner.run(serving)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 chooses a free one. Raises OSError when the place is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=2048)
    # asyncio does this only for sockets it made itself; without it every small answer waits 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def address(listener: socket.socket) -> str:
    """The URL of a listening socket, with its real port."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
