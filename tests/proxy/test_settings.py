"""Where settings come from, and which source is the stronger one."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from proxy.settings import ProxySettings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder without a chaperone.toml."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_flag_is_stronger_than_the_environment_and_that_than_the_file(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / "chaperone.toml").write_text('port = 1111\nhost = "10.0.0.1"\nmax_turns = 7\n')
    monkeypatch.setenv("CHAPERONE_PORT", "2222")
    monkeypatch.setenv("CHAPERONE_HOST", "10.0.0.2")
    settings = ProxySettings(port=3333)
    assert (settings.port, settings.host, settings.max_turns) == (3333, "10.0.0.2", 7)


def test_a_variable_that_is_set_to_nothing_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAPERONE_PORT", "")
    assert ProxySettings().port == ProxySettings.model_fields["port"].default


def test_keys_of_other_services_in_the_file_are_left_alone(elsewhere: Path) -> None:
    (elsewhere / "chaperone.toml").write_text('persona_timezone = "Europe/Berlin"\nmax_turns = 3\n')
    assert ProxySettings().max_turns == 3


def test_the_upstream_key_comes_from_the_environment_and_never_from_the_file(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / "chaperone.toml").write_text('upstream_key = "from-the-file"\n')
    assert ProxySettings().upstream_key is None
    monkeypatch.setenv("CHAPERONE_UPSTREAM_KEY", "from-the-environment")
    key = ProxySettings().upstream_key
    assert key is not None
    assert key.get_secret_value() == "from-the-environment"


def test_the_upstream_key_is_not_shown_by_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAPERONE_UPSTREAM_KEY", "sesame-open")
    assert "sesame" not in repr(ProxySettings())


def test_a_rules_folder_in_the_working_folder_goes_before_the_shipped_one(elsewhere: Path) -> None:
    assert ProxySettings().rules.is_dir()
    (elsewhere / "rules").mkdir()
    assert ProxySettings().rules.resolve() == elsewhere / "rules"


@pytest.mark.parametrize("workers", [0, -1, 65, "many"])
def test_a_number_of_workers_that_cannot_be_is_refused(workers: object) -> None:
    with pytest.raises(ValidationError, match="workers"):
        ProxySettings(workers=workers)
