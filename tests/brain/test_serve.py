"""On a port: says when it listens and where, stops cleanly."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from brain.serve import serve
from brain.settings import PersonaSettings


def settings(training_data: Path, port: int = 0, host: str = "127.0.0.1") -> PersonaSettings:
    return PersonaSettings(training_data=training_data, persona_port=port, lm="offline", host=host)


def test_port_0_is_a_free_port_and_the_caller_learns_it_when_requests_are_accepted(training_data: Path) -> None:
    async def scenario() -> None:
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(serve(settings(training_data), ready=ready.set_result))
        url = await ready
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{url}/models")).status_code == 200
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(f"{url}/models")

    asyncio.run(scenario())


def test_a_taken_port_is_an_os_error(training_data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            asyncio.run(serve(settings(training_data, port)))


def test_run_ends_on_a_signal_without_a_traceback(training_data: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom brain.serve import run\n"
        "from brain.settings import PersonaSettings\n"
        "made = PersonaSettings(training_data=Path(sys.argv[1]), persona_port=0, lm='offline')\n"
        "run(made, ready=lambda url: print(url, flush=True))\n"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", program, str(training_data)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
