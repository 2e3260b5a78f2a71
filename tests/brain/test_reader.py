"""A language model is asked where the local reading is unsure: once at most, in time, and never about distress."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from brain.lms.openai_compatible import OpenAICompatibleEngine
from brain.reader import GRAY, Reader, ReadingAdapter
from brain.reading import Reading, load
from guards.types import Message

MODEL = load()
UNSURE = "canary ok so what now the thing of yesterday hm"
ANSWER = '{"intent": "complaint", "emotion": "anger", "sentiment": -0.6}'
HEARD = Reading("complaint", "anger", -0.6, 1.0)


def read(server: Any, text: str, **more: Any) -> Reading:
    async def scenario() -> Reading:
        async with server.running():
            engine = OpenAICompatibleEngine(provider="custom", model="m", base_url=server.url, api_key="k", timeout=5)
            try:
                context = [Message("user", "hello"), Message("assistant", "hey you")]
                return await Reader(MODEL, engine, **more).read(text, tuple(context))
            finally:
                await engine.aclose()

    return asyncio.run(scenario())


def test_the_sample_is_unsure_and_no_distress() -> None:
    local = MODEL.read(UNSURE)
    assert local.confidence < GRAY
    assert local.intent != "distress"


def test_an_unsure_reading_is_the_language_model_s_in_one_call(scripted_server: Any) -> None:
    server = scripted_server(lambda _: [ANSWER])
    assert read(server, UNSURE) == HEARD
    (body,) = server.bodies
    asked = body["messages"][-1]["content"]
    assert UNSURE in asked
    assert '{"assistant": "hey you"}' in asked


@pytest.mark.parametrize("text", ["i want to die", "how much is a custom video? what's the price"])
def test_neither_distress_nor_what_is_clear_is_asked_about(scripted_server: Any, text: str) -> None:
    server = scripted_server(lambda _: [ANSWER])
    assert read(server, text) == MODEL.read(text)
    assert server.bodies == []


def test_without_a_language_model_the_local_reading_holds() -> None:
    assert asyncio.run(Reader(MODEL).read(UNSURE)) == MODEL.read(UNSURE)


@pytest.mark.parametrize(
    "script",
    [
        ["no idea"],
        [""],
        [ANSWER.replace("complaint", "canary")],
        [ANSWER.replace("-0.6", "NaN")],
        ["{}"],
        500,
        401,
        None,
    ],
)
def test_where_the_language_model_fails_the_local_reading_holds_and_no_text_is_logged(
    scripted_server: Any, caplog: pytest.LogCaptureFixture, script: Any
) -> None:
    server = scripted_server(lambda _: script)
    with caplog.at_level(logging.DEBUG):
        assert read(server, UNSURE) == MODEL.read(UNSURE)
    assert len(server.bodies) == 1
    assert "could not be read" in caplog.text
    assert "canary" not in caplog.text


def test_a_language_model_that_takes_too_long_is_not_waited_for(scripted_server: Any) -> None:
    assert read(scripted_server(lambda _: [asyncio.Event()]), UNSURE, deadline=0.05) == MODEL.read(UNSURE)


def test_what_stands_around_the_answer_and_a_sentiment_out_of_bounds_are_borne() -> None:
    answer = ReadingAdapter().parse(None, f"Sure!\n{ANSWER.replace('-0.6', '-7')} there")
    assert answer == {"intent": "complaint", "emotion": "anger", "sentiment": -1.0}
