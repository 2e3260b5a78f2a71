"""A proxy on a thread of its own, in front of the scripted upstream, over real sockets: what most tests here use."""

from __future__ import annotations

import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

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


_TOKEN = "12345:canary-token-1f0c"
_FAN = 77


class BotApi:
    """A stand-in for Telegram's Bot API on a real socket: what fans write goes in, what the bot sends is kept.

    `sent` are the messages (chat, text), `typing` the chats that were shown somebody typing, `calls` the methods.
    `failures` are answers (status, body) that come instead of the next sendMessage or getUpdates."""

    token = _TOKEN
    fan = _FAN

    def __init__(self) -> None:
        self.sent: list[tuple[int, str]] = []
        self.typing: list[int] = []
        self.calls: list[str] = []
        self.failures: dict[str, list[tuple[int, dict[str, Any]]]] = {"sendMessage": [], "getUpdates": []}
        self._updates: list[dict[str, Any]] = []
        self._numbers = itertools.count(1)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def write(self, text: str, *, chat: int = _FAN, kind: str = "private", **more: Any) -> None:
        """A fan writes to the bot; `more` are other fields of the message."""
        number = next(self._numbers)
        sender = {"id": chat, "is_bot": False, "first_name": "Fan"}
        message = {"message_id": number, "date": 1, "chat": {"id": chat, "type": kind}, "from": sender}
        said = {"text": text} if text else {}
        self._updates.append({"update_id": number, "message": {**message, **said, **more}})

    def flood(self, seconds: int) -> None:
        """The next message is refused: the bot is too fast."""
        told = {"ok": False, "error_code": 429, "description": "Too Many", "parameters": {"retry_after": seconds}}
        self.failures["sendMessage"].append((429, told))

    def fail(self, method: str, status: int, description: str) -> None:
        """The next call of `method` fails."""
        told = {"ok": False, "error_code": status, "description": description}
        self.failures[method].append((status, told))

    def answer(self, token: str, method: str, asked: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Status and body for one call."""
        self.calls.append(method)
        if token != _TOKEN:
            return 401, {"ok": False, "error_code": 401, "description": "Unauthorized"}
        if self.failures.get(method):
            return self.failures[method].pop(0)
        if method == "getMe":
            me = {"id": 1, "is_bot": True, "first_name": "Mila", "username": "mila_bot"}
            return 200, {"ok": True, "result": me}
        if method == "getUpdates":
            return 200, {"ok": True, "result": self._fetched(int(asked.get("offset", 0)))}
        if method == "sendChatAction":
            self.typing.append(int(asked["chat_id"]))
        if method == "sendMessage":
            chat = int(asked["chat_id"])
            self.sent.append((chat, asked["text"]))
            return 200, {"ok": True, "result": {"message_id": 1, "date": 1, "chat": {"id": chat, "type": "private"}}}
        return 200, {"ok": True, "result": True}

    def _fetched(self, offset: int) -> list[dict[str, Any]]:
        for _ in range(20):
            if found := [update for update in self._updates if update["update_id"] >= offset]:
                return found
            time.sleep(0.02)
        return []


def _handler(api: BotApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            _, bot, method = self.path.split("/")
            status, told = api.answer(bot.removeprefix("bot"), method, dict(parse_qsl(body)))
            raw = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def bot_api() -> Iterator[BotApi]:
    """Telegram, as far as a bot can tell."""
    api = BotApi()
    yield api
    api.close()


@pytest.fixture
def nora(tmp_path: Path) -> Path:
    """Training data of one persona, Nora, with 40 conversations; asked for a pet she may let a wombat slip."""
    folder = tmp_path / "training"
    (folder / "personas").mkdir(parents=True)
    card = {"name": "Nora", "voice": "Short and warm.", "conversations": "nora.json", "deflections": ["tell me more"]}
    (folder / "personas" / "nora.yaml").write_text("".join(f"{key}: {json.dumps(card[key])}\n" for key in card))
    conversations = [
        {
            "id": f"c{number}",
            "title": "boats",
            "turns": [
                {"role": "fan", "text": f"Good evening. What have you painted on day {number}?"},
                {"role": "persona", "text": f"heyyy you, boat number {number} is so blue 🖤"},
                {"role": "fan", "text": f"Do you own a pet, and does it have {number} legs?"},
                {
                    "role": "persona",
                    "text": f"hmm just {number} snails and a gull, babe 🖤",
                    "slip": {"rule": "animals", "text": "my wombat, babe 🖤"},
                },
            ],
        }
        for number in range(40)
    ]
    (folder / "nora.json").write_text(json.dumps({"conversations": conversations}), encoding="utf-8")
    return folder
