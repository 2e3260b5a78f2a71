"""Any application on a port: it says when it answers, and lets open replies finish when it is told to stop."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from brain.server import address, listen, reserve, serve_app, share


async def slow(scope: Any, receive: Any, send: Any) -> None:
    """An application whose every reply takes a moment."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0.3)
        await send({"type": "http.response.body", "body": b"whole"})


@pytest.mark.parametrize(("host", "start"), [("127.0.0.1", "http://127.0.0.1:"), ("::1", "http://[::1]:")])
def test_the_address_names_the_port_that_was_chosen(host: str, start: str) -> None:
    with listen(host, 0) as listener:
        assert address(listener).startswith(start)
        assert int(address(listener).rpartition(":")[2]) == listener.getsockname()[1] > 0


def test_an_open_reply_is_finished_before_the_server_ends() -> None:
    async def scenario() -> str:
        listener = listen("127.0.0.1", 0)
        url, ready = address(listener), asyncio.Event()
        serving = asyncio.create_task(serve_app(slow, listener, ready.set))
        await ready.wait()
        async with httpx.AsyncClient() as client, client.stream("GET", url) as reply:
            serving.cancel()
            text = (await reply.aread()).decode()
            with pytest.raises(asyncio.CancelledError):
                await serving
        return text

    assert asyncio.run(scenario()) == "whole"


def test_a_reserved_port_is_shared_by_those_who_say_so_and_taken_for_everybody_else() -> None:
    with reserve("127.0.0.1", 0) as place:
        port = place.getsockname()[1]
        for take in (reserve, listen):
            with pytest.raises(OSError, match="in use"):
                take("127.0.0.1", port)
        with share("127.0.0.1", port) as one, share("127.0.0.1", port) as two:
            for listener in (one, two):
                listener.listen()
            for take in (reserve, listen):
                with pytest.raises(OSError, match="in use"):
                    take("127.0.0.1", port)
            one.close()
            for _ in range(8):
                socket.create_connection(("127.0.0.1", port)).close()
                two.settimeout(5)
                two.accept()[0].close()


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """An application that says back what it hears."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": event["text"]})


def test_a_websocket_is_served_on_the_same_port() -> None:
    async def scenario() -> str | bytes:
        listener = listen("127.0.0.1", 0)
        url, ready = address(listener), asyncio.Event()
        serving = asyncio.create_task(serve_app(echo, listener, ready.set))
        await ready.wait()
        async with connect(url.replace("http", "ws", 1), proxy=None) as client:
            await client.send("hey")
            heard = await client.recv()
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
        return heard

    assert asyncio.run(scenario()) == "hey"


HTTP_ALONE = """
import asyncio, json, sys, urllib.request
from brain.server import address, listen, serve_app

async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})

async def main():
    listener, ready = listen("127.0.0.1", 0), asyncio.Event()
    url = address(listener)
    serving = asyncio.create_task(serve_app(app, listener, ready.set))
    await ready.wait()
    said = await asyncio.to_thread(lambda: urllib.request.urlopen(url).read().decode())
    print(json.dumps([said, any(name.startswith("websockets") for name in sys.modules)]))
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)

asyncio.run(main())
"""


def test_who_serves_plain_http_alone_does_not_load_the_library_of_websockets() -> None:
    ran = subprocess.run([sys.executable, "-c", HTTP_ALONE], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(ran.stdout) == ["hello", False]
