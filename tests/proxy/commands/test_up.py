"""`chaperone up`: two services that start together and end together, however they end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

CHAPERONE = [sys.executable, "-P", "-m", "proxy"]
Eventually = Callable[[Callable[[], Any]], None]


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_both_start_and_answer_and_both_end_on_a_signal(
    start: Any, make_rules: Callable[..., Path], eventually: Eventually
) -> None:
    running = start("up", "--persona-port", "0", rules=make_rules())
    (child,) = children(running.process.pid)
    body = {"model": "persona", "messages": [{"role": "user", "content": "hello you"}]}
    reply = httpx.post(f"{running.url}/v1/chat/completions", json=body, timeout=30)
    assert reply.json()["choices"][0]["message"]["content"]
    running.stop()
    eventually(lambda: not alive(child))
    assert "Traceback" not in running.log.read_text()


def test_the_operators_address_is_printed_with_a_key_that_opens_the_console(
    start: Any, make_rules: Callable[..., Path]
) -> None:
    running = start("up", "--persona-port", "0", rules=make_rules())
    line = next(line for line in running.process.stdout if "#operator=" in line)
    address, _, key = line.strip().partition("#operator=")
    assert address == f"{running.url}/chat"
    asked = f"{running.url}/console/conversations/none"
    assert httpx.get(asked, headers={"authorization": f"Bearer {key}"}).status_code == 404
    assert httpx.get(asked, headers={"authorization": f"Bearer {key}x"}).status_code == 403


def test_an_operator_key_that_is_set_is_the_one_that_counts(start: Any, make_rules: Callable[..., Path]) -> None:
    running = start("up", "--persona-port", "0", rules=make_rules(), CHAPERONE_OPERATOR_KEY="mine")
    assert next(line for line in running.process.stdout if "#operator=" in line).strip().endswith("#operator=mine")


def test_the_child_ends_when_the_parent_is_killed(
    start: Any, make_rules: Callable[..., Path], eventually: Eventually
) -> None:
    running = start("up", "--persona-port", "0", rules=make_rules())
    (child,) = children(running.process.pid)
    running.kill()
    eventually(lambda: not alive(child))


def test_the_parent_ends_and_says_so_when_the_child_is_killed(start: Any, make_rules: Callable[..., Path]) -> None:
    running = start("up", "--persona-port", "0", rules=make_rules())
    (child,) = children(running.process.pid)
    os.kill(child, signal.SIGKILL)
    running.process.wait(30)
    assert "persona service has ended" in running.log.read_text()


@pytest.mark.parametrize("flag", ["--port", "--persona-port"])
def test_a_port_that_is_taken_is_said_in_one_clear_line(
    make_rules: Callable[..., Path], tmp_path: Path, flag: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        other = "--persona-port" if flag == "--port" else "--port"
        command = [
            *CHAPERONE,
            "up",
            flag,
            port,
            other,
            "0",
            "--rules",
            str(make_rules()),
            "--data",
            str(tmp_path / "d"),
        ]
        ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert any(port in line for line in ended.stderr.splitlines() if line.startswith("Error: "))
