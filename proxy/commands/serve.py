"""`chaperone proxy`: the proxy alone, in front of any OpenAI-compatible base URL."""

from __future__ import annotations

from collections.abc import Callable

import click

from brain.server import address
from brain.settings import PersonaSettings
from guards.errors import ChaperoneError, PolicyError
from proxy import app
from proxy.commands.flags import flags, proxy_settings
from proxy.commands.serving import listen, serve
from proxy.settings import ProxySettings


@click.command()
@flags(ProxySettings, but=["persona_port"])
def proxy(**given: object) -> None:
    """Guard any OpenAI-compatible model."""
    settings = proxy_settings(**given)
    run_proxy(settings, lambda url: click.echo(_ready(url, settings)))


def run_proxy(settings: ProxySettings, ready: Callable[[str], None], persona: PersonaSettings | None = None) -> None:
    """Serves the proxy until it is stopped; `ready` is called with its URL. Raises click.ClickException."""
    with listen(settings.host, settings.port) as listener:
        serve(_built(settings, persona), listener, lambda: ready(address(listener)))


def _built(settings: ProxySettings, persona: PersonaSettings | None) -> app.App:
    """The application, or what is wrong with the rules or the store, for a person to read."""
    try:
        return app.build(settings, persona)
    except PolicyError as error:
        raise click.ClickException("\n".join([f"the rules in {settings.rules} are refused:", str(error)])) from None
    except ChaperoneError as error:
        raise click.ClickException(str(error)) from None


def _ready(url: str, settings: ProxySettings) -> str:
    return f"chaperone is ready: base URL {url}/v1, in front of {settings.upstream}"
