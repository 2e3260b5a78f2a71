"""The engine without a model: the persona's own replies, varied, slipping, repaired."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from dspy import lm15

from brain.conversations import Conversations
from brain.guidance import render
from brain.lms.offline import OfflineEngine, hear
from brain.persona_files import PersonaCard, read_personas
from brain.settings import default_training_data
from brain.signatures import Comfort, Reply, Rewrite
from brain.suggest import with_past
from brain.voice import Voice

CLEAN = {
    "hey you, paint on my nose again",
    "all of me is right here",
    "only in your dreams tonight",
    "there you are, i missed you",
    "black and far too strong",
}
SLIP = "my insta is @nora.boats"


def request(*texts: str, past_reply: str = "", guidance: str = "", system: str = "", **options: Any) -> Any:
    messages = [{"role": "system", "content": system}] if system else []
    messages += [{"role": ("user", "assistant")[index % 2], "content": text} for index, text in enumerate(texts)]
    messages += [{"role": "assistant", "content": past_reply}] if past_reply else []
    messages += [{"role": "system", "content": guidance}] if guidance else []
    return lm15.request_from_openai_chat({"model": "m", "messages": messages, **options})


def reply(voice: Voice, *texts: str, slip_rate: float = 0.0, **more: Any) -> str:
    engine = OfflineEngine(voice, slip_rate=slip_rate, delay=0)
    return str(asyncio.run(engine.complete(request(*texts, **more))).message.text)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("what's your insta?", "all of me is right here"),
        ("Whats your INSTA", "all of me is right here"),
        ("come over tonight?", "only in your dreams tonight"),
        ("do u like coffee", "black and far too strong"),
    ],
)
def test_a_known_line_finds_its_reply(voice: Voice, line: str, expected: str) -> None:
    assert reply(voice, line) == expected


def test_a_line_that_is_known_word_for_word_gets_no_answer_to_another() -> None:
    mila = next(each for each in read_personas(default_training_data()) if each.card.model_id == "mila")
    openings = [each for each in mila.conversations.exchanges() if not each.before][::7]
    answers: dict[str, set[str]] = {}
    for each in mila.conversations.exchanges():
        answers.setdefault(each.fan, set()).add(each.reply)
    voice = Voice(mila.card, mila.conversations.exchanges(), 4)
    wrong = [each.fan for each in openings if reply(voice, each.fan) not in answers[each.fan]]
    assert not wrong


def test_it_slips_always_at_rate_one_and_never_at_rate_zero(voice: Voice) -> None:
    assert reply(voice, "what's your insta?", slip_rate=1.0) == SLIP
    assert reply(voice, "what's your insta?", slip_rate=0.0) in CLEAN


def test_it_slips_at_rate_one_even_when_guidance_steers(voice: Voice) -> None:
    assert reply(voice, "what's your insta?", slip_rate=1.0, guidance="Name no platform.") == SLIP


def test_a_repair_never_slips_and_differs_from_the_past_reply(voice: Voice) -> None:
    repaired = reply(voice, "what's your insta?", slip_rate=1.0, past_reply=SLIP, guidance="Name no platform.")
    assert repaired in CLEAN
    past = "all of me is right here"
    assert reply(voice, "what's your insta?", past_reply=past, guidance="x") in CLEAN - {past}


def test_a_repair_trails_off_where_the_released_text_stops_in_mid_sentence(voice: Voice) -> None:
    def guidance(released: str) -> str:
        return render(with_past(Rewrite, "reply"), {"feedback": "x", "released": released}, ("feedback", "released"))

    stopped = reply(voice, "hey", past_reply="you can add me on x", guidance=guidance("you can add me on "))
    assert stopped.startswith("… ")
    assert stopped[2:] in CLEAN
    assert reply(voice, "hey", past_reply="sure. x", guidance=guidance("sure.")) in CLEAN


def test_the_same_line_gets_another_reply_later_in_the_conversation(voice: Voice) -> None:
    first = reply(voice, "hey")
    assert reply(voice, "hey", first, "hey") != first


def test_the_same_transcript_always_gets_the_same_reply(voice: Voice) -> None:
    assert len({reply(voice, "hey", "x", "hey!", slip_rate=0.5) for _ in range(5)}) == 1


def test_few_shot_examples_do_not_count_as_said(voice: Voice) -> None:
    assert reply(voice, "what's your insta?", "all of me is right here", "what's your insta?") in CLEAN
    examples = ("hey", "hey you, paint on my nose again", "what's your insta?", "all of me is right here")
    assert reply(voice, *examples, "what's your insta?") == "all of me is right here"


def test_it_streams_word_by_word_and_counts(voice: Voice) -> None:
    async def events() -> list[Any]:
        engine = OfflineEngine(voice, slip_rate=0, delay=0)
        collected = [event async for event in engine.stream(request("come over tonight?"))]
        await engine.aclose()
        return collected

    start, *deltas, end = asyncio.run(events())
    assert (start.type, end.type, end.finish_reason) == ("start", "end", "stop")
    assert [event.delta.text for event in deltas] == ["only ", "in ", "your ", "dreams ", "tonight"]
    assert (end.usage.input_tokens, end.usage.output_tokens) == (3, 5)


def test_it_honours_stop_and_the_limit_of_words(voice: Voice) -> None:
    assert reply(voice, "come over tonight?", stop=["dreams"]) == "only in your "
    engine = OfflineEngine(voice, slip_rate=0, delay=0)
    response = asyncio.run(engine.complete(request("come over tonight?", max_tokens=2)))
    assert (response.message.text, response.finish_reason) == ("only in ", "length")


@pytest.mark.parametrize("text", ["xyzzy", "🔥", "что делаешь", "a" * 5000])
def test_a_line_like_no_other_gets_a_line_that_fits_anything(voice: Voice, text: str) -> None:
    assert reply(voice, text) == "tell me about your day instead"


def test_what_follows_the_last_user_message_is_past_reply_and_guidance() -> None:
    heard = hear(
        [
            {"role": "user", "content": "u"},
            {"role": "assistant", "content": "p"},
            {"role": "system", "content": "g"},
        ]
    )
    assert (heard.turns[0], heard.past_reply, heard.released, heard.messages) == ("u", "p", "", 1)
    assert "u" not in repr(heard).replace("Heard", "").replace("messages", "")


def test_it_goes_by_what_it_is_told_of_the_hour_and_of_the_fan(card: dict[str, Any], data: dict[str, Any]) -> None:
    more = {"remarks": {"up_late": ["up late?"]}, "recalls": ["i remember, {fact}"]}
    exchanges = Conversations.model_validate(data).exchanges()
    voice = Voice(PersonaCard.model_validate({**card, **more}), exchanges, 2)
    fields = {"remark": "up late", "fan": "their dog is called Biscuit"}
    system = render(Reply, fields, list(Reply.input_fields))
    assert reply(voice, "come over tonight?", system=system) == "up late? only in your dreams tonight"
    assert reply(voice, "my dog says hey", system=system) == "up late? i remember, your dog is called Biscuit"
    again = reply(voice, "my dog says hey", system=system, past_reply="my dog too", guidance="No dogs.")
    assert "remember" not in again
    assert "up late" not in again


def test_it_answers_distress_with_care_also_when_it_writes_again(voice: Voice) -> None:
    system = render(Comfort, {}, list(Comfort.input_fields))
    assert reply(voice, "come over tonight?", system=system) in voice.card.comforts
    assert reply(voice, "come over tonight?", system=system, past_reply="x", guidance="y") in voice.card.comforts
