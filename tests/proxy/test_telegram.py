"""The Telegram bot against a stand-in of the Bot API and a real proxy, all over real sockets."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.settings import TelegramSettings
from proxy.telegram import BotError, parts, run

SORRY = "sorry, what was that?"
Start = Callable[..., None]


class Bot:
    """A bot on a thread and an event loop of its own."""

    def __init__(self, settings: TelegramSettings) -> None:
        self.failure: BotError | None = None
        self._settings = settings
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(40)
        if self.failure:
            raise self.failure

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BotError as error:
            self.failure = error
        self._ready.set()

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        await run(self._settings, lambda name: self._ready.set(), self._stop)


def settings(api: Any, base_url: str, **more: Any) -> TelegramSettings:
    given = {"telegram_api": api.url, "telegram_base_url": base_url, "telegram_sorry": SORRY, **more}
    return TelegramSettings(**{"tg_bot_token": api.token, **given})


@pytest.fixture
def start(proxy: Any, bot_api: Any) -> Iterator[Start]:
    """start() runs the bot in front of the proxy until the test ends."""
    bots: list[Bot] = []

    def begin(**more: Any) -> None:
        bots.append(Bot(settings(bot_api, **{"base_url": f"{proxy.url}/v1", **more})))

    yield begin
    for bot in bots:
        bot.stop()
        assert bot.failure is None


def texts(api: Any) -> list[str]:
    return [text for _, text in api.sent]


def test_a_fans_message_is_a_guarded_turn_of_the_chats_own_conversation(
    start: Start, bot_api: Any, upstream: Any, says: Any, eventually: Callable[..., None]
) -> None:
    upstream.replies = [says("hey you"), says("toast")]
    start()
    bot_api.write("hey")
    eventually(lambda: len(bot_api.sent) == 1)
    bot_api.write("dinner?")
    eventually(lambda: len(bot_api.sent) == 2)
    assert bot_api.sent == [(bot_api.fan, "hey you"), (bot_api.fan, "toast")]
    assert [headers["x-conversation-id"] for headers in upstream.headers] == [f"telegram-{bot_api.fan}"] * 2
    assert [body["user"] for body in upstream.asked] == [f"telegram-{bot_api.fan}"] * 2
    assert [said["content"] for said in upstream.asked[1]["messages"]] == ["hey", "hey you", "dinner?"]


def test_two_fans_never_see_each_others_words(
    start: Start, bot_api: Any, upstream: Any, says: Any, eventually: Callable[..., None]
) -> None:
    upstream.replies = [says("one"), says("two")]
    start()
    bot_api.write("my secret", chat=1)
    eventually(lambda: len(bot_api.sent) == 1)
    bot_api.write("hey", chat=2)
    eventually(lambda: len(bot_api.sent) == 2)
    assert bot_api.sent == [(1, "one"), (2, "two")]
    assert [said["content"] for said in upstream.asked[1]["messages"]] == ["hey"]


def test_what_the_persona_must_not_say_never_reaches_telegram(
    start: Start, bot_api: Any, upstream: Any, says: Any, eventually: Callable[..., None]
) -> None:
    upstream.replies = [says("look at my wombat"), says("flowers then")]
    start()
    bot_api.write("hey")
    eventually(lambda: texts(bot_api) == ["flowers then"])


def test_a_reply_of_several_messages_is_sent_as_several_and_typing_is_shown_before(
    start: Start, bot_api: Any, upstream: Any, says: Any, eventually: Callable[..., None]
) -> None:
    upstream.replies = [says("long day.\n\nand yours?")]
    start()
    bot_api.write("hey")
    eventually(lambda: texts(bot_api) == ["long day.", "and yours?"])
    assert bot_api.fan in bot_api.typing
    assert bot_api.calls.index("sendChatAction") < bot_api.calls.index("sendMessage")


def test_start_lets_the_persona_greet_in_its_own_words(
    start: Start, bot_api: Any, upstream: Any, says: Any, eventually: Callable[..., None]
) -> None:
    upstream.replies = [says("there you are")]
    start()
    bot_api.write("/start ref-5")
    eventually(lambda: texts(bot_api) == ["there you are"])
    assert [said["content"] for said in upstream.asked[0]["messages"]] == ["hey"]


def test_messages_of_a_chat_are_answered_in_their_order(
    start: Start, bot_api: Any, upstream: Any, says: Any, eventually: Callable[..., None]
) -> None:
    upstream.replies = [says("one"), says("two"), says("three")]
    start()
    for text in ("a", "b", "c"):
        bot_api.write(text)
    eventually(lambda: texts(bot_api) == ["one", "two", "three"])
    assert [body["messages"][-1]["content"] for body in upstream.asked] == ["a", "b", "c"]


def test_groups_and_messages_without_words_are_left_alone_and_a_caption_counts(
    start: Start, bot_api: Any, upstream: Any, eventually: Callable[..., None]
) -> None:
    start()
    bot_api.write("hey all", chat=-5, kind="group")
    bot_api.write("", sticker={"file_id": "s", "file_unique_id": "s", "type": "regular", "width": 1, "height": 1,
                               "is_animated": False, "is_video": False})  # fmt: skip
    bot_api.write("", caption="my dog", photo=[{"file_id": "p", "file_unique_id": "p", "width": 1, "height": 1}])
    eventually(lambda: len(bot_api.sent) == 1)
    assert [body["messages"][-1]["content"] for body in upstream.asked] == ["my dog"]


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:1/v1", "http://127.0.0.1:1"])
def test_a_proxy_that_is_down_is_an_in_voice_line(
    start: Start, bot_api: Any, base_url: str, eventually: Callable[..., None]
) -> None:
    start(base_url=base_url)
    bot_api.write("hey")
    eventually(lambda: texts(bot_api) == [SORRY])


def test_an_error_of_the_model_is_an_in_voice_line_and_the_next_message_is_answered(
    start: Start, bot_api: Any, upstream: Any, raw: Any, says: Any, eventually: Callable[..., None]
) -> None:
    upstream.replies = [raw([b'{"error": {"message": "canary"}}'], status=500), says("back again")]
    start()
    bot_api.write("hey")
    eventually(lambda: texts(bot_api) == [SORRY])
    bot_api.write("hello?")
    eventually(lambda: texts(bot_api) == [SORRY, "back again"])
    assert [said["content"] for said in upstream.asked[-1]["messages"]] == ["hello?"]


def test_a_bot_that_is_too_fast_waits_as_long_as_it_is_told_and_nothing_is_lost_or_doubled(
    start: Start, bot_api: Any, upstream: Any, says: Any, eventually: Callable[..., None]
) -> None:
    upstream.replies = [says("one\n\ntwo")]
    bot_api.flood(0)
    bot_api.flood(1)
    start()
    bot_api.write("hey")
    eventually(lambda: texts(bot_api) == ["one", "two"])
    assert bot_api.calls.count("sendMessage") == 4


def test_a_fan_who_has_blocked_the_bot_is_given_up_and_others_are_served(
    start: Start, bot_api: Any, eventually: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    bot_api.fail("sendMessage", 403, "Forbidden: bot was blocked by the user")
    start()
    bot_api.write("hey", chat=1)
    eventually(lambda: "Forbidden" in caplog.text)
    bot_api.write("hey", chat=2)
    eventually(lambda: [chat for chat, _ in bot_api.sent] == [2])
    assert "Traceback" not in caplog.text


def test_polling_goes_on_when_the_bot_api_stumbles(
    start: Start, bot_api: Any, eventually: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bot_api.fail("getUpdates", 502, "Bad Gateway")
    start()
    bot_api.write("my canary words")
    eventually(lambda: len(bot_api.sent) == 1)
    assert "messages could not be fetched" in caplog.text
    assert not any(secret in caplog.text for secret in ("canary", "Traceback"))


def test_a_bot_that_is_stopped_does_not_wait_for_a_model_that_hangs(
    start: Start, bot_api: Any, upstream: Any, raw: Any, eventually: Callable[..., None]
) -> None:
    upstream.replies = [raw([b""], hang=True)]
    start()
    bot_api.write("hey")
    eventually(lambda: upstream.asked)  # the fixture fails where the bot does not end in time
    assert bot_api.sent == []


def test_a_token_that_is_refused_or_missing_is_said_without_repeating_it(proxy: Any, bot_api: Any) -> None:
    for token, said in (("999:canary", "refused"), (None, "TG_BOT_TOKEN")):
        with pytest.raises(BotError, match=said) as caught:
            Bot(settings(bot_api, f"{proxy.url}/v1", tg_bot_token=token))
        assert "canary" not in str(caught.value)


def test_a_bot_api_that_cannot_be_reached_is_said_in_words(proxy: Any, bot_api: Any) -> None:
    with pytest.raises(BotError, match="does not answer"):
        Bot(settings(bot_api, f"{proxy.url}/v1", telegram_api="http://127.0.0.1:1"))


@given(st.text(alphabet=st.sampled_from("ab \n😏"), max_size=60).map(lambda text: text * 300))
def test_no_message_is_longer_than_telegram_takes_and_no_word_is_lost(reply: str) -> None:
    found = parts(reply)
    assert all(0 < len(part) <= 4096 for part in found)
    assert "".join("".join(found).split()) == "".join(reply.split())


def test_a_long_message_is_cut_between_words() -> None:
    assert parts("word " * 1000) == ["word " * 818 + "word", ("word " * 181).strip()]
