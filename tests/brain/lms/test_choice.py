"""From settings to an engine; what cannot be chosen says what to set."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dspy import lm15

from brain.lms.choice import (
    DEFAULT_TOGETHER_MODEL,
    ChosenLM,
    UnknownModel,
    choose,
    choose_fallback,
    choose_model,
)
from brain.lms.offline import OfflineEngine
from brain.lms.openai_compatible import OpenAICompatibleEngine
from brain.lms.together import TogetherEngine
from brain.settings import PersonaSettings
from brain.voice import Voice


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("TOGETHER_API_KEY", "OPENAI_API_KEY", "GROQ_API_KEY", "CEREBRAS_API_KEY", "CHAPERONE_LM"):
        monkeypatch.delenv(name, raising=False)


def chosen(voice: Voice, **settings: Any) -> ChosenLM:
    return choose(PersonaSettings(**settings), voice)


def test_without_model_and_key_the_persona_speaks_offline(voice: Voice) -> None:
    lm = chosen(voice)
    assert (lm.label, type(lm.engine)) == ("offline", OfflineEngine)


def test_a_together_key_alone_chooses_together(voice: Voice) -> None:
    lm = chosen(voice, together_api_key="k")
    assert (lm.label, type(lm.engine)) == (f"together/{DEFAULT_TOGETHER_MODEL}", TogetherEngine)


def test_where_nothing_but_a_language_model_will_do_offline_is_none() -> None:
    assert choose_model(PersonaSettings()) is None
    chosen = choose_model(PersonaSettings(lm="ollama/m"))
    assert chosen is not None
    assert chosen.label == "ollama/m"


def test_offline_can_be_asked_for_although_there_is_a_key(voice: Voice) -> None:
    assert chosen(voice, lm="offline", together_api_key="k").label == "offline"


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("ollama_chat/llama3.1", {}),
        ("ollama/llama3.1", {}),
        ("groq/llama-3.3-70b", {"groq_api_key": "k"}),
        ("cerebras/llama3.1-8b", {"cerebras_api_key": "k"}),
        ("openai/gpt-4o-mini", {"openai_api_key": "k"}),
        ("groq/llama-3.3-70b", {"lm_api_key": "k"}),
    ],
)
def test_known_providers_are_reached_the_openai_way(voice: Voice, name: str, keys: dict[str, str]) -> None:
    lm = chosen(voice, lm=name, **keys)
    assert (lm.label, type(lm.engine)) == (name, OpenAICompatibleEngine)


def test_any_server_can_be_asked_by_its_base_url_and_an_unknown_prefix_stays_in_the_name(
    voice: Voice,
) -> None:
    lm = chosen(voice, lm="mistralai/small", lm_base_url="http://127.0.0.1:9/v1")
    assert lm.engine._model == "mistralai/small"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"lm": "acme/x"}, "CHAPERONE_LM_BASE_URL"),
        ({"lm": "gpt-4o"}, "openai/<model>"),
        ({"lm": "groq/"}, "groq/<model>"),
        ({"lm": "groq/x"}, "GROQ_API_KEY"),
        ({"lm": "together/x"}, "TOGETHER_API_KEY"),
        ({"lm_base_url": "http://127.0.0.1:9/v1"}, "CHAPERONE_LM"),
    ],
)
def test_what_cannot_be_chosen_says_what_to_set(voice: Voice, settings: dict[str, str], says: str) -> None:
    with pytest.raises(UnknownModel, match=says):
        chosen(voice, **settings)


def test_a_provider_s_key_is_never_sent_to_a_base_url_of_one_s_own(voice: Voice, scripted_server: Any) -> None:
    request = lm15.request_from_openai_chat({"model": "m", "messages": [{"role": "user", "content": "u"}]})

    async def scenario() -> None:
        async with scripted_server(lambda _: ["hello"]).running() as server:
            lm = chosen(voice, lm="groq/m", lm_base_url=server.url, groq_api_key="secret")
            await lm.engine.complete(request)
            await lm.engine.aclose()
            assert "secret" not in server.headers[0]

    asyncio.run(scenario())


def test_no_sdk_is_imported_before_its_provider_is_chosen() -> None:
    program = (
        "import sys, brain.service\n"
        "loaded = {'together', 'openai', 'litellm', 'spacy'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[3])


def test_no_second_model_is_chosen_unless_one_is_named(voice: Voice) -> None:
    assert choose_fallback(PersonaSettings(together_api_key="k"), voice) is None
    second = choose_fallback(PersonaSettings(fallback_lm="ollama/m"), voice)
    assert second is not None
    assert second.label == "ollama/m"


def test_the_second_model_has_an_address_and_a_key_of_its_own(voice: Voice) -> None:
    with pytest.raises(UnknownModel, match="set CHAPERONE_FALLBACK_LM_BASE_URL"):
        choose_fallback(PersonaSettings(lm_base_url="http://x/v1", lm="a", fallback_lm="b"), voice)
    with pytest.raises(UnknownModel, match="GROQ_API_KEY or CHAPERONE_FALLBACK_LM_API_KEY"):
        choose_fallback(PersonaSettings(lm_api_key="k", fallback_lm="groq/b"), voice)
