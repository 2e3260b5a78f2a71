"""The console script: every command is there, and what is wrong is said in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from proxy.__main__ import COMMANDS, main


def test_every_command_loads_and_explains_itself() -> None:
    for name in COMMANDS:
        shown = CliRunner().invoke(main, [name, "--help"])
        assert shown.exit_code == 0
        command = main.get_command(click.Context(main), name)
        assert command is not None
        assert (command.help or "").split(".")[0].split()[0] in shown.output


def test_the_overview_lists_every_command() -> None:
    shown = CliRunner().invoke(main, ["--help"])
    assert all(f"  {name} " in shown.output for name in COMMANDS)


def test_an_unknown_command_is_an_error_of_use() -> None:
    assert CliRunner().invoke(main, ["fly"]).exit_code == 2


def test_reading_the_log_pays_for_no_language_library() -> None:
    code = "import sys, proxy.__main__ as m; m.main(['audit', 'list', '--data', sys.argv[1]], standalone_mode=False)"
    code += "; print([name for name in ('spacy', 'dspy', 'torch', 'aiohttp') if name in sys.modules])"
    command = [sys.executable, "-c", code, "nowhere"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("command", ["proxy", "up", "persona", "audit list", "check --text x"])
@pytest.mark.parametrize("content", ["port = = 1\n", 'port = "harbour"\npersona_port = "pier"\n'])
def test_settings_that_cannot_be_used_are_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, content: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chaperone.toml").write_text(content)
    result = CliRunner().invoke(main, command.split())
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code != 0
    assert result.stderr.startswith("Error: ")
    assert "port" in result.stderr or "chaperone.toml" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    if command.startswith("check"):
        assert result.exit_code == 2
