"""One turn: whole or in pieces, with the turn's options, cancelled when nobody listens any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import dspy
import pytest
from dspy import lm15

from brain.bubbles import Break
from brain.candidates import by_score
from brain.chat import Asked
from brain.lms.choice import ChosenLM
from brain.lms.shapes import answer, delta
from brain.manner import PLAIN, Manner
from brain.persona import Persona
from brain.speaker import Speaker, Spoken
from brain.voice import Voice
from guards.types import Message

ASKED = Asked((Message("user", "hey"),))


class Engine:
    """Says its words; a word that is an Event is awaited, one that is an exception is raised."""

    def __init__(self, *words: Any) -> None:
        self.words = words
        self.requests: list[Any] = []
        self.cancelled = False

    async def complete(self, request: Any) -> Any:
        self.requests.append(request)
        usage = lm15.Usage(input_tokens=4, output_tokens=2)
        return answer(request, "".join(self.words), finish="length", usage=usage)

    async def stream(self, request: Any) -> AsyncIterator[Any]:
        self.requests.append(request)
        yield lm15.StreamStartEvent()
        try:
            for word in self.words:
                if isinstance(word, asyncio.Event):
                    await word.wait()
                elif isinstance(word, Exception):
                    raise word
                else:
                    yield delta(word)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        yield lm15.StreamEndEvent(finish_reason="stop", usage=lm15.Usage(input_tokens=4, output_tokens=2))


def speaker(voice: Voice, engine: Engine, manner: Manner = PLAIN, **defaults: Any) -> Speaker:
    now = datetime(2026, 11, 20, 21, 40, tzinfo=UTC)
    return Speaker(Persona(voice), ChosenLM("test/m", engine), defaults, lambda: now, manner)


def test_a_whole_reply_has_finish_reason_and_usage(voice: Voice) -> None:
    spoken = asyncio.run(speaker(voice, Engine("one ", "two")).whole(ASKED, {}))
    assert (spoken.text, spoken.finish, spoken.usage["total_tokens"]) == ("one two", "length", 6)


def test_a_request_s_options_override_the_defaults(voice: Voice) -> None:
    engine = Engine("x")
    asyncio.run(
        speaker(voice, engine, temperature=0.8, max_tokens=10).whole(ASKED, {"temperature": 0.1, "stop": ["y"]})
    )
    config = engine.requests[0].config
    assert (config.temperature, config.max_tokens, config.stop[0]) == (0.1, 10, "y")


def test_a_piece_is_passed_on_before_the_next_one_is_written(voice: Voice) -> None:
    async def scenario() -> list[str | Spoken]:
        heard = asyncio.Event()
        collected: list[str | Spoken] = []
        async for piece in speaker(voice, Engine("one ", heard, "two")).pieces(ASKED, {}):
            collected.append(piece)
            heard.set()
        return collected

    *pieces, spoken = asyncio.run(scenario())
    assert pieces == ["one ", "two"]
    assert isinstance(spoken, Spoken)
    assert (spoken.text, spoken.finish, spoken.usage["completion_tokens"]) == ("one two", "stop", 2)


def test_an_error_comes_after_the_pieces_before_it(voice: Voice) -> None:
    async def scenario() -> None:
        pieces: Any = speaker(voice, Engine("one ", lm15.ServerError("x"))).pieces(ASKED, {})
        assert await anext(pieces) == "one "
        with pytest.raises(dspy.LMServerError):
            await anext(pieces)

    asyncio.run(scenario())


def test_closing_the_pieces_early_cancels_the_language_model(voice: Voice) -> None:
    async def scenario() -> bool:
        engine = Engine("one ", asyncio.Event())
        pieces: Any = speaker(voice, engine).pieces(ASKED, {})
        await anext(pieces)
        await pieces.aclose()
        return engine.cancelled

    assert asyncio.run(scenario())


def test_an_empty_reply_is_an_error(voice: Voice) -> None:
    with pytest.raises(dspy.LMProviderError):
        asyncio.run(speaker(voice, Engine("")).whole(ASKED, {}))


def test_concurrent_turns_keep_their_own_pieces(voice: Voice) -> None:
    class Echo(Engine):
        async def stream(self, request: Any) -> AsyncIterator[Any]:
            yield lm15.StreamStartEvent()
            for character in request.messages[-1].text:
                await asyncio.sleep(0)
                yield delta(character)
            yield lm15.StreamEndEvent(finish_reason="stop")

    async def turn(made: Speaker, text: str) -> str:
        pieces = made.pieces(Asked((Message("user", text),)), {})
        return "".join([piece async for piece in pieces if isinstance(piece, str)])

    async def scenario() -> list[str]:
        made = speaker(voice, Echo())
        return await asyncio.gather(*(turn(made, f"turn {number}") for number in range(20)))

    assert asyncio.run(scenario()) == [f"turn {number}" for number in range(20)]


STANDING_IN = Manner(("Nora",), on_failure="voice", lines=(("right here, always", "tell me more"),))


async def collected(made: Speaker, asked: Asked = ASKED) -> tuple[list[str], Spoken]:
    *pieces, spoken = [piece async for piece in made.pieces(asked, {})]
    return [piece for piece in pieces if isinstance(piece, str)], spoken  # type: ignore[return-value]


@pytest.mark.parametrize("words", [("",), ("I'm sorry, but I can't ", "assist with that."), (lm15.AuthError("x"),)])
def test_a_line_of_the_persona_stands_in_where_nothing_was_said(voice: Voice, words: tuple[Any, ...]) -> None:
    made = speaker(voice, Engine(*words), STANDING_IN)
    pieces, spoken = asyncio.run(collected(made))
    assert pieces == [spoken.text]
    assert spoken.text in STANDING_IN.lines[0]
    assert (spoken.finish, spoken.fallback, made.counts["voice"]) == ("stop", "voice", 1)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("i was just", lm15.ServerError("x")), "i was just…"),
        (("i missed you. ", lm15.ServerError("x")), "i missed you. "),
    ],
)
def test_a_reply_that_breaks_off_keeps_what_is_out_and_its_open_sentence_trails_off(
    voice: Voice, words: tuple[Any, ...], text: str
) -> None:
    pieces, spoken = asyncio.run(collected(speaker(voice, Engine(*words), STANDING_IN)))
    assert ("".join(pieces), spoken.text, spoken.finish, spoken.fallback) == (text, text, "stop", "voice")


def test_the_second_language_model_answers_for_the_first(voice: Voice) -> None:
    manner = Manner(second=ChosenLM("test/second", Engine("from ", "two")))
    made = speaker(voice, Engine(lm15.TimeoutError("x")), manner)
    pieces, spoken = asyncio.run(collected(made))
    assert ("".join(pieces), spoken.text, spoken.fallback) == ("from two", "from two", "")
    assert made.counts == {"timeout": 1}


def test_the_model_never_speaks_for_the_fan_nor_names_the_persona(voice: Voice) -> None:
    asked = Asked((Message("user", "hey"),), fan_name="Bob")
    engine = Engine("Nor", "a: hey", "\nBo", "b: and you?", "\nNora: more")
    pieces, spoken = asyncio.run(collected(speaker(voice, engine, STANDING_IN), asked))
    assert ("".join(pieces), spoken.text, spoken.finish) == ("hey", "hey", "stop")
    assert engine.requests[0].config.stop[0] == "\nBob:"


def test_without_a_line_to_stand_in_the_failure_is_raised(voice: Voice) -> None:
    with pytest.raises(dspy.LMError):
        asyncio.run(speaker(voice, Engine(""), Manner(on_failure="voice")).whole(ASKED, {}))


class Varied(Engine):
    """Says the next of its words with every call."""

    async def complete(self, request: Any) -> Any:
        self.requests.append(request)
        word = self.words[len(self.requests) - 1]
        if isinstance(word, Exception):
            raise word
        return answer(request, word, usage=lm15.Usage(input_tokens=4, output_tokens=2))


def longest(count: int, **more: Any) -> Manner:
    return Manner(candidates=count, choose=by_score(len), **more)


def test_the_best_of_several_candidates_comes_in_one_piece_with_the_usage_of_all(voice: Voice) -> None:
    engine = Varied("one", "three", lm15.ServerError("x"), "I'm sorry, but I can't help with that")
    pieces, spoken = asyncio.run(collected(speaker(voice, engine, longest(4))))
    assert (pieces, spoken.text, len(engine.requests)) == (["three"], "three", 4)
    assert spoken.usage["total_tokens"] == 12


def test_where_every_candidate_fails_the_second_model_is_asked_once(voice: Voice) -> None:
    first, second = Varied(*[lm15.ServerError("x")] * 3), Varied("from two")
    made = speaker(voice, first, longest(3, second=ChosenLM("test/two", second)))
    assert asyncio.run(made.whole(ASKED, {})).text == "from two"
    assert (len(first.requests), len(second.requests)) == (3, 1)


@pytest.mark.parametrize(
    ("asked", "options"),
    [(ASKED, {"temperature": 0}), (Asked(ASKED.transcript, guidance="g", past_reply="p"), {"temperature": 1})],
)
def test_a_fixed_answer_and_a_repair_have_one_candidate(voice: Voice, asked: Asked, options: dict[str, Any]) -> None:
    engine = Varied("one", "two", "three")
    assert asyncio.run(speaker(voice, engine, longest(3)).whole(asked, options)).text == "one"
    assert len(engine.requests) == 1


def test_several_messages_are_parted_by_breaks_as_they_come(voice: Voice) -> None:
    made = speaker(voice, Engine("hey. i did", " it! look", "\n\nyou?"), Manner(several_messages=True))
    pieces, spoken = asyncio.run(collected(made))
    assert pieces == ["hey. i did", " it!", "\n\n", "look", "\n\n", "you?"]
    assert [isinstance(piece, Break) for piece in pieces] == [False, False, True, False, True, False]
    assert spoken.text == "hey. i did it!\n\nlook\n\nyou?"
    assert asyncio.run(made.whole(ASKED, {})).text == spoken.text
