"""`chaperone persona`: the service alone."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from proxy.__main__ import main
from proxy.commands.persona import READY, embedded


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(main, ["persona", "--port", port])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: the persona service cannot start")
    assert len(result.stderr.strip().splitlines()) == 1


def test_it_ends_when_the_standard_input_of_its_parent_closes(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "proxy", "persona", "--port", "0", "--while-stdin-open"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline().startswith(READY)
        process.stdin.close()
        process.wait(30)


def test_the_examples_are_chosen_with_the_classifier_of_the_guards() -> None:
    animals, pets, number = embedded(["do you have any animals at home?", "any pets?", "what's your phone number"])
    assert animals @ pets > animals @ number
