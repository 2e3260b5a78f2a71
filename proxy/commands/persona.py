"""`chaperone persona`: the persona service alone."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from brain.serve import run
from brain.settings import PersonaSettings
from guards.errors import ChaperoneError
from proxy.commands.flags import flags, read
from proxy.commands.serving import configure_logging

READY = "persona service is ready: "


@click.command()
@flags(PersonaSettings, but=["persona_port"])
@click.option("--port", "--persona-port", "persona_port", metavar="VALUE", help="0 chooses a free one. [8081]")
@click.option("--while-stdin-open", is_flag=True, hidden=True, help="Stop when standard input closes.")
def persona(while_stdin_open: bool, **given: Any) -> None:
    """Answer as the persona, over an OpenAI-compatible API."""
    configure_logging()
    if while_stdin_open:
        threading.Thread(target=_stop_when_closed, daemon=True).start()
    try:
        run(read(PersonaSettings, given), ready=lambda url: click.echo(READY + url), meaning=embedded)
    except OSError as error:
        raise click.ClickException(f"the persona service cannot start: {error.strerror or error}") from None
    except ChaperoneError as error:
        raise click.ClickException(str(error)) from None


def embedded(texts: list[str]) -> NDArray[np.float32]:
    """Texts as unit vectors by what they mean, with the guards' classifier. Raises guards.errors.DetectorError."""
    # Imported here for start-up time: the service is ready before anybody asks for it.
    from guards.detectors.embedder import shared  # noqa: PLC0415

    return shared()(texts)


def _stop_when_closed() -> None:
    """A parent that dies, however it dies, closes our standard input."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
