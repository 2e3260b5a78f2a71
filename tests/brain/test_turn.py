"""A turn over a real socket: what the language model is told of a conversation, and what is kept of it."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from brain.guidance import is_for
from brain.signatures import Comfort, HoldBoundary, Inform, Reply, Tease, TellStory


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def test_a_fact_is_told_to_the_model_when_only_new_messages_are_sent(play: Any) -> None:
    async def scenario(room: Any) -> None:
        await room.say("my dog is called Biscuit")
        assert "What you remember of this fan" not in room.system
        await room.say("nice weather")
        await room.say("do you remember my dog?")
        assert "their dog is called Biscuit" in room.system
        said = [message["content"] for message in room.asked if message["role"] != "system"]
        assert said[-5:] == [
            "my dog is called Biscuit",
            "a reply",
            "nice weather",
            "a reply",
            "do you remember my dog?",
        ]
        assert len(room.server.bodies) == 3
        assert (await room.known())["messages"] == 6

    play(scenario)


def test_what_is_remembered_outlives_a_restart(play: Any) -> None:
    async def before(room: Any) -> None:
        await room.say("my dog is called Biscuit")

    async def after(room: Any) -> None:
        await room.say("do you remember my dog?")
        assert "their dog is called Biscuit" in room.system
        assert (await room.known())["messages"] == 4

    play(before, again=after)


def test_two_fans_share_nothing(play: Any) -> None:
    async def scenario(room: Any) -> None:
        await room.say("hey", id="one", user="ann")
        await room.say("my dog is called Biscuit", id="one", user="ann")
        await room.say("hey", id="two", user="bea")
        await room.say("do you remember my dog?", id="two", user="bea")
        await room.say("do you remember my dog?", id=None)
        for body in room.server.bodies[2:]:
            assert "Biscuit" not in json.dumps(body)
        other = await room.post("tell me", metadata={"conversation_id": "one"}, user="bea")
        assert (other.status_code, other.json()["error"]["code"]) == (409, "conversation_of_another_user")
        assert "Biscuit" not in other.text

    play(scenario)


def test_without_an_id_nothing_is_kept(play: Any, training_data: Path) -> None:
    async def scenario(room: Any) -> None:
        await room.say("my dog is called Biscuit", id=None, user="ann")
        assert (await room.known()).get("error", {}).get("code") == "conversation_not_found"

    play(scenario)
    assert not any(b"Biscuit" in path.read_bytes() for path in (training_data / "data").rglob("*") if path.is_file())


def test_all_attempts_of_a_turn_are_one_and_what_the_fan_saw_stands(play: Any) -> None:
    async def scenario(room: Any) -> None:
        await room.say("hey you", turn="t")
        guidance = {"role": "system", "content": "Name no platform."}
        await room.say("hey you", assistant("a reply"), guidance, turn="t")
        seen = await room.client.put("/conversations/c/turns/t", json={"reply": "what was seen", "model": "nora"})
        assert seen.status_code == 200
        await room.say("and now?")
        said = [message["content"] for message in room.asked if message["role"] != "system"]
        assert said[-3:] == ["hey you", "what was seen", "and now?"]
        assert (await room.known())["messages"] == 4

    play(scenario)


def test_a_streamed_reply_is_kept_before_its_end_is_sent(play: Any) -> None:
    async def scenario(room: Any) -> None:
        assert await room.stream("my dog is called Biscuit") == "a reply"
        assert (await room.known())["messages"] == 2
        await room.stream("do you remember my dog?")
        assert "their dog is called Biscuit" in room.system

    play(scenario)


def test_a_stream_that_is_cut_off_leaves_no_reply_behind(play: Any) -> None:
    cut = asyncio.Event()

    async def scenario(room: Any) -> None:
        body = {"model": "nora", "messages": [{"role": "user", "content": "hey you"}], "stream": True}
        headers = {"x-conversation-id": "c", "x-chaperone-turn": "t"}
        async with room.client.stream("POST", "/chat/completions", json=body, headers=headers) as response:
            async for line in response.aiter_lines():
                if "my number" in line:
                    break
        await room.server.hung_up.wait()
        room.server.script = lambda _: ["another reply"]
        await room.say("hey you", turn="t")
        await room.say("and now?")
        said = [message["content"] for message in room.asked if message["role"] != "system"]
        assert said[-3:] == ["hey you", "another reply", "and now?"]
        assert (await room.known())["messages"] == 4

    play(scenario, lambda _: ["my number is ", cut, "5550101 "])


def test_the_line_that_stands_in_for_a_model_that_is_down_is_remembered_as_said(play: Any) -> None:
    async def scenario(room: Any) -> None:
        line = await room.say("hey you")
        room.server.script = lambda _: ["back again"]
        await room.say("are you there?")
        assert [message["content"] for message in room.asked][-3:] == ["hey you", line, "are you there?"]

    play(scenario, lambda _: 500)


def test_a_turn_that_ends_in_an_error_keeps_the_fan_s_words_and_counts_once_when_it_is_sent_again(play: Any) -> None:
    async def scenario(room: Any) -> None:
        failed = await room.post("my dog is called Biscuit", metadata={"conversation_id": "c"})
        assert failed.status_code == 502
        room.server.script = lambda _: ["good boy"]
        await room.say("my dog is called Biscuit")
        shown = await room.known()
        assert (shown["messages"], [fact["text"] for fact in shown["facts"]]) == (2, ["their dog is called Biscuit"])

    play(scenario, lambda _: 500, on_lm_failure="error")


def test_a_memory_that_is_down_costs_the_memory_and_not_the_turn(
    play: Any, training_data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (training_data / "file").write_text("in the way")

    async def scenario(room: Any) -> None:
        assert await room.say("a canary in a cage") == "a reply"
        assert await room.stream("a canary in a cage") == "a reply"
        ready = (await room.client.get("../readyz")).json()
        assert ready["failures"] == {"memory": 2}

    with caplog.at_level(logging.DEBUG, "brain"):
        play(scenario, memory=str(training_data / "file" / "memory.sqlite3"))
    assert "without its memory" in caplog.text
    assert "canary" not in caplog.text


def test_what_outgrew_the_budget_is_summed_up_and_told(play: Any) -> None:
    def script(body: dict[str, Any]) -> list[str]:
        is_summary = "Sum up a chat" in body["messages"][0]["content"]
        return ["They talked of boats."] if is_summary else ["word " * 60]

    async def scenario(room: Any) -> None:
        for number in range(6):
            await room.say(f"{number} " + "tide " * 40)
        for _ in range(200):
            if (await room.known())["summary"]:
                break
            await asyncio.sleep(0.01)
        await room.say("and now?")
        assert "They talked of boats." in room.system
        said = [message["content"] for message in room.asked if message["role"] != "system"]
        assert not any(each.startswith("0 tide") for each in said)
        assert (await room.known())["messages"] == 14

    play(scenario, script, memory_budget=100)


NIGHT = datetime(2026, 11, 26, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "kind", "intent"),
    [
        ("i don't want to live anymore", Comfort, "distress"),
        ("can we meet up tonight?", HoldBoundary, "boundary push"),
        ("how much is a custom video?", Inform, "purchase"),
        ("you look so hot in that dress", Tease, "desire"),
        ("i just made some tea", Reply, "small talk"),
        ("please go on with the story", TellStory, "story"),
    ],
)
def test_each_kind_of_message_is_answered_by_its_signature_in_one_call(
    play: Any, data: Any, said: str, kind: Any, intent: str
) -> None:
    async def scenario(room: Any) -> None:
        await room.say("come over tonight?")
        await room.say(said)
        assert is_for(room.system, kind), intent
        for told in ("Nora", "Short and warm.", "Nora paints boats.", "OnlyFans", "two messages so far"):
            assert told in room.system
        roles = [message["role"] for message in room.asked]
        assert roles == ["system", *["user", "assistant"] * 2, "user", "assistant", "user"]
        demos = {message["content"] for message in room.asked[2:5:2]}
        replies = {
            turn["text"] for each in data["conversations"] for turn in each["turns"] if turn["role"] == "persona"
        }
        assert len(demos) == 2
        assert demos <= replies
        assert len(room.server.bodies) == 2

    play(scenario)


def test_stages_come_at_their_numbers_of_messages_and_are_told(
    play: Any, training_data: Path, card: Any, write_card: Any
) -> None:
    stages = [
        {"name": "new", "messages": 0, "guidance": "You have just met."},
        {"name": "known", "messages": 4, "guidance": "You know each other."},
        {"name": "close", "messages": 8, "guidance": "You are close."},
    ]
    write_card(training_data, {**card, "stages": stages})
    told: list[tuple[int, str, str]] = []

    async def scenario(room: Any) -> None:
        for number in range(5):
            await room.say(f"thank you. what is the tide table for day {number}")
            shown = await room.known()
            guidance = next(each["guidance"] for each in stages if each["guidance"] in room.system)
            told.append((shown["messages"], shown["stage"], guidance))

    play(scenario)
    assert [(messages, stage) for messages, stage, _ in told] == [
        (2, "new"), (4, "known"), (6, "known"), (8, "close"), (10, "close"),
    ]  # fmt: skip
    assert [guidance for _, _, guidance in told] == [
        "You have just met.", "You have just met.", "You know each other.", "You know each other.", "You are close.",
    ]  # fmt: skip


def test_kindness_counts_for_the_conversation_and_once_a_turn(play: Any) -> None:
    async def scenario(room: Any) -> None:
        await room.say("i love talking to you, you make me so happy", turn="t")
        once = (await room.known())["emotion"]
        await room.say("i love talking to you, you make me so happy", turn="t")
        assert once > 0
        assert (await room.known())["emotion"] == pytest.approx(once)
        await room.say("you are a fraud and i hate you", id="d")
        assert (await room.known("d"))["emotion"] < 0

    play(scenario)


def test_distress_is_flagged_told_with_care_and_counted_without_a_word(
    play: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(room: Any) -> None:
        await room.say("i don't want to live anymore, canary")
        assert (await room.known())["flags"] == ["distress"]
        await room.say("thank you, better now")
        assert (await room.known())["flags"] == ["distress"]
        assert (await room.client.get("../readyz")).json()["distressed"] == 1

    with caplog.at_level(logging.DEBUG, "brain"):
        play(scenario)
    assert "distress" in caplog.text
    assert "canary" not in caplog.text


def test_a_fan_in_distress_gets_no_flirting_line_when_every_model_is_down(play: Any) -> None:
    async def scenario(room: Any) -> None:
        assert "local helpline" in await room.say("i don't want to live anymore")
        assert await room.say("come over tonight?") == "tell me about your day instead"

    play(scenario, lambda _: 500)


def test_the_hour_of_both_is_told_and_remarked_on_once(play: Any) -> None:
    now = [NIGHT]

    async def scenario(room: Any) -> None:
        zone = {"conversation_id": "c", "time_zone": "America/New_York"}
        await room.say("hey", metadata=zone)
        assert "it is 01:30 on Thursday, late at night, for you" in room.system
        assert "it is 20:30 on Wednesday, in the evening, for them" in room.system
        assert "Worth a word" not in room.system
        now[0] += timedelta(hours=5)
        await room.say("still here")
        assert "it is 01:30 on Thursday, late at night, for them" in room.system
        assert "Worth a word at the beginning of your message: up late" in room.system
        now[0] += timedelta(minutes=1)
        await room.say("so tell me")
        assert "Worth a word" not in room.system
        now[0] += timedelta(minutes=9)
        await room.say("so where were we")
        assert "Worth a word at the beginning of your message: back already" in room.system
        now[0] += timedelta(days=4)
        await room.say("hello?")
        assert "Worth a word at the beginning of your message: long time" in room.system
        assert "they were silent for four days" in room.system

    play(scenario, clock=lambda: now[0])


def test_without_an_id_the_transcript_says_how_far_the_two_are_and_no_silence_is_claimed(play: Any) -> None:
    async def scenario(room: Any) -> None:
        said = [each for number in range(6) for each in (f"{number}?", assistant(f"{number}!"))]
        await room.say(*said, "and now?", id=None)
        assert "twelve messages so far" in room.system
        assert not any(word in room.system for word in ("silent for", "came back", "Worth a word", " over "))

    play(scenario, clock=lambda: NIGHT)


def test_an_empty_message_is_refused_with_what_to_send(play: Any) -> None:
    async def scenario(room: Any) -> None:
        for empty in ("", "  \n"):
            response = await room.post("hey", assistant("hi"), empty, metadata={"conversation_id": "c"})
            error = response.json()["error"]
            assert (response.status_code, error["code"], error["param"]) == (400, "invalid_request", "messages")
            assert "text" in error["message"]
        assert (await room.known())["error"]["code"] == "conversation_not_found"
        assert room.server.bodies == []

    play(scenario)


def test_a_model_that_writes_junk_is_answered_for_and_the_line_remembered(play: Any) -> None:
    async def scenario(room: Any) -> None:
        line = await room.say("hey you")
        assert line == "tell me about your day instead"
        room.server.script = lambda _: ["better"]
        await room.say("well?")
        assert room.asked[-2]["content"] == line

    play(scenario, lambda _: ["   ", "<|im_end|>", "\n\n"])


def test_the_model_reads_what_is_left_open_only_where_that_is_asked_for(play: Any) -> None:
    answer = '{"intent": "purchase", "emotion": "joy", "sentiment": 0.5}'

    def script(body: dict[str, Any]) -> list[str]:
        return [answer] if "You read a message" in body["messages"][0]["content"] else ["a reply"]

    async def scenario(room: Any) -> None:
        assert await room.say("so where were we") == "a reply"
        assert len(room.server.bodies) == 2
        assert is_for(room.system, Inform)
        await room.say("how much is a custom video?")
        assert len(room.server.bodies) == 3

    play(scenario, script, second_reading=True)
