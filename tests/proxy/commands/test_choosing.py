"""Which persona a command is about, and what speaks for it."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from brain.settings import PersonaSettings
from proxy.commands.choosing import model_of, named_persona


def test_a_persona_is_named_or_the_default_or_the_first(nora: Path) -> None:
    settings = PersonaSettings(training_data=nora, lm="offline")
    assert named_persona(settings, "NORA").card.name == named_persona(settings, None).card.name == "Nora"
    with pytest.raises(click.ClickException, match="no persona mila; use nora"):
        named_persona(settings.model_copy(update={"default_persona": "x"}), "mila")
    with pytest.raises(click.ClickException, match="no persona zoe; use nora"):
        named_persona(PersonaSettings(training_data=nora, default_persona="zoe"), None)


def test_the_model_of_a_persona_s_file_is_asked_before_that_of_the_settings(nora: Path) -> None:
    settings = PersonaSettings(training_data=nora, lm="offline", lm_base_url="http://127.0.0.1:9/v1")
    assert model_of(settings, named_persona(settings, None)) is None
    with (nora / "personas" / "nora.yaml").open("a") as file:
        file.write("lm: mine\n")
    chosen = model_of(settings, named_persona(settings, None))
    assert chosen
    assert chosen.label == "mine"
