"""What the journeys and the proxy's tests stand on: a scripted upstream and a real proxy, both on real sockets."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
CHAPERONE = [sys.executable, "-P", "-m", "proxy"]

RULE = """
id: {id}
title: {id}
stages:
  input: {{action: {input}}}
  output: {{action: {output}}}
find:
  - terms: [{terms}]
feedback: Answer again without that word.
deflections: ["let's talk about you instead"]
examples:
  - block: the word {first} here
  - allow: an ordinary sentence
"""
POLICY = """
streaming: {streaming}
regeneration: {{attempts: 2, deadline: {deadline}}}
deflections: ["tell me about your day"]
"""


@dataclass
class Says:
    """An assistant's answer; streamed as one chunk per piece of `cuts` (whole when it has none)."""

    text: str = ""
    cuts: Sequence[str] = ()
    message: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    choices: Sequence[str] = ()
    gap: float = 0.0


@dataclass
class Raw:
    """An answer byte for byte: `pieces` are written one after the other; then the connection hangs or closes."""

    pieces: Sequence[bytes]
    status: int = 200
    kind: str = "application/json"
    hang: bool = False
    headers: Sequence[tuple[str, str]] = ()


class ScriptedUpstream:
    """An OpenAI-compatible upstream that says what `replies` say, in order; the last one again and again.

    `asked` are the bodies it was sent, `headers` the headers, `paths` where to; `left` counts clients that went before
    the end.
    """

    def __init__(self) -> None:
        self.replies: list[Says | Raw] = [Says("hello there")]
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.left = threading.Semaphore(0)
        self.paths: list[str] = []
        self.fetched: list[dict[str, str]] = []  # headers of GETs
        self.fetched_paths: list[str] = []
        self.fetching: Raw | None = None  # how a GET is answered instead of with the models
        self.shapes: dict[str, Callable[[Says, bool], Raw]] = {}  # how Says is said on other paths than chat's
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self.url = ""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            method, path, _ = head[0].split(" ")
            await self._answer(method, path, headers, body, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.left.release()
        except asyncio.CancelledError:
            pass  # the test is over
        finally:
            writer.close()

    async def _answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes, reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:  # fmt: skip
        if method == "GET":
            self.fetched.append(headers)
            self.fetched_paths.append(path)
            if self.fetching:
                return await self._write(reader, writer, self.fetching)
            models = {"object": "list", "data": [{"id": "scripted", "object": "model", "created": 0, "owned_by": "t"}]}
            return await self._write(reader, writer, Raw([json.dumps(models).encode()]))
        self.headers.append(headers)
        self.paths.append(path)
        self.asked.append(json.loads(body))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Says):
            shape = self.shapes.get(path, self._as_raw)
            reply, gap = shape(reply, bool(self.asked[-1].get("stream"))), reply.gap
            return await self._write(reader, writer, reply, gap)
        return await self._write(reader, writer, reply)

    async def _write(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, raw: Raw, gap: float = 0.0
    ) -> None:
        lines = [f"HTTP/1.1 {raw.status} X", f"content-type: {raw.kind}", "connection: close"]
        lines += [f"{name}: {value}" for name, value in raw.headers]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        for piece in raw.pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(gap)
            if writer.is_closing():
                raise ConnectionResetError
        if raw.hang:
            await reader.read(1)
            raise ConnectionResetError

    def _as_raw(self, says: Says, streamed: bool) -> Raw:
        texts = list(says.choices) or [says.text]
        if not streamed:
            choices = [
                {"index": i, "message": {"role": "assistant", "content": text, **says.message},
                 "logprobs": None, "finish_reason": "stop"}
                for i, text in enumerate(texts)
            ]  # fmt: skip
            whole = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "scripted",
                     "choices": choices, "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
                     **says.extra}  # fmt: skip
            return Raw([json.dumps(whole).encode()])
        base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "scripted", **says.extra}
        deltas: list[tuple[int, dict[str, Any], str | None]] = [(0, {"role": "assistant", "content": ""}, None)]
        for index, text in enumerate(texts):
            deltas += [(index, {"content": cut}, None) for cut in (says.cuts or [text])]
        if says.message:
            deltas.append((0, says.message, None))
        deltas += [(index, {}, "stop") for index in range(len(texts))]
        events = [
            {**base, "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}
            for index, delta, finish in deltas
        ]
        pieces = [b"data: " + json.dumps(each).encode() + b"\n\n" for each in events]
        return Raw([*pieces, b"data: [DONE]\n\n"], kind="text/event-stream")


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    server = ScriptedUpstream()
    yield server
    server.close()


def write_rules(
    folder: Path,
    *,
    terms: str = "wombat",
    on_input: str = "steer",
    on_output: str = "regenerate",
    streaming: str = "sentence",
    deadline: float = 30.0,
) -> Path:
    """A rules folder with one rule, `animals`, over `terms`."""
    folder.mkdir(exist_ok=True)
    rule = RULE.format(id="animals", input=on_input, output=on_output, terms=terms, first=terms.partition(",")[0])
    (folder / "animals.yaml").write_text(rule, encoding="utf-8")
    (folder / "policy.yaml").write_text(POLICY.format(streaming=streaming, deadline=deadline), encoding="utf-8")
    return folder


@dataclass
class Running:
    """A chaperone in a process of its own."""

    url: str
    data: Path
    rules: Path
    process: subprocess.Popen[str]
    log: Path

    def kill(self) -> None:
        """As a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


Start = Callable[..., Running]


@contextmanager
def _starting(folder: Path) -> Iterator[Start]:
    running: list[Running] = []

    def begin(*arguments: str, rules: Path = ROOT / "rules", data: Path = folder / "data", **env: str) -> Running:
        log = folder / f"log-{len(running)}.txt"
        command = [*CHAPERONE, *arguments, "--port", "0", "--data", str(data), "--rules", str(rules)]
        with log.open("w") as errors:
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=folder, env={**os.environ, **env}
            )
        one = Running(_base_url(process, log), data, rules, process, log)
        running.append(one)
        return one

    try:
        yield begin
    finally:
        for one in running:
            if one.process.poll() is None:
                one.stop()
            if one.process.stdout:
                one.process.stdout.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """start("proxy", "--upstream", url, rules=folder) runs a command until the test ends."""
    with _starting(tmp_path) as begin:
        yield begin


@pytest.fixture(scope="session")
def start_in() -> Callable[[Path], AbstractContextManager[Start]]:
    """start_in(folder) as start, for fixtures that outlive one test."""
    return _starting


def _base_url(process: subprocess.Popen[str], log: Path) -> str:
    """The proxy's address as it prints it."""
    for line in process.stdout or ():
        at = line.find("http://")
        if at >= 0 and ("base URL" in line):
            return line[at:].split()[0].rstrip(",").removesuffix("/v1")
    raise AssertionError(f"chaperone did not start:\n{log.read_text()}")


@pytest.fixture
def make_rules(tmp_path: Path) -> Callable[..., Path]:
    """make_rules(streaming="strict") writes a rules folder with one rule over the word wombat."""
    return lambda **options: write_rules(tmp_path / "rules", **options)


@pytest.fixture
def says() -> type[Says]:
    return Says


@pytest.fixture
def raw() -> type[Raw]:
    return Raw
