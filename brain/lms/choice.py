"""From settings to an engine: which language model speaks, where, with which key.

It stands apart as the one table of providers; an SDK is imported only here and only when its provider is chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from brain.lms.offline import OfflineEngine
from brain.lms.openai_compatible import OpenAICompatibleEngine
from brain.settings import PersonaSettings
from brain.voice import Voice
from guards.errors import ChaperoneError

DEFAULT_TOGETHER_MODEL = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
OFFLINE = "offline"

BASE_URLS = {
    "cerebras": "https://api.cerebras.ai/v1",
    "groq": "https://api.groq.com/openai/v1",
    "ollama": "http://127.0.0.1:11434/v1",
    "ollama_chat": "http://127.0.0.1:11434/v1",
    "openai": "https://api.openai.com/v1",
}
# Servers on one's own machine ask for no key, but the wire wants the header.
NO_KEY = "none"


class UnknownModel(ChaperoneError):
    """`CHAPERONE_LM` names nothing that can be asked; the message says what to set."""


@dataclass(frozen=True, slots=True)
class ChosenLM:
    """An engine and the label to show for it, `provider/model`."""

    label: str
    engine: Any


def choose(settings: PersonaSettings, voice: Voice) -> ChosenLM:
    """The engine that the settings ask for. Opens no connection. Raises UnknownModel."""
    return choose_model(settings) or ChosenLM(
        OFFLINE, OfflineEngine(voice, slip_rate=settings.offline_slip_rate, delay=settings.offline_delay)
    )


def choose_fallback(settings: PersonaSettings, voice: Voice) -> ChosenLM | None:
    """The engine that is asked where the first one fails; None where the settings name none. Raises UnknownModel."""
    if not settings.fallback_lm:
        return None
    own = {
        "lm": settings.fallback_lm,
        "lm_base_url": settings.fallback_lm_base_url,
        "lm_api_key": settings.fallback_lm_api_key,
    }
    try:
        return choose(settings.model_copy(update=own), voice)
    except UnknownModel as error:
        raise UnknownModel(str(error).replace("CHAPERONE_LM", "CHAPERONE_FALLBACK_LM")) from None


def choose_model(settings: PersonaSettings) -> ChosenLM | None:
    """The language model that the settings ask for; None where they ask for the offline engine, which can speak for
    the persona and do nothing else. Opens no connection. Raises UnknownModel."""
    name = settings.lm or _default(settings)
    if name == OFFLINE:
        return None
    provider, _, model = name.partition("/")
    if provider == "together" and not settings.lm_base_url:
        return ChosenLM(name, _together(model, settings))
    return ChosenLM(name, _compatible(name, settings))


def _default(settings: PersonaSettings) -> str:
    if settings.lm_base_url:
        raise UnknownModel("CHAPERONE_LM_BASE_URL is set: name the model to ask there with CHAPERONE_LM")
    return f"together/{DEFAULT_TOGETHER_MODEL}" if settings.together_api_key else OFFLINE


def _together(model: str, settings: PersonaSettings) -> Any:
    # Imported here for start-up time: the SDK takes 0.3 s, and most set-ups never use it.
    from brain.lms.together import TogetherEngine  # noqa: PLC0415

    key = _needed(settings.together_api_key or settings.lm_api_key, "together", "TOGETHER_API_KEY")
    return TogetherEngine(model=model or DEFAULT_TOGETHER_MODEL, api_key=key, timeout=settings.lm_timeout)


def _compatible(name: str, settings: PersonaSettings) -> OpenAICompatibleEngine:
    provider, _, model = name.partition("/")
    known = provider in BASE_URLS or provider == "together"
    if not settings.lm_base_url and (not known or not model):
        examples = ", ".join(f"{each}/<model>" for each in sorted([*BASE_URLS, "together"]))
        raise UnknownModel(
            f"CHAPERONE_LM={name} names no known provider and model: use {OFFLINE}, {examples}, "
            "or set CHAPERONE_LM_BASE_URL (and CHAPERONE_LM_API_KEY) for any OpenAI-compatible server"
        )
    return OpenAICompatibleEngine(
        provider=provider if known else "custom",
        # At a base URL of one's own, an unknown prefix is part of the model's name (`mistralai/…`).
        model=model if known and model else name,
        base_url=settings.lm_base_url or BASE_URLS[provider],
        api_key=_api_key(provider, settings),
        timeout=settings.lm_timeout,
    )


def _api_key(provider: str, settings: PersonaSettings) -> str:
    if settings.lm_api_key:
        return settings.lm_api_key.get_secret_value()
    # A provider's own key goes to that provider only, never to an address of one's own.
    if settings.lm_base_url or provider.startswith("ollama"):
        return NO_KEY
    return _needed(getattr(settings, f"{provider}_api_key"), provider, f"{provider.upper()}_API_KEY")


def _needed(key: SecretStr | None, provider: str, variable: str) -> str:
    if key is None:
        raise UnknownModel(f"{provider} needs a key: set {variable} or CHAPERONE_LM_API_KEY")
    return key.get_secret_value()
