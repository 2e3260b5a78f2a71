"""The judge on duty, over a real socket: opinions within deadline and budget, and nothing readable kept."""

from __future__ import annotations

import asyncio
import gc
import logging
import pickle
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from brain.judge import CONTEXT_MESSAGES, Judge, Opinion
from brain.lms.openai_compatible import OpenAICompatibleEngine
from brain.programs import ProgramError
from guards.types import Message

RULES = {"meetup": "Meeting in person", "social_platform": "Other social platforms"}
YES = '{"labels": ["meetup"], "confidence": 0.8}'
NO = '{"labels": [], "confidence": 0.9}'
CANARY = "canary-51c9"


@asynccontextmanager
async def judging(url: str, **options: Any) -> AsyncIterator[Judge]:
    engine = OpenAICompatibleEngine(
        provider="custom", model="m", base_url=url, api_key="k", timeout=options.pop("timeout", 5.0)
    )
    given = {"clock": time.monotonic, "deadline": 5.0, "cache_size": 100, "per_turn": 10, **options}
    made = Judge(engine, **given)
    try:
        yield made
    finally:
        await made.aclose()
        await engine.aclose()


async def ask(judge: Judge, candidate: str = "swing by?", **options: Any) -> Opinion:
    given = {"stage": "input", "transcript": (), "rules": RULES, "key": candidate, "turn": "t", **options}
    return await judge.ask(candidate=candidate, **given)


@pytest.fixture
def run(scripted_server: Any) -> Callable[..., Any]:
    """run(scenario, says, **options) runs `scenario(judge, server)` against a server that answers `says`."""

    def runner(scenario: Callable[[Judge, Any], Awaitable[Any]], says: Any, **options: Any) -> Any:
        async def whole() -> Any:
            script = says if callable(says) else lambda _: says if isinstance(says, int | None) else [says]
            async with scripted_server(script).running() as server, judging(server.url, **options) as judge:
                return await scenario(judge, server)

        return asyncio.run(whole())

    return runner


def once(**options: Any) -> Callable[[Judge, Any], Awaitable[Opinion]]:
    return lambda judge, server: ask(judge, **options)


def test_labels_and_confidence_are_read(run: Any) -> None:
    opinion = run(once(), YES)
    assert (opinion.labels, opinion.confidence, opinion.why, opinion.cached) == ({"meetup"}, 0.8, "judged", False)


def test_a_message_that_breaks_nothing_is_judged_too(run: Any) -> None:
    opinion = run(once(), NO)
    assert (opinion.labels, opinion.why) == (frozenset(), "judged")


def test_the_model_is_asked_about_the_last_messages_the_stage_and_the_rules_in_question(run: Any) -> None:
    said = [Message("system", "secret prompt"), *(Message("user", f"line {n}") for n in range(9))]
    transcript = (*said, Message("assistant", "which day?"), Message("tool", "{}"))

    async def scenario(judge: Judge, server: Any) -> None:
        await ask(judge, transcript=transcript, stage="output", rules={"meetup": "Meeting in person"})
        [body] = server.bodies
        asked = body["messages"][-1]["content"]
        assert asked.count('"fan": "line ') == CONTEXT_MESSAGES - 1
        assert '{"persona": "which day?"}' in asked
        assert '"output"' in asked
        assert "secret" not in asked
        assert "social_platform" not in asked
        assert body["temperature"] == 0.0

    run(scenario, YES)


@pytest.mark.parametrize("says", ["no idea", "", '{"labels": ["flirting"], "confidence": 1}', '{"labels": [], "conf'])
def test_junk_is_undecided_and_not_kept(run: Any, says: str) -> None:
    async def scenario(judge: Judge, server: Any) -> None:
        for _ in range(2):
            opinion = await ask(judge)
            assert (opinion.labels, opinion.why, opinion.cached) == (None, "unparsable", False)
        assert len(server.bodies) == 2

    run(scenario, says)


