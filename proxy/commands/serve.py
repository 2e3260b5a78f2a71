"""`chaperone proxy`: the proxy alone, in front of any OpenAI-compatible base URL."""

from __future__ import annotations

import socket
from collections.abc import Callable

import click

from brain.loading import loading
from brain.server import address
from brain.settings import PersonaSettings
from proxy.commands.flags import flags, proxy_settings
from proxy.commands.serving import listen
from proxy.commands.workers import run_workers
from proxy.settings import ProxySettings


@click.command()
@flags(ProxySettings, but=["persona_port"])
def proxy(**given: object) -> None:
    """Guard any OpenAI-compatible model."""
    settings = proxy_settings(**given)
    with place_of(settings) as place:
        run_proxy(settings, place, lambda url: click.echo(_ready(url, settings)))


def place_of(settings: ProxySettings) -> socket.socket:
    """The socket that `run_proxy` serves, or keeps for its workers. Raises click.ClickException."""
    return listen(settings.host, settings.port, shared=settings.workers > 1)


def run_proxy(
    settings: ProxySettings, place: socket.socket, ready: Callable[[str], None], persona: PersonaSettings | None = None
) -> None:
    """Serves the proxy at `place` until it is stopped; `ready` is called with its URL. Raises click.ClickException."""
    if settings.workers > 1:
        run_workers(settings, place, ready, persona)
        return
    # Imported here as it takes a second, which a process that only looks after workers need not pay.
    with loading():
        from proxy.commands.guarding import guard_port  # noqa: PLC0415

    guard_port(settings, place, lambda: ready(address(place)), persona)


def _ready(url: str, settings: ProxySettings) -> str:
    return f"chaperone is ready: base URL {url}/v1, in front of {settings.upstream}"
