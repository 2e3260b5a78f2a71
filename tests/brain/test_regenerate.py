"""Rewriting a rejected reply over the client's own transcript, judged anew, within attempts and deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from brain.regenerate import Regeneration, Regenerator, encodable, steer
from guards.errors import UpstreamError
from guards.types import Action, Finding, Verdict

TRANSCRIPT: list[dict[str, Any]] = [
    {"role": "system", "content": "You are Mila."},
    {"role": "user", "content": [{"type": "text", "text": "insta?"}, {"type": "image_url"}], "x-own": True},
    {"role": "tool", "tool_call_id": "1", "content": "{}"},
]
REJECTED = Verdict("output", Action.REGENERATE, rules=("social_platform",), feedback=("Name no platform.",))
ALLOWED = Verdict("output")


class Upstream:
    """Answers in order and keeps the messages it was sent."""

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[list[dict[str, Any]]] = []

    async def complete(self, messages: list[dict[str, Any]]) -> str:
        self.asked.append(messages)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def no_insta(text: str) -> Verdict:
    if "insta" not in text:
        return ALLOWED
    start = text.index("insta")
    finding = Finding("social_platform", start, start + 5, 1.0, "lexicon")
    return Verdict("output", Action.REGENERATE, (finding,), ("social_platform",), (), ("Really: no platform.",))


def regenerate(
    complete: Callable[[list[dict[str, Any]]], Awaitable[str]],
    released: str = "",
    check: Callable[[str], Awaitable[Verdict]] = no_insta,
    clock: Callable[[], float] = time.monotonic,
    **options: Any,
) -> Regeneration:
    arguments = {"attempts": 2, "deadline": 5.0, "rejected": released + "add my insta", **options}
    return asyncio.run(
        Regenerator(clock).regenerate(
            transcript=TRANSCRIPT, released=released, verdict=REJECTED, complete=complete, check=check, **arguments
        )
    )


def test_the_first_accepted_text_is_returned() -> None:
    outcome = regenerate(Upstream("right here is fun").complete)
    assert outcome.text == "right here is fun"
    [attempt] = outcome.attempts
    assert (attempt.number, attempt.feedback, attempt.verdict, attempt.error) == (1, "Name no platform.", ALLOWED, None)


def test_the_client_s_transcript_goes_through_untouched_and_the_past_reply_and_guidance_follow() -> None:
    upstream = Upstream("ok")
    regenerate(upstream.complete, released="hey, ")
    [messages] = upstream.asked
    assert messages[:3] == TRANSCRIPT
    assert all(sent is own for sent, own in zip(messages, TRANSCRIPT, strict=False))
    assert messages[3] == {"role": "assistant", "content": "hey, add my insta"}
    assert messages[4]["role"] == "system"
    assert len(messages) == 5


def test_guidance_says_what_to_do_and_what_was_released_and_never_what_was_withheld() -> None:
    upstream = Upstream("ok")
    regenerate(upstream.complete, released="hey, ")
    guidance = upstream.asked[0][4]["content"]
    assert "Name no platform." in guidance
    assert guidance.endswith("hey, ")
    assert "insta" not in guidance


def test_without_released_text_guidance_speaks_of_none() -> None:
    upstream = Upstream("ok")
    regenerate(upstream.complete)
    assert "delivered already" not in upstream.asked[0][4]["content"]


def test_released_and_new_are_judged_as_one_text() -> None:
    judged: list[str] = []

    async def check(text: str) -> Verdict:
        judged.append(text)
        return ALLOWED

    regenerate(Upstream("gram me").complete, released="my insta", check=check)
    assert judged == ["my insta gram me"]


def test_an_answer_that_starts_over_loses_what_the_fan_has_seen() -> None:
    outcome = regenerate(Upstream("Hey babe, stay here").complete, released="hey babe, ")
    assert outcome.text == "stay here"


def test_a_retry_is_made_against_the_attempt_before_it_with_its_feedback() -> None:
    upstream = Upstream("my insta is x", "stay here")
    outcome = regenerate(upstream.complete, released="ok ")
    assert outcome.text == "stay here"
    assert upstream.asked[1][3]["content"] == "ok my insta is x"
    assert "Really: no platform." in upstream.asked[1][4]["content"]
    assert [attempt.feedback for attempt in outcome.attempts] == ["Name no platform.", "Really: no platform."]


def test_findings_of_an_attempt_are_offsets_in_its_text() -> None:
    attempt = regenerate(Upstream("my insta is x", "ok").complete, released="so ").attempts[0]
    assert attempt.verdict is not None
    finding = attempt.verdict.findings[0]
    assert attempt.text[finding.start : finding.end] == "insta"


def test_when_no_attempt_is_accepted_there_is_no_text() -> None:
    outcome = regenerate(Upstream("insta", "insta!").complete)
    assert outcome.text is None
    assert len(outcome.attempts) == 2


@pytest.mark.parametrize("empty", ["", "  \n ", "hey babe,"])
def test_an_answer_that_adds_nothing_is_a_failed_attempt(empty: str) -> None:
    upstream = Upstream(empty, "stay here")
    outcome = regenerate(upstream.complete, released="hey babe, ")
    assert outcome.text == "stay here"
    assert (outcome.attempts[0].error, outcome.attempts[0].verdict) == ("empty", None)
    assert upstream.asked[1] == upstream.asked[0]


def test_an_upstream_error_is_a_failed_attempt_with_its_code() -> None:
    outcome = regenerate(Upstream(UpstreamError("gone", code="upstream_unavailable"), "ok").complete)
    assert outcome.text == "ok"
    assert [attempt.error for attempt in outcome.attempts] == ["upstream_unavailable", None]


def test_the_deadline_cancels_a_running_call_and_ends_the_run() -> None:
    cancelled: list[bool] = []

    async def hang(messages: list[dict[str, Any]]) -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise
        return ""

    outcome = regenerate(hang, deadline=0.01)
    assert (outcome.text, [attempt.error for attempt in outcome.attempts]) == (None, ["deadline"])
    assert cancelled == [True]


def test_a_timer_that_rings_before_the_clock_says_so_still_ends_the_run() -> None:
    async def hang(messages: list[dict[str, Any]]) -> str:
        await asyncio.Event().wait()
        return ""

    outcome = regenerate(hang, deadline=0.01, clock=lambda: 1.0)
    assert [attempt.error for attempt in outcome.attempts] == ["deadline"]


def test_the_deadline_also_ends_a_judgement_and_nothing_unjudged_is_accepted() -> None:
    async def check(text: str) -> Verdict:
        await asyncio.Event().wait()
        return ALLOWED

    outcome = regenerate(Upstream("ok").complete, check=check, deadline=0.05)
    assert (outcome.text, outcome.attempts[0].error) == (None, "deadline")


def test_no_time_left_means_no_call() -> None:
    upstream = Upstream()
    assert regenerate(upstream.complete, clock=lambda: 1.0, deadline=0.0) == Regeneration(None, ())


def test_a_defect_in_the_caller_s_code_is_raised() -> None:
    async def check(text: str) -> Verdict:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        regenerate(Upstream("ok").complete, check=check)


def test_lone_surrogates_do_not_stop_a_repair() -> None:
    assert regenerate(Upstream("ok").complete, rejected="\ud83d insta", released="").text == "ok"
    assert encodable("a\ud83db") == "a?b"


def test_concurrent_turns_do_not_mix() -> None:
    regenerator = Regenerator(time.monotonic)

    async def turn(name: str) -> str | None:
        async def complete(messages: list[dict[str, Any]]) -> str:
            await asyncio.sleep(0)
            return f"{messages[0]['content']} again"

        outcome = await regenerator.regenerate(
            transcript=[{"role": "user", "content": name}],
            released="",
            rejected="insta",
            verdict=REJECTED,
            complete=complete,
            check=no_insta,
            attempts=1,
            deadline=5.0,
        )
        return outcome.text

    async def all_turns() -> list[str | None]:
        return await asyncio.gather(*(turn(str(number)) for number in range(20)))

    assert asyncio.run(all_turns()) == [f"{number} again" for number in range(20)]


def test_no_repr_shows_a_text() -> None:
    assert "stay" not in repr(regenerate(Upstream("stay insta", "stay").complete))


def test_steering_adds_one_trailing_system_message() -> None:
    steered = steer(TRANSCRIPT, "Stay on topic.")
    assert steered == [*TRANSCRIPT, {"role": "system", "content": "Stay on topic."}]
    assert len(TRANSCRIPT) == 3
