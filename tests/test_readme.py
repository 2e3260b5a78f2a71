"""What the README says is so: its settings, its commands, its example of a rule."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from pydantic_settings import BaseSettings

from brain.settings import PersonaSettings
from proxy.__main__ import COMMANDS, main
from proxy.commands.flags import flag_of, is_secret
from proxy.rule_files import load
from proxy.settings import ProxySettings, TelegramSettings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("settings", [ProxySettings, PersonaSettings, TelegramSettings])
def test_every_setting_stands_in_the_table_with_its_default(settings: type[BaseSettings]) -> None:
    for name, field in settings.model_fields.items():
        if is_secret(field):
            alias = field.validation_alias
            variable = name.upper() if alias else f"CHAPERONE_{name.upper()}"
            assert f"`{variable}`" in README
            continue
        row = next((line for line in README.splitlines() if line.startswith(f"| `{flag_of(name)}` |")), "")
        assert f"`CHAPERONE_{name.upper()}`" in row, name
        default = "" if field.default_factory else str(field.default)
        assert not default or f"`{default}`" in row, f"{name}: {default}"


def test_the_table_names_no_setting_that_is_not_there() -> None:
    flags = {
        flag_of(name)
        for settings in (ProxySettings, PersonaSettings, TelegramSettings)
        for name in settings.model_fields
    }
    named = set(re.findall(r"^\| `(--[a-z-]+)` \|", README, flags=re.MULTILINE))
    secret = {"upstream_key", "operator_key", "lm_api_key", "tg_bot_token", "webhook_key"}
    assert named == flags - set(map(flag_of, secret)) - {
        flag_of(name) for name in PersonaSettings.model_fields if name.endswith("_api_key")
    }


def test_every_command_is_named_and_every_named_command_is_there() -> None:
    table = README.partition("## Commands")[2].partition("## Settings")[0]
    named = re.findall(r"`chaperone (\w+)", table)
    assert set(named) == set(COMMANDS)
    context = click.Context(main)
    assert all(main.get_command(context, name) is not None for name in named)


def test_the_example_of_a_rule_is_a_rule_that_passes_its_own_gate(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL)
    (tmp_path / "example.yaml").write_text(blocks[0], encoding="utf-8")
    (tmp_path / "policy.yaml").write_text((ROOT / "rules" / "policy.yaml").read_text(encoding="utf-8"))
    guard = load(tmp_path)
    assert guard.check("the v e l v e t r00m called", "input").rules == ("competitor",)
    assert not guard.check("Studio Nine is lovely", "input").rules


def test_the_files_it_links_to_are_there() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
