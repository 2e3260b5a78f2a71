"""Flags are made from settings, and what is wrong with them is said in one line."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from brain.settings import PersonaSettings
from proxy.__main__ import main
from proxy.commands.flags import flag_of, flags, is_secret, proxy_settings, read
from proxy.settings import ProxySettings


@pytest.mark.parametrize("settings", [ProxySettings, PersonaSettings])
def test_every_setting_but_a_secret_has_a_flag(settings: type[ProxySettings]) -> None:
    @click.command()
    @flags(settings)
    def command(**_: object) -> None:
        """Does nothing."""

    offered = {option for parameter in command.params for option in parameter.opts}
    for name, field in settings.model_fields.items():
        assert (flag_of(name) in offered) is not is_secret(field), name


def test_a_flag_is_stronger_than_the_environment_and_that_than_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chaperone.toml").write_text("port = 1111\nmax_turns = 7\nretention_days = 3\n")
    monkeypatch.setenv("CHAPERONE_PORT", "2222")
    monkeypatch.setenv("CHAPERONE_MAX_TURNS", "8")
    settings = proxy_settings(port="3333", host=None)
    assert (settings.port, settings.max_turns, settings.retention_days) == (3333, 8, 3)
    assert settings.host == "127.0.0.1"


def test_secrets_are_not_read_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chaperone.toml").write_text('upstream_key = "in-a-file"\n')
    assert proxy_settings().upstream_key is None


def test_wrong_values_are_named_by_setting_and_never_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAPERONE_MAX_TURNS", "many-secret")
    with pytest.raises(click.ClickException) as caught:
        read(ProxySettings, {"port": "x"})
    assert "port: " in caught.value.message
    assert "max_turns: " in caught.value.message
    assert "many-secret" not in caught.value.message


def test_a_broken_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chaperone.toml").write_text("port = \n")
    result = CliRunner().invoke(main, ["check", "--text", "hello"])
    assert result.exit_code != 0
    assert "chaperone.toml" in result.output
    assert "Traceback" not in result.output
