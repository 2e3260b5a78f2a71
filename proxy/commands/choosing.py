"""Which persona a command is about, and which language model speaks for it.

It stands apart because measuring and teaching must choose alike.
"""

from __future__ import annotations

import click

from brain.lms.choice import ChosenLM, choose_model
from brain.persona_files import PersonaData, read_personas
from brain.settings import PersonaSettings
from proxy.commands.terminal import plain


def named_persona(settings: PersonaSettings, name: str | None) -> PersonaData:
    """The persona of that name, or who answers to the model name `persona` where there is none. Raises PolicyError for
    persona files that cannot be used and click.ClickException."""
    found = {each.card.model_id: each for each in read_personas(settings.training_data)}
    wanted = (name or settings.default_persona).lower()
    if wanted in found:
        return found[wanted]
    if name is None and "default_persona" not in settings.model_fields_set:
        return next(iter(found.values()))
    raise click.ClickException(f"there is no persona {plain(wanted)}; use {', '.join(found)}")


def model_of(settings: PersonaSettings, persona: PersonaData) -> ChosenLM | None:
    """The language model of its file, else that of the settings; None for the offline engine. Raises UnknownModel."""
    return choose_model(settings.model_copy(update={"lm": persona.card.lm or settings.lm}))
