"""`/v1/stories` over a real socket, before a scripted model: every mode, whole and streamed, and what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

Play = Callable[..., None]
BEATS = ["Ole finds a lamp", "it blinks twice", "he writes back"]
WHOLE = "[1] ole finds a lamp.\n\n[2] it blinks, twice.\n\n[3] he writes back."
PROSES = ["ole finds a lamp.", "it blinks, twice.", "he writes back."]


def pieces(text: str) -> list[str]:
    return [text[at : at + 3] for at in range(0, len(text), 3)]


def in_turn(*answers: Any) -> Callable[[dict[str, Any]], Any]:
    coming = iter(answers)
    return lambda _: next(coming)


def user_of(body: dict[str, Any]) -> str:
    return str(body["messages"][-1]["content"])


def told(received: list[Any]) -> list[str]:
    proses: dict[int, str] = {}
    for each in received[:-2]:
        if "delta" in each:
            proses[each["beat"]] = proses.get(each["beat"], "") + each["delta"]
    return [proses[at] for at in sorted(proses)]


def test_a_whole_story_is_one_call_told_in_the_persona_s_voice(play: Play, scripted_server: Any) -> None:
    server = scripted_server(lambda _: [WHOLE])

    async def scenario(client: httpx.AsyncClient) -> None:
        cast = [{"name": "Ole", "description": "a fisherman"}, {"name": "Zora", "description": "a judge"}]
        body = {"beats": BEATS, "characters": cast, "temperature": 0.3, "guidance": "short, please"}
        answer = (await client.post("/stories", json=body)).json()
        assert answer["beats"] == [{"beat": b, "prose": p} for b, p in zip(BEATS, PROSES, strict=True)]
        assert (answer["mode"], answer["prose"]) == ("whole", "\n\n".join(PROSES))
        assert answer["id"].startswith("story-")

    play(scenario, server)
    [asked] = server.bodies
    system, user = asked["messages"][0]["content"], user_of(asked)
    assert "Nora" in system
    assert "Short and warm." in system
    assert all(
        part in user for part in ("[1] Ole finds a lamp", "[3] he writes back", "Ole: a fisherman", "short, please")
    )
    assert "Zora" not in user
    assert (asked["temperature"], asked["max_tokens"]) == (0.3, 750)


def test_a_whole_story_streams_beat_by_beat_from_its_one_call(play: Play, scripted_server: Any, events: Any) -> None:
    server = scripted_server(lambda _: pieces(WHOLE))

    async def scenario(client: httpx.AsyncClient) -> None:
        received = await events(client, "/stories", {"beats": BEATS})
        assert told(received) == PROSES
        done = [each["beat"] for each in received if isinstance(each, dict) and each.get("done")]
        assert done == [0, 1, 2]
        assert received[-1] == "[DONE]"
        assert received[-2]["prose"] == "\n\n".join(PROSES)
        assert {each["id"] for each in received[:-1]} == {received[-2]["id"]}

    play(scenario, server)
    assert len(server.bodies) == 1


def test_the_beats_that_a_whole_story_leaves_out_are_written_by_themselves(play: Play, scripted_server: Any) -> None:
    server = scripted_server(in_turn(["[1] one. [2] two."], ["three."]))

    async def scenario(client: httpx.AsyncClient) -> None:
        answer = (await client.post("/stories", json={"beats": BEATS})).json()
        assert [each["prose"] for each in answer["beats"]] == ["one.", "two.", "three."]

    play(scenario, server)
    assert "one.\n\ntwo." in user_of(server.bodies[1])


@pytest.mark.parametrize("stream", [False, True])
def test_a_sequential_story_is_a_call_a_beat_each_with_the_story_so_far(
    play: Play, scripted_server: Any, events: Any, stream: bool
) -> None:
    server = scripted_server(in_turn(*([prose] for prose in PROSES)))

    async def scenario(client: httpx.AsyncClient) -> None:
        beats = [BEATS[0], {"text": BEATS[1], "temperature": 1.5}, BEATS[2]]
        body = {"beats": beats, "mode": "sequential", "so_far": "It was late.", "temperature": 0.2}
        answer = (
            (await events(client, "/stories", body))[-2]
            if stream
            else (await client.post("/stories", json=body)).json()
        )
        assert [each["prose"] for each in answer["beats"]] == PROSES

    play(scenario, server)
    first, second, third = server.bodies
    assert [each["temperature"] for each in server.bodies] == [0.2, 1.5, 0.2]
    assert "It was late." in user_of(first)
    assert f"It was late.\n\n{PROSES[0]}" in user_of(second)
    assert "[1] he writes back" in user_of(second)
    assert f"{PROSES[0]}\n\n{PROSES[1]}" in user_of(third)
    assert third["messages"][1:3] == [
        {"role": "user", "content": third["messages"][1]["content"]},
        {"role": "assistant", "content": "home they sail."},
    ]  # fmt: skip


def test_the_second_pass_edits_the_draft_and_only_the_edit_is_streamed(
    play: Play, scripted_server: Any, events: Any
) -> None:
    server = scripted_server(in_turn([WHOLE], pieces(WHOLE.upper())))

    async def scenario(client: httpx.AsyncClient) -> None:
        received = await events(client, "/stories", {"beats": BEATS, "passes": 2})
        assert told(received) == [prose.upper() for prose in PROSES]
        assert PROSES[0] not in str(received)

    play(scenario, server)
    assert f"[2] {PROSES[1]}" in user_of(server.bodies[1])


@pytest.mark.parametrize(("edit", "proses"), [(500, PROSES), (["[1] ONE. [2] TWO."], ["ONE.", "TWO.", PROSES[2]])])
def test_an_edit_that_fails_or_loses_beats_leaves_the_draft(
    play: Play, scripted_server: Any, edit: Any, proses: list[str]
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        answer = (await client.post("/stories", json={"beats": BEATS, "passes": 2})).json()
        assert [each["prose"] for each in answer["beats"]] == proses

    play(scenario, scripted_server(in_turn([WHOLE], edit)))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("mode", ["whole", "sequential", "interactive"])
@pytest.mark.parametrize(
    ("script", "status", "code"), [(500, 502, "lm_server"), ([""], 502, "empty_reply"), ([" \n"], 502, "empty_reply")]
)
def test_a_failing_model_is_an_error_with_a_status_in_every_mode(
    play: Play, scripted_server: Any, mode: str, stream: bool, script: Any, status: int, code: str
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        response = await client.post("/stories", json={"beats": BEATS, "mode": mode, "stream": stream})
        assert (response.status_code, response.json()["error"]["code"]) == (status, code)
        assert "lamp" not in response.text

    play(scenario, scripted_server(lambda _: script))


@pytest.mark.parametrize("junk", [["{}{}"], ["[7] [9] [1]\n\nwell. hm. no"], ["   \n ok"]])
def test_whatever_a_model_says_becomes_one_prose_a_beat(play: Play, scripted_server: Any, junk: list[str]) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        answer = (await client.post("/stories", json={"beats": BEATS})).json()
        assert all(each["prose"].strip() for each in answer["beats"])

    play(scenario, scripted_server(lambda _: junk))


def test_a_model_that_breaks_off_ends_the_stream_with_an_error_event(
    play: Play, scripted_server: Any, events: Any
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        received = await events(client, "/stories", {"beats": BEATS})
        assert received[0]["delta"].startswith("ole")
        assert received[-1]["error"]["type"] == "server_error"

    play(scenario, scripted_server(lambda _: ["[1] ole finds ", "a lamp", None]))


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_hangs_up_ends_the_model_s_call(play: Play, scripted_server: Any, stream: bool) -> None:
    asked = asyncio.Event()

    def script(_: Any) -> Any:
        asked.set()
        return ["[1] ole finds ", asyncio.Event()]

    server = scripted_server(script)

    async def scenario(client: httpx.AsyncClient) -> None:
        call = asyncio.create_task(client.post("/stories", json={"beats": BEATS, "stream": stream}))
        await asked.wait()
        call.cancel()
        await asyncio.wait_for(server.hung_up.wait(), 5)

    play(scenario, server)


@pytest.mark.parametrize(
    ("body", "param", "told"),
    [
        ({"beats": []}, "beats", "at least one beat"),
        ({"beats": ["x y"] * 41}, "beats", "at most 40"),
        ({"beats": [" "]}, "beats.0.text", "at least 1"),
        ({"beats": ["x" * 2001]}, "beats.0.text", "2000"),
        ({"beats": "x"}, "beats", "valid array"),
        ({"beats": ["x"], "temperature": 2.1}, "temperature", "less than or equal to 2"),
        ({"beats": [{"text": "x", "temperature": -1}]}, "beats.0.temperature", "greater than or equal to 0"),
        ({"beats": ["x"], "mode": "fast"}, "mode", "'whole', 'sequential' or 'interactive'"),
        ({"beats": ["x"], "passes": 3}, "passes", "1 or 2"),
        ({"beats": ["x"], "tone": "odd"}, "tone", "not permitted"),
        ({"beats": ["x"], "model": "zed"}, "model", "nora"),
        ({"beats": ["x"], "characters": [{"name": ""}]}, "characters.0.name", ""),
        ({"beats": ["x", {"text": "y", "temperature": 1}]}, "body", "sequential and interactive"),
        ({"beats": ["x"], "mode": "interactive", "passes": 2}, "body", "whole and sequential"),
        ({"beats": ["x", "y"], "past_prose": "z"}, "body", "one beat"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_refused_with_the_place_and_what_to_do(
    play: Play, body: dict[str, Any], param: str, told: str
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        response = await client.post("/stories", json=body)
        error = response.json()["error"]
        assert response.status_code == (404 if param == "model" else 400)
        assert error["param"].startswith(param)
        assert told in error["message"]

    play(scenario)


def test_an_unlike_body_is_no_json(play: Play) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        response = await client.post("/stories", content=b"{")
        assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_json")

    play(scenario)


def test_without_a_model_the_stand_in_tells_the_story_word_by_word(play: Play, events: Any) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        received = await events(client, "/stories", {"beats": BEATS, "mode": "sequential"})
        proses = told(received)
        assert proses == [each["prose"] for each in received[-2]["beats"]]
        assert proses[0] == "so, ole finds a lamp. ole blinked. it was a tuesday."
        assert len(received) > 15

    play(scenario)


def story_of(client: httpx.AsyncClient, **more: Any) -> Awaitable[httpx.Response]:
    return client.post("/stories", json={"beats": BEATS, "mode": "interactive", **more})


def act(client: httpx.AsyncClient, id_: str, index: int, **body: Any) -> Awaitable[httpx.Response]:
    return client.post(f"/stories/{id_}/beats/{index}", json=body)


def states(answer: Any) -> list[tuple[str, str]]:
    return [(each["state"], each["prose"]) for each in answer["beats"]]


def test_an_interactive_story_is_written_beat_by_beat_as_it_is_accepted(play: Play, scripted_server: Any) -> None:
    server = scripted_server(in_turn(["one."], ["two."], ["two, otherwise."], ["three."]))

    async def scenario(client: httpx.AsyncClient) -> None:
        made = (await story_of(client, temperature=0.5)).json()
        id_ = made["id"]
        assert states(made) == [("proposed", "one."), ("waiting", ""), ("waiting", "")]
        accepted = (await act(client, id_, 0, action="accept", temperature=1.1)).json()
        assert states(accepted) == [("accepted", "one."), ("proposed", "two."), ("waiting", "")]
        again = (await act(client, id_, 1, action="regenerate", temperature=1.9)).json()
        assert states(again)[1] == ("proposed", "two, otherwise.")
        mine = (await act(client, id_, 1, action="accept", prose="two, as i like it.")).json()
        assert states(mine)[1:] == [("accepted", "two, as i like it."), ("proposed", "three.")]
        last = (await act(client, id_, 2, action="accept")).json()
        assert last["prose"] == "one.\n\ntwo, as i like it.\n\nthree."
        assert (await client.get(f"/stories/{id_}")).json() == last

    play(scenario, server)
    assert [each["temperature"] for each in server.bodies] == [0.5, 1.1, 1.9, 0.5]
    assert "two." in user_of(server.bodies[2])
    assert "one.\n\ntwo, as i like it." in user_of(server.bodies[3])


def test_an_interactive_beat_streams_and_ends_with_the_story(play: Play, scripted_server: Any, events: Any) -> None:
    server = scripted_server(in_turn(pieces("one and all."), pieces("two and all.")))

    async def scenario(client: httpx.AsyncClient) -> None:
        received = await events(client, "/stories", {"beats": BEATS, "mode": "interactive"})
        assert told(received) == ["one and all."]
        id_ = received[0]["id"]
        received = await events(client, f"/stories/{id_}/beats/0", {"action": "accept"})
        assert received[0]["beat"] == 1
        assert received[-2] == (await client.get(f"/stories/{id_}")).json()

    play(scenario, server)


def test_a_beat_is_not_regenerated_as_it_was(play: Play, scripted_server: Any, events: Any) -> None:
    server = scripted_server(in_turn(["one."], ["One."], pieces("one. and more"), ["one."], ["one. and more"]))

    async def scenario(client: httpx.AsyncClient) -> None:
        id_ = (await story_of(client)).json()["id"]
        received = await events(client, f"/stories/{id_}/beats/0", {"action": "regenerate"})
        assert told(received) == ["one. and more"]
        refused = await act(client, id_, 0, action="regenerate")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "same_prose")
        assert states((await client.get(f"/stories/{id_}")).json())[0] == ("proposed", "one. and more")

    play(scenario, server)


def test_what_is_accepted_stays_and_nothing_is_written_out_of_turn(play: Play) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        id_ = (await story_of(client)).json()["id"]
        await act(client, id_, 0, action="accept")
        for index, action, status, code in [
            (0, "regenerate", 409, "beat_accepted"),
            (0, "accept", 409, "beat_accepted"),
            (2, "accept", 409, "beat_not_reached"),
            (7, "accept", 404, "beat_not_found"),
        ]:
            refused = await act(client, id_, index, action=action)
            assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
        assert (await act(client, id_, 1, action="delete")).json()["error"]["param"] == "action"
        assert (await act(client, id_, 1, action="regenerate", prose="x")).json()["error"]["param"] == "body"
        assert (await client.post(f"/stories/{id_}/beats/-1", json={"action": "accept"})).status_code == 404

    play(scenario)


def test_a_story_that_is_erased_or_never_was_is_a_404(play: Play) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        id_ = (await story_of(client)).json()["id"]
        assert (await client.delete(f"/stories/{id_}")).json() == {"id": id_, "object": "story", "deleted": True}
        answers = [
            await client.get(f"/stories/{id_}"),
            await client.delete(f"/stories/{id_}"),
            await act(client, id_, 0, action="accept"),
            await client.get("/stories/story-x"),
        ]
        assert {(each.status_code, each.json()["error"]["code"]) for each in answers} == {(404, "story_not_found")}

    play(scenario)


def test_a_model_that_fails_leaves_the_story_as_far_as_it_was(play: Play, scripted_server: Any) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        id_ = (await story_of(client)).json()["id"]
        assert (await act(client, id_, 0, action="regenerate")).status_code == 502
        assert states((await client.get(f"/stories/{id_}")).json())[0] == ("proposed", "one.")
        assert (await act(client, id_, 0, action="accept")).status_code == 502
        assert states((await client.get(f"/stories/{id_}")).json())[:2] == [("accepted", "one."), ("waiting", "")]
        assert (await act(client, id_, 1, action="accept")).json()["error"]["code"] == "beat_not_written"
        assert states((await act(client, id_, 1, action="regenerate")).json())[1] == ("proposed", "two.")

    play(scenario, scripted_server(in_turn(["one."], 500, 500, ["two."])))


def test_two_writers_do_not_meet_in_one_story(play: Play, scripted_server: Any) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    def script(body: Any) -> Any:
        if asked.is_set() or "Versions" not in user_of(body):
            return ["one."]
        asked.set()
        return ["two", go_on, "."]

    async def scenario(client: httpx.AsyncClient) -> None:
        id_ = (await story_of(client)).json()["id"]
        slow = asyncio.create_task(act(client, id_, 0, action="regenerate"))
        await asked.wait()
        refused = await act(client, id_, 0, action="accept")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "story_busy")
        go_on.set()
        assert states((await slow).json())[0] == ("proposed", "two.")

    play(scenario, scripted_server(script))