@pytest.mark.parametrize("says", [500, 429, 401, None])
def test_a_failing_server_is_an_error_and_asked_once(run: Any, says: Any) -> None:
    async def scenario(judge: Judge, server: Any) -> None:
        opinion = await ask(judge)
        assert (opinion.labels, opinion.why) == (None, "error")
        assert len(server.headers) == 1

    run(scenario, says)


def test_a_slow_model_is_a_timeout_and_its_call_is_ended(run: Any) -> None:
    async def scenario(judge: Judge, server: Any) -> None:
        opinion = await ask(judge)
        assert (opinion.labels, opinion.why) == (None, "timeout")
        await asyncio.wait_for(server.hung_up.wait(), 5)

    run(scenario, lambda _: [asyncio.Event()], deadline=0.1)


def test_the_engine_s_own_timeout_is_a_timeout_too(run: Any) -> None:
    assert run(once(), lambda _: [asyncio.Event()], timeout=0.1).why == "timeout"


def test_a_turn_has_its_budget_and_another_turn_its_own(run: Any) -> None:
    async def scenario(judge: Judge, server: Any) -> None:
        whys = [(await ask(judge, text)).why for text in ("a", "b", "c")]
        assert whys == ["judged", "judged", "budget"]
        assert (await ask(judge, "c", turn="other")).why == "judged"
        assert (await ask(judge, "a")).cached
        assert len(server.bodies) == 3

    run(scenario, YES, per_turn=2)


def test_a_question_asked_before_is_answered_without_a_call(run: Any) -> None:
    async def scenario(judge: Judge, server: Any) -> None:
        first, second = await ask(judge), await ask(judge, "SWING BY?", key="swing by?", turn="other")
        assert (second.labels, second.confidence, second.why) == (first.labels, first.confidence, first.why)
        assert (first.cached, second.cached) == (False, True)
        assert len(server.bodies) == 1

    run(scenario, YES)


@pytest.mark.parametrize(
    "other",
    [
        {"key": "another"},
        {"stage": "output"},
        {"rules": {"meetup": "Meeting in person"}},
        {"rules": {**RULES, "meetup": "Meeting on a Sunday"}},
        {"transcript": (Message("user", "free tonight?"),)},
        {"transcript": (Message("assistant", "hi"), Message("user", "hi there"))},
    ],
)
def test_another_text_stage_rule_or_context_is_another_question(run: Any, other: dict[str, Any]) -> None:
    async def scenario(judge: Judge, server: Any) -> None:
        await ask(judge, transcript=(Message("assistant", "hi"), Message("user", "hi")))
        given = {"transcript": (Message("assistant", "hi"), Message("user", "hi")), **other}
        assert not (await ask(judge, **given)).cached
        assert len(server.bodies) == 2

    run(scenario, YES)


def test_the_cache_is_bounded_and_forgets_what_was_not_asked_for_longest(run: Any) -> None:
    async def scenario(judge: Judge, server: Any) -> None:
        for text in ("a", "b", "a", "c"):
            await ask(judge, text)
        assert [(await ask(judge, text)).cached for text in ("a", "c", "b")] == [True, True, False]

    run(scenario, YES, cache_size=2)


def test_no_cache_is_a_size_too(run: Any) -> None:
    async def scenario(judge: Judge, server: Any) -> None:
        assert not (await ask(judge)).cached
        assert not (await ask(judge)).cached

    run(scenario, YES, cache_size=0)


def test_equal_questions_at_once_share_one_call(run: Any) -> None:
    async def scenario(judge: Judge, server: Any) -> None:
        opinions = await asyncio.gather(*(ask(judge, turn=str(number)) for number in range(20)))
        assert all(opinion.labels == {"meetup"} for opinion in opinions)
        assert sum(not opinion.cached for opinion in opinions) == len(server.bodies) == 1

    run(scenario, YES, per_turn=1)


