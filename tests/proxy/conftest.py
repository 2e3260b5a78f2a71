"""A proxy on a thread of its own, in front of the scripted upstream, over real sockets: what most tests here use."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from brain.server import websockets
from proxy.app import App, build
from proxy.settings import ProxySettings

ASK = [{"role": "user", "content": "how was your day?"}]


@dataclass
class Served:
    """A proxy that listens. `client` is a raw HTTP client whose base is the proxy."""

    url: str
    app: App
    data: Path
    rules: Path
    client: httpx.Client
    _server: uvicorn.Server
    _thread: threading.Thread

    def post(self, **body: Any) -> httpx.Response:
        """One turn; what it does not say is an ordinary question."""
        return self.client.post("/v1/chat/completions", json={"model": "m", "messages": ASK, **body})

    def text(self, **body: Any) -> str:
        """One turn's answer, whatever it is, as text: of a stream the joined events."""
        return self.post(**body).text

    def metric(self, name: str) -> float:
        """One sample of /metrics, by its name with its labels; 0 when it has not been seen yet."""
        lines = self.client.get("/metrics").text.splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == name), 0.0)

    def stop_serving(self) -> None:
        """As SIGTERM would."""
        self._server.should_exit = True
        self._thread.join(20)

    def stop(self) -> None:
        self.client.close()
        self.stop_serving()


def serve(settings: ProxySettings, **parts: Any) -> Served:
    """The whole application for `settings` on a free port; `parts` are handed in instead of its own services."""
    app = build(settings)
    app = App(settings, replace(app.services, **parts)) if parts else app
    bound = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, http="httptools", loop="uvloop", lifespan="on", access_log=False, log_config=None,
        server_header=False, timeout_graceful_shutdown=1, **websockets(),
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    wait_for(lambda: server.started)
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    client = httpx.Client(base_url=url, timeout=30, trust_env=False)
    return Served(url, app, settings.data, settings.rules, client, server, thread)


def wait_for(holds: Callable[[], Any]) -> None:
    """Returns as soon as `holds()`; fails when it never does."""
    for _ in range(2000):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("what was waited for did not come")


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], None]:
    """eventually(lambda: …) waits until something holds."""
    return wait_for


@pytest.fixture
def begin(tmp_path: Path, upstream: Any, make_rules: Callable[..., Path]) -> Iterator[Callable[..., Served]]:
    """begin(read_timeout=1) starts a proxy before the scripted upstream; any setting, and `parts`, may be given."""
    started: list[Served] = []

    def start_one(**given: Any) -> Served:
        rules, parts = given.pop("rules", None) or make_rules(), given.pop("parts", {})
        settings = ProxySettings(**{"upstream": upstream.url, "data": tmp_path / "data", "rules": rules, **given})
        started.append(serve(settings, **parts))
        return started[-1]

    yield start_one
    for one in started:
        one.stop()


@pytest.fixture
def proxy(begin: Callable[..., Served]) -> Served:
    """A proxy with the rules of make_rules and the default settings."""
    return begin()


@pytest.fixture
def piece() -> Callable[[str], bytes]:
    """piece("text") is one streamed chunk of an upstream, as bytes."""
    return lambda text: chunk({"content": text})


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    """One event with one choice."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"
