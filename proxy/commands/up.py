"""`chaperone up`: persona service and proxy together, for a newcomer and for small installations.

The persona service is a process of its own: it starts while the proxy loads its rules, and each keeps a core.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import click
from pydantic import SecretStr

from brain.settings import PersonaSettings
from proxy.commands.flags import flag_of, flags, proxy_settings, read
from proxy.commands.serve import place_of, run_proxy
from proxy.settings import ProxySettings

READY = "persona service is ready: "
_SHARED = ("host", "persona_port", "data")  # said to both services by one flag
_STOPPING = 10.0  # seconds a persona service gets to finish its replies

log = logging.getLogger("chaperone.up")


@click.command()
@flags(ProxySettings, but=["upstream"])
@flags(PersonaSettings, but=_SHARED)
def up(**given: Any) -> None:
    """Start persona service and proxy; paste the printed base URL into a chat app."""
    of_persona = {
        name: given.pop(name) for name in PersonaSettings.model_fields if name in given and name not in _SHARED
    }
    persona = read(PersonaSettings, of_persona)
    settings = _with_operator_key(proxy_settings(**given))
    with place_of(settings) as place, _persona(settings, of_persona, persona.guard_url or _near(place)) as child:
        settings = settings.model_copy(update={"upstream": _announced(child)})
        stopping = threading.Event()
        threading.Thread(target=_stop_with, args=(child, stopping), daemon=True).start()
        try:
            run_proxy(settings, place, lambda url: click.echo(_welcome(url, settings)), persona)
        finally:
            stopping.set()


def _with_operator_key(settings: ProxySettings) -> ProxySettings:
    """`settings` with a key for the operator, made up for this run where none is set."""
    if settings.operator_key is not None:
        return settings
    return settings.model_copy(update={"operator_key": SecretStr(secrets.token_urlsafe(16))})


@contextlib.contextmanager
def _persona(settings: ProxySettings, given: dict[str, Any], guard_url: str) -> Iterator[subprocess.Popen[str]]:
    """The persona service as a child that ends with us, however we end: its standard input closes with us."""
    command = [sys.executable, "-P", "-m", "proxy", "persona", "--while-stdin-open"]
    command += ["--host", "127.0.0.1", "--persona-port", str(settings.persona_port), "--data", str(settings.data)]
    given = {**given, "guard_url": guard_url}
    command += [part for name, value in given.items() if value is not None for part in (flag_of(name), str(value))]
    # A session of its own: Ctrl-C reaches us alone, and we end it when our last turn is over.
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(_STOPPING)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _near(place: socket.socket) -> str:
    """The base URL of the proxy for who runs beside it. What is asked there waits until the proxy serves."""
    host, port = place.getsockname()[:2]
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{near}]:{port}/v1" if ":" in near else f"http://{near}:{port}/v1"


def _announced(child: subprocess.Popen[str]) -> str:
    """The base URL the child announces. Raises click.ClickException when it ends instead."""
    for line in child.stdout or ():
        if line.startswith(READY):
            return line.removeprefix(READY).strip()
    raise click.ClickException("the persona service did not start: see its message above")


def _stop_with(child: subprocess.Popen[str], stopping: threading.Event) -> None:
    """A proxy without its persona service would answer every turn with an error: stop, and say so."""
    child.wait()
    if not stopping.is_set():
        log.error("the persona service has ended: stopping")
        os.kill(os.getpid(), signal.SIGTERM)


def _welcome(url: str, settings: ProxySettings) -> str:
    key = settings.operator_key.get_secret_value() if settings.operator_key else ""
    return f"""
Chaperone is ready.

  base URL for your chat app   {url}/v1      (any API key, model "persona")
  try it in a browser          {url}/chat
  the same with what operators see of stage and memory
                               {url}/chat#operator={quote(key)}
  blocked-turn log             .venv/bin/chaperone audit list --data {settings.data}
  rules (edit while it runs)   {settings.rules}

Stop with Ctrl-C.
"""
