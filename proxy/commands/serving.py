"""How a command serves: bound first, announced when it is really ready, stopped by a signal, its errors readable."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Any

import click

from brain.server import listen as bind
from brain.server import reserve, run_until_stopped, serve_app


def listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A listening socket, or one that keeps the port for `shared` ones; port 0 chooses a free one. Raises
    click.ClickException when the place is taken."""
    try:
        return reserve(host, port) if shared else bind(host, port)
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {host}:{port}: {error.strerror}; name another port with --port (0 chooses a free one)"
        ) from None


def serve(app: Any, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Serves `app` until SIGINT or SIGTERM; calls `ready` once requests are answered."""
    configure_logging()
    run_until_stopped(serve_app(app, listener, ready))


def configure_logging(speaker: str = "") -> None:
    """Our own lines and everybody's warnings go to standard error, `speaker` before each; nobody logs what a turn
    says."""
    logging.basicConfig(level=logging.WARNING, format=f"%(asctime)s %(levelname)s {speaker}%(name)s: %(message)s")
    logging.getLogger("chaperone").setLevel(logging.INFO)
    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)  # it warns of every language it leaves out
