"""DSPy keeps nothing: the defaults that would store text are off, and litellm stays out."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from pathlib import Path

import dspy
import pytest
from dspy.clients.base_lm import GLOBAL_HISTORY

from brain.lms.upstream import UpstreamEngine
from brain.quiet import AsyncOnly, language_model, quiet, silence_dspy
from brain.regenerate import TailAdapter
from brain.signatures import Rewrite

CANARY = "canary-7f3a"


def one_call(predict: dspy.Predict) -> None:
    async def echo(messages: list[dict[str, str]]) -> str:
        return CANARY

    async def call() -> None:
        with quiet(language_model("test", UpstreamEngine(echo)), TailAdapter()):
            prediction = await predict.acall(released=CANARY)
        assert prediction.reply == CANARY

    asyncio.run(call())


def test_a_call_leaves_no_text_in_histories_traces_or_logs(caplog: pytest.LogCaptureFixture) -> None:
    predict = dspy.Predict(Rewrite)
    with caplog.at_level(logging.DEBUG):
        one_call(predict)
    assert GLOBAL_HISTORY == []
    assert predict.history == []
    assert CANARY not in str(dspy.settings.trace)
    assert CANARY not in caplog.text


def test_a_call_writes_no_cache(tmp_path: Path) -> None:
    program = (
        "import asyncio, dspy, sys\n"
        "from brain.quiet import silence_dspy, language_model, quiet\n"
        "from brain.lms.upstream import UpstreamEngine\n"
        "from brain.regenerate import TailAdapter\n"
        "from brain.signatures import Rewrite\n"
        "async def echo(messages): return 'x'\n"
        "async def call():\n"
        "    with quiet(language_model('test', UpstreamEngine(echo)), TailAdapter()):\n"
        "        await dspy.Predict(Rewrite).acall(released='y')\n"
        "silence_dspy()\n"
        "asyncio.run(call())\n"
        "assert not len(dspy.cache.memory_cache), 'memory'\n"
        "assert 'litellm' not in sys.modules, 'litellm'\n"
    )
    root = Path(__file__).parents[2]
    environment = {"DSPY_CACHEDIR": str(tmp_path / "cache"), "HOME": str(tmp_path), "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_both_caches_can_be_switched_off() -> None:
    silence_dspy()
    assert not dspy.cache.enable_disk_cache
    assert not dspy.cache.enable_memory_cache


def test_our_language_models_refuse_synchronous_calls() -> None:
    with pytest.raises(dspy.lm15.UnsupportedFeatureError):
        AsyncOnly().complete(None)


def test_a_language_model_has_no_cache_and_no_retries_and_takes_its_options() -> None:
    lm = language_model("openai", AsyncOnlyTwin(), temperature=0.3, max_tokens=5)
    assert (lm.cache, lm.num_retries, lm.kwargs["temperature"]) == (False, 0, 0.3)


def test_retries_and_synchronous_calls_are_there_where_asked_for() -> None:
    blocking = AsyncOnly()
    lm = language_model("test", AsyncOnlyTwin(), blocking=blocking, retries=3)
    assert (lm.num_retries, lm.engine) == (3, blocking)


class AsyncOnlyTwin:
    async def complete(self, request: object) -> object:
        raise NotImplementedError
