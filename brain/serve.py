"""Puts the persona service on a port and says when it listens.

It stands apart from `server`, which serves anything: the proxy does so too, and pays for no persona.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from brain.embedding import Embed
from brain.loading import loading
from brain.server import address, listen, run_until_stopped, serve_app
from brain.service import build_app
from brain.settings import PersonaSettings

logger = logging.getLogger(__name__)

Ready = Callable[[str], None]


async def serve(settings: PersonaSettings, *, ready: Ready | None = None, meaning: Embed | None = None) -> None:
    """Serves the persona until asked to stop (SIGINT, SIGTERM, or cancelled: then it shuts down first).

    `ready` is called once with the base URL (`http://127.0.0.1:8081/v1`), the real port in it, when requests are
    accepted. `meaning` is `build_app`'s. Raises OSError when the port is taken, and what `build_app` raises.
    """
    with loading():
        app = build_app(settings, meaning=meaning)
    listener = listen(settings.host, settings.persona_port)
    url = address(listener) + "/v1"

    def announce() -> None:
        logger.info("persona service ready at %s", url)
        if ready:
            ready(url)

    await serve_app(app, listener, announce)


def run(settings: PersonaSettings, *, ready: Ready | None = None, meaning: Embed | None = None) -> None:
    """Serves in an event loop of its own; returns after SIGINT or SIGTERM. Raises as `serve` does."""
    run_until_stopped(serve(settings, ready=ready, meaning=meaning))
