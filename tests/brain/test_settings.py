"""Settings: arguments over environment over file over defaults."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import pytest
from pydantic import ValidationError

from brain.settings import PersonaSettings, default_training_data


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_defaults_need_nothing() -> None:
    settings = PersonaSettings()
    assert (settings.host, settings.persona_port, settings.demos) == ("127.0.0.1", 8081, 4)


def test_environment_beats_the_file_and_arguments_beat_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "chaperone.toml").write_text("demos = 2\nmax_tokens = 50\npersona_port = 1\n", encoding="utf-8")
    monkeypatch.setenv("CHAPERONE_DEMOS", "3")
    monkeypatch.setenv("CHAPERONE_PERSONA_PORT", "2")
    settings = PersonaSettings(persona_port=5)
    assert (settings.max_tokens, settings.demos, settings.persona_port) == (50, 3, 5)


def test_keys_of_other_services_in_the_file_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "chaperone.toml").write_text('upstream = "x"\nport = 8080\n[audit]\nurl = "y"\n', encoding="utf-8")
    assert PersonaSettings().persona_port == 8081


def test_secrets_come_from_the_environment_and_not_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOGETHER_API_KEY", raising=False)
    secrets = ("lm_api_key", "together_api_key", "webhook_key")
    (tmp_path / "chaperone.toml").write_text("".join(f'{name} = "f"\n' for name in secrets), encoding="utf-8")
    assert [getattr(PersonaSettings(), name) for name in secrets] == [None, None, None]
    monkeypatch.setenv("CHAPERONE_LM_API_KEY", "a")
    monkeypatch.setenv("TOGETHER_API_KEY", "b")
    settings = PersonaSettings()
    assert settings.lm_api_key is not None
    assert settings.together_api_key is not None
    assert (settings.lm_api_key.get_secret_value(), settings.together_api_key.get_secret_value()) == ("a", "b")


def test_no_repr_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "canary")
    assert "canary" not in repr(PersonaSettings())


def test_an_empty_variable_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", "")
    monkeypatch.setenv("CHAPERONE_DEMOS", "")
    settings = PersonaSettings()
    assert (settings.together_api_key, settings.demos) == (None, 4)


@pytest.mark.parametrize(
    ("name", "value"),
    [("CHAPERONE_OFFLINE_SLIP_RATE", "2"), ("CHAPERONE_PERSONA_PORT", "x"), ("CHAPERONE_PERSONA_TIMEZONE", "Mars/X")],
)
def test_a_value_that_cannot_be_used_names_its_setting(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=name.removeprefix("CHAPERONE_").lower()):
        PersonaSettings()


def test_the_time_zone_is_utc_unless_another_is_named() -> None:
    assert PersonaSettings().timezone is UTC
    assert str(PersonaSettings(persona_timezone="Europe/Berlin").timezone) == "Europe/Berlin"


def test_training_data_beside_the_caller_come_first(tmp_path: Path) -> None:
    assert default_training_data().is_absolute()
    (tmp_path / "training_data").mkdir()
    assert default_training_data() == Path("training_data")
