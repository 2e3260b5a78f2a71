"""The proxy on a socket: what `chaperone proxy` does by itself, and each of its workers does.

It stands apart from `serve` because it loads everything: who only looks after workers does without.
"""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable
from pathlib import Path

import click

from brain.loading import loading
from brain.settings import PersonaSettings
from guards.errors import ChaperoneError, PolicyError
from proxy import app
from proxy.commands.serving import serve
from proxy.settings import ProxySettings

_NEW_OBJECTS = 10_000  # after which the youngest are searched for garbage


def guard_port(
    settings: ProxySettings, listener: socket.socket, ready: Callable[[], None], persona: PersonaSettings | None = None,
    counts: Path | None = None,
) -> None:  # fmt: skip
    """Serves the proxy on `listener` until a signal; `ready` is called once turns are answered. Raises
    click.ClickException."""
    with loading():
        built = _built(settings, persona, counts)
    _settle_memory()
    serve(built, listener, ready)


def _built(settings: ProxySettings, persona: PersonaSettings | None, counts: Path | None) -> app.App:
    """The application, or what is wrong with the rules or the store, for a person to read."""
    try:
        return app.build(settings, persona, counts)
    except PolicyError as error:
        raise click.ClickException("\n".join([f"the rules in {settings.rules} are refused:", str(error)])) from None
    except ChaperoneError as error:
        raise click.ClickException(str(error)) from None


def _settle_memory() -> None:
    """Takes everything loaded so far out of the search for garbage, for good, and has that search come less often: it
    would stop all turns to walk over objects that stay."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])