def test_different_questions_at_once_do_not_mix(run: Any) -> None:
    async def scenario(judge: Judge, server: Any) -> None:
        texts = [f"{'yes' if number % 3 else 'no'} {number}" for number in range(30)]
        opinions = await asyncio.gather(*(ask(judge, text, turn=text) for text in texts))
        for text, opinion in zip(texts, opinions, strict=True):
            assert (opinion.labels == {"meetup"}) is text.startswith("yes")

    run(scenario, lambda body: [YES if '"yes ' in body["messages"][-1]["content"] else NO])


def test_an_asker_who_leaves_does_not_take_the_shared_call_along(run: Any) -> None:
    gate = asyncio.Event()

    async def scenario(judge: Judge, server: Any) -> None:
        leaving, staying = (asyncio.ensure_future(ask(judge, turn=turn)) for turn in "ab")
        while not server.bodies:
            await asyncio.sleep(0.01)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        gate.set()
        assert (await staying).labels == {"meetup"}
        assert leaving.cancelled()

    run(scenario, lambda _: [gate, YES])


def test_when_the_last_asker_leaves_the_call_ends_and_the_next_one_asks_anew(run: Any) -> None:
    answers = [[asyncio.Event()], [YES]]

    async def scenario(judge: Judge, server: Any) -> None:
        leaving = asyncio.ensure_future(ask(judge))
        while not server.bodies:
            await asyncio.sleep(0.01)
        leaving.cancel()
        await asyncio.sleep(0)  # it has left, its call is not yet over
        assert (await ask(judge)).labels == {"meetup"}
        await asyncio.wait_for(server.hung_up.wait(), 5)

    run(scenario, lambda _: answers.pop(0))


def test_closing_ends_calls_under_way_as_errors(run: Any) -> None:
    async def scenario(judge: Judge, server: Any) -> None:
        waiting = asyncio.ensure_future(ask(judge))
        while not server.bodies:
            await asyncio.sleep(0.01)
        await judge.aclose()
        assert (await waiting).why == "error"

    run(scenario, lambda _: [asyncio.Event()])


def test_a_question_about_no_rule_is_a_defect(run: Any) -> None:
    with pytest.raises(ValueError, match="at least one rule"):
        run(once(rules={}), YES)


def test_seconds_are_the_clock_s() -> None:
    async def scenario() -> Opinion:
        ticks = iter([1.0, 3.5])
        async with judging("http://127.0.0.1:9/v1", clock=lambda: next(ticks), per_turn=0) as judge:
            return await ask(judge)

    assert asyncio.run(scenario()).seconds == 2.5


def test_a_program_that_cannot_be_used_is_refused_at_the_start(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with judging("http://127.0.0.1:9/v1", program_state=tmp_path / "nowhere.json"):
            pass

    with pytest.raises(ProgramError):
        asyncio.run(scenario())


def test_no_message_stays_in_logs_reprs_exceptions_or_memory(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    answers = iter([[YES], ["junk " + CANARY], 500, [asyncio.Event()]])

    async def scenario(judge: Judge, server: Any) -> list[Opinion]:
        said = (Message("user", CANARY + " before"),)
        opinions = [await ask(judge, f"{CANARY} {number}", transcript=said) for number in range(4)]
        dump = pickle.dumps((judge._kept, judge._budget, judge._calls)) + repr(vars(judge)).encode()
        assert CANARY.encode() not in dump
        return opinions

    with caplog.at_level(logging.DEBUG):
        opinions = run(scenario, lambda _: next(answers), deadline=0.3)
    assert [opinion.why for opinion in opinions] == ["judged", "unparsable", "error", "timeout"]
    assert CANARY not in caplog.text
    assert CANARY not in repr(opinions)


class Defective:
    async def complete(self, request: Any) -> Any:
        raise ZeroDivisionError(CANARY)


def test_a_defective_engine_is_an_error_and_quoted_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> Opinion:
        return await ask(Judge(Defective(), clock=time.monotonic, deadline=1.0, cache_size=1, per_turn=9))

    with caplog.at_level(logging.DEBUG):
        assert asyncio.run(scenario()).why == "error"
        gc.collect()
    assert CANARY not in caplog.text
