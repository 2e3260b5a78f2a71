"""`chaperone proxy`: what it says when it cannot start, and that a signal ends it with everything written."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from click.testing import CliRunner, Result

from proxy.__main__ import main
from proxy.audit import read_records


def proxy(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["proxy", *map(str, arguments)])


def test_a_port_that_is_taken_is_said_in_one_clear_line(make_rules: Callable[..., Path], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = proxy("--port", port, "--rules", make_rules(), "--data", tmp_path / "data")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert str(port) in line
    assert "--port" in line


def test_rules_that_are_refused_are_shown_with_file_and_line(make_rules: Callable[..., Path], tmp_path: Path) -> None:
    folder = make_rules()
    (folder / "animals.yaml").write_text("id: animals\noddity: 1\n")
    result = proxy("--port", 0, "--rules", folder, "--data", tmp_path / "data")
    assert result.exit_code == 1
    assert "animals.yaml:2: " in result.stderr
    assert isinstance(result.exception, SystemExit)


def test_a_store_that_cannot_be_opened_is_said_in_one_line(make_rules: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    result = proxy("--port", 0, "--rules", make_rules(), "--data", tmp_path / "data")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1


def test_a_signal_ends_it_at_once_and_what_was_blocked_is_in_the_log(
    start: Any, upstream: Any, make_rules: Callable[..., Path]
) -> None:
    running = start("proxy", "--upstream", upstream.url, rules=make_rules(on_input="deflect"))
    body = {"messages": [{"role": "user", "content": "a wombat"}]}
    turn = httpx.post(f"{running.url}/v1/chat/completions", json=body).headers["x-chaperone-turn"]
    running.stop()
    assert running.process.returncode in (0, -15)
    assert [record.turn for record in read_records(running.data)] == [turn]
    assert "Traceback" not in running.log.read_text()
