"""Polling: who waits for a first word, and the word, over real sockets, with a clock of the test's own."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import pytest

LINES = {"the boats miss you", "paint on my nose, come and see"}


async def speak(client: Any, id: str = "c", **headers: str) -> tuple[int, Any]:
    reply = await client.post(f"/v1/proactive/{quote(id, safe='')}", headers=headers)
    body = reply.json()
    return reply.status_code, body["error"]["code"] if "error" in body else body


async def waiting(client: Any, **query: Any) -> list[str]:
    reply = await client.get("/v1/proactive", params=query)
    return [each["conversation"] for each in reply.json()["data"]]


def test_a_conversation_that_waits_is_shown_and_gets_one_message_that_was_judged(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        client = await world.service()
        shown = (await client.get("/v1/proactive")).json()["data"]
        assert shown == [
            {"conversation": "c", "user": None, "model": "nora", "silent_since": "2026-11-26T12:00:00+00:00"}
        ]
        status, offer = await speak(client)
        assert (status, offer["conversation"], offer["model"], offer["user"]) == (200, "c", "nora", None)
        assert offer["text"] in LINES
        assert [body["input"] for body in world.guard.judged] == [offer["text"]]
        known = await world.memory.recollect(world.key("c"))
        assert (known.lines[-1].turn, known.lines[-1].text) == (offer["turn"], offer["text"])
        assert await waiting(client) == []

    play(scenario)


def test_it_is_never_said_twice_in_one_silence_not_even_after_a_restart_or_eleven_months(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        assert (await speak(await world.service()))[0] == 200
        for hours in (0, 48, 100, 8000):
            world.clock.pass_by(hours=hours)
            assert await speak(await world.service()) == (409, "closed")
        assert len(await world.said()) == 2

    play(scenario)


def test_of_two_services_that_race_over_one_store_one_speaks(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        first, second = await world.service(), await world.service()
        answers = await asyncio.gather(*(speak(client) for client in (first, second) for _ in range(5)))
        assert sorted(status for status, _ in answers) == [200] + [409] * 9
        assert len(await world.said()) == 2

    play(scenario)


def test_who_asks_again_with_the_same_turn_gets_the_same_message(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        client = await world.service()
        first = await speak(client, **{"x-chaperone-turn": "mine"})
        assert first[1]["turn"] == "mine"
        assert await speak(client, **{"x-chaperone-turn": "mine"}) == first
        assert await speak(client, **{"x-chaperone-turn": "other"}) == (409, "closed")
        assert len(await world.said()) == 2

    play(scenario)


def test_a_fan_who_answers_is_spoken_to_first_again_after_the_next_silence(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        client = await world.service()
        _, first = await speak(client)
        await world.talk(text="oh hey, i was away")
        world.clock.pass_by(hours=47)
        assert await speak(client) == (409, "too_soon")
        world.clock.pass_by(hours=2)
        _, second = await speak(client)
        assert {first["text"], second["text"]} == LINES

    play(scenario)


@pytest.mark.parametrize(
    ("zone", "passing", "answer"),
    [("America/Los_Angeles", 0, (409, "night")), ("America/Los_Angeles", 5, 200), ("Asia/Tokyo", 0, (409, "night")),
     ("Europe/London", 0, 200), ("Europe/London", 9, (409, "night")), ("Europe/London", 20, 200)],
)  # fmt: skip
def test_nobody_is_written_to_in_their_night(world: Any, play: Any, zone: str, passing: int, answer: Any) -> None:
    async def scenario(world: Any) -> None:
        await world.talk("z", zone=zone)
        world.clock.pass_by(hours=49 + passing)
        client = await world.service()
        status, told = await speak(client, "z")
        assert status == 200 if answer == 200 else (status, told) == answer
        assert ("z" in await waiting(client)) is False

    # With nothing passing it is 14:00 in London, 06:00 in Los Angeles, 23:00 in Tokyo.
    play(scenario)


def test_a_night_that_falls_while_the_message_is_written_holds_it_back(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        world.guard.before = lambda: world.clock.pass_by(hours=9)
        assert await speak(await world.service()) == (409, "closed")
        assert await world.said() == ["hey you"]

    play(scenario)


def test_who_is_flagged_asked_to_be_left_alone_or_waits_for_an_answer_is_left_alone(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        await world.talk("sad", flags=["distress"])
        await world.talk("tired", text="please stop texting me")
        await world.talk("also sad", user="u", flags=["distress"])
        await world.talk("of the same fan", user="u")
        world.clock.pass_by(hours=49)
        client = await world.service()
        assert await waiting(client) == ["c"]
        for id, code in (("sad", "closed"), ("tired", "closed"), ("of the same fan", "elsewhere")):
            assert await speak(client, id) == (409, code)

    play(scenario)


def test_a_turn_in_distress_keeps_its_fan_from_being_written_to(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        client = await world.service()
        for id, text in (("sad", "i want to kill myself"), ("glad", "i had a lovely day")):
            said = {"model": "nora", "messages": [{"role": "user", "content": text}]}
            reply = await client.post("/v1/chat/completions", json=said, headers={"x-conversation-id": id})
            assert reply.status_code == 200
        world.clock.pass_by(hours=49)
        assert await waiting(client) == ["c", "glad"]
        assert await speak(client, "sad") == (409, "closed")

    play(scenario)


def test_of_a_fans_conversations_the_latest_alone_is_gone_on_with(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        await world.talk("old", user="u")
        await world.talk("new", user="u")
        await world.talk("theirs", user="v")
        world.clock.pass_by(hours=49)
        await world.talk("newest", user="v")
        client = await world.service()
        assert await waiting(client) == ["c", "old"]  # of two at once, the later id
        assert await speak(client, "new") == (409, "elsewhere")
        assert await speak(client, "theirs") == (409, "elsewhere")
        assert (await speak(client, "old"))[0] == 200

    play(scenario)


def test_without_a_guard_nothing_is_said_and_the_service_says_so(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        client = await world.service(guard_url="")
        assert await speak(client) == (409, "proactive_off")
        assert (await client.get("/v1/proactive")).status_code == 409
        assert (await client.get("/readyz")).json()["speaks_first"].startswith("off: ")
        assert (await (await world.service()).get("/readyz")).json()["speaks_first"] == "on, by polling"

    play(scenario)


def test_a_guard_that_is_down_lets_nothing_out_and_the_message_waits_for_it(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        client = await world.service()
        world.guard.status = 500
        assert await speak(client) == (503, "guard_down")
        assert await world.said() == ["hey you"]
        world.guard.status = 200
        assert (await speak(client))[0] == 200

    play(scenario)


def test_a_guard_that_goes_down_while_a_text_is_judged_lets_nothing_out(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        client = await world.service()
        world.guard.before = lambda: setattr(world.guard, "status", 500)
        assert await speak(client) == (503, "guard_down")
        world.guard.status, world.guard.before = 200, lambda: None
        assert await speak(client) == (409, "taken")  # until the claim lapses
        world.clock.pass_by(minutes=6)
        assert (await speak(client))[0] == 200

    play(scenario)


def test_a_line_that_is_flagged_is_passed_over_for_one_that_is_not(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        for flagged, other in (("boats", "paint"), ("paint", "boats")):
            await world.talk(flagged)
            world.clock.pass_by(hours=49)
            world.guard.flags = {flagged}
            _, offer = await speak(await world.service(), flagged)
            assert other in offer["text"]
            assert flagged not in offer["text"]

    play(scenario)


def test_where_the_guard_flags_everything_nothing_is_said_in_this_silence(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        client = await world.service()
        world.guard.flags, world.guard.unsure = {"boats"}, {"paint"}
        assert await speak(client) == (409, "withheld")
        world.guard.flags, world.guard.unsure = set(), set()
        assert await speak(client) == (409, "closed")
        assert await world.said() == ["hey you"]

    play(scenario)


def test_an_id_may_hold_anything_and_a_stranger_is_not_found(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        await world.talk("a/b ü%")
        world.clock.pass_by(hours=49)
        client = await world.service()
        assert (await speak(client, "a/b ü%"))[1]["conversation"] == "a/b ü%"
        assert await speak(client, "nobody") == (404, "conversation_not_found")
        assert (await client.post("/v1/proactive/a/b")).status_code == 404
        assert (await client.post("/v1/proactive/c?model=ghost")).json()["error"]["code"] == "model_not_found"

    play(scenario)


def test_as_many_are_shown_as_are_asked_for_the_longest_silence_first(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        for id in ("d", "e"):
            world.clock.pass_by(minutes=1)
            await world.talk(id)
        world.clock.pass_by(hours=49)
        client = await world.service()
        assert await waiting(client, limit=2) == ["c", "d"]
        assert await waiting(client, model="nora") == ["c", "d", "e"]
        for limit in ("0", "101", "x", "-1"):
            assert (await client.get("/v1/proactive", params={"limit": limit})).status_code == 400

    play(scenario)


def test_a_persona_whose_file_names_no_silence_never_begins(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        world.write(world.folder, {key: value for key, value in world.card.items() if key != "silence"})
        client = await world.service()
        assert await waiting(client) == []
        assert await speak(client) == (409, "off")

    play(scenario)


def test_a_memory_that_is_down_is_an_error_and_nothing_is_said(world: Any, play: Any) -> None:
    async def scenario(world: Any) -> None:
        client = await world.service(memory="redis://127.0.0.1:1/0")
        assert await speak(client) == (503, "memory_down")

    play(scenario)


def test_no_word_of_it_stands_in_a_log(world: Any, play: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(world: Any) -> None:
        client = await world.service()
        world.guard.flags = {"boats"}
        await speak(client)
        world.guard.status = 500
        await speak(client)

    with caplog.at_level("INFO", logger="brain"):
        play(scenario)
    assert not any(word in caplog.text for word in ("paint", "boats", "Biscuit"))
