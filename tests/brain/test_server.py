"""Any application on a port: it says when it answers, and lets open replies finish when it is told to stop."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import httpx
import pytest

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
