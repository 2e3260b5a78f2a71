"""Several workers on one port: started, watched, started again and ended together."""

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
from click.testing import CliRunner, Result

from proxy.__main__ import main

Eventually = Callable[[Callable[[], Any]], None]


def proxy(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["proxy", "--workers", "2", *map(str, arguments)])


def workers(parent: int) -> list[int]:
    """The processes of `parent` that serve: they alone have a session of their own."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(child) for child in children if session(int(child)) == int(child)]


def session(pid: int) -> int | None:
    """The session of a process; None when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return None
    return int(fields[3]) if fields[0] != "Z" else None


def answers(url: str) -> bool:
    """Whether a new connection is served."""
    return httpx.get(f"{url}/readyz", timeout=30).json()["status"] == "ready"


@pytest.mark.parametrize("count", ["0", "-1", "65", "two"])
def test_a_number_that_cannot_be_is_refused_in_one_line(count: str) -> None:
    result = CliRunner().invoke(main, ["proxy", "--workers", count])
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert "workers: " in line


def test_a_port_that_is_taken_is_said_in_one_clear_line(make_rules: Callable[..., Path], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = proxy("--port", port, "--rules", make_rules(), "--data", tmp_path / "data")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert str(port) in line
    assert "--port" in line


def test_data_that_cannot_be_written_is_said_in_one_line(make_rules: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    result = proxy("--port", 0, "--rules", make_rules(), "--data", tmp_path / "data")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1


def test_refused_rules_are_said_once_and_everything_ends(make_rules: Callable[..., Path], tmp_path: Path) -> None:
    rules = make_rules()
    (rules / "animals.yaml").write_text("id: animals\noddity: 1\n")
    command = [sys.executable, "-P", "-m", "proxy", "proxy", "--workers", "2", "--port", "0", "--rules", str(rules)]
    command += ["--data", str(tmp_path / "data")]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ended.returncode == 1
    assert ended.stderr.count("animals.yaml:2: ") == 1
    assert "Traceback" not in ended.stderr


def test_a_worker_that_dies_is_started_again_and_the_port_never_stops_answering(
    start: Any, make_rules: Callable[..., Path], eventually: Eventually
) -> None:
    running = start("proxy", "--workers", "2", rules=make_rules())
    first = workers(running.process.pid)
    assert len(first) == 2
    os.kill(first[0], signal.SIGKILL)
    eventually(lambda: "worker 1 has ended (signal 9)" in running.log.read_text())
    assert all(answers(running.url) for _ in range(10))
    eventually(lambda: len(workers(running.process.pid)) == 2)
    (new,) = set(workers(running.process.pid)) - set(first)
    os.kill(first[1], signal.SIGKILL)  # what answers from here on was started again
    eventually(lambda: "worker 2 has ended (signal 9)" in running.log.read_text())
    eventually(lambda: session(new) and connects(running.url))
    assert answers(running.url)
    assert running.process.poll() is None


def connects(url: str) -> bool:
    """Whether anybody listens."""
    host, port = url.removeprefix("http://").split(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_worker_that_cannot_start_again_is_waited_for_while_another_answers(
    start: Any, make_rules: Callable[..., Path], eventually: Eventually
) -> None:
    rules = make_rules()
    running = start("proxy", "--workers", "2", rules=rules)
    good = (rules / "animals.yaml").read_text()
    (rules / "animals.yaml").write_text("id: animals\noddity: 1\n")
    first = workers(running.process.pid)
    os.kill(first[0], signal.SIGKILL)
    eventually(lambda: "starting it again in 1 s" in running.log.read_text())
    assert "animals.yaml:2: " in running.log.read_text()
    assert httpx.get(f"{running.url}/healthz", timeout=30).json()["status"] == "ok"
    (rules / "animals.yaml").write_text(good)
    eventually(lambda: len(workers(running.process.pid)) == 2)


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_and_nothing_is_left(start: Any, make_rules: Callable[..., Path], sign: int) -> None:
    running = start("proxy", "--workers", "2", rules=make_rules())
    both = workers(running.process.pid)
    running.process.send_signal(sign)
    assert running.process.wait(30) == 0
    assert [session(pid) for pid in both] == [None, None]
    assert "Traceback" not in running.log.read_text()
    assert [path.name for path in running.data.iterdir() if path.is_dir()] == []


def test_the_workers_end_when_the_one_who_watches_them_is_killed(
    start: Any, make_rules: Callable[..., Path], eventually: Eventually
) -> None:
    running = start("proxy", "--workers", "2", rules=make_rules())
    both = workers(running.process.pid)
    running.kill()
    eventually(lambda: [session(pid) for pid in both] == [None, None])
