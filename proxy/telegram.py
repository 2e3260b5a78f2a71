"""A Telegram bot that talks to the proxy: each private chat is a conversation, each message of a fan a guarded turn.

The home of python-telegram-bot. The bot is a client like any other, so that it has no way around the rules. Neither a
fan's words nor the token, which stands in the address of every call, reach a log.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from telegram import Bot, Message, Update
from telegram.constants import ChatAction, MessageLimit
from telegram.error import Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError, TimedOut
from telegram.ext import Application, ApplicationBuilder, ContextTypes, ExtBot, MessageHandler, filters
from telegram.request import HTTPXRequest

from guards.errors import ChaperoneError
from proxy.bubbles import split
from proxy.headers import CONVERSATION
from proxy.settings import TelegramSettings, telegram_gives_timedeltas
from proxy.wire import content_of

_GREETING = "hey"  # what /start says for the fan: the persona answers in its own words
_MOST_CHATS = 10_000  # whose last messages are kept at hand
_MOST_MESSAGES = 40  # of each; who keeps conversations by their id knows the older ones
_AT_ONCE = 256  # chats that wait for a reply
_TYPING = 4.0  # seconds after which Telegram would stop showing it, and a second to spare
_GRACE = 5.0  # seconds to finish open answers when it is stopped
_TRIES = 4
_PAUSE = 1.0  # seconds before another try, and twice as many before each one after it
_LONGEST_PAUSE = 60.0
_BUSY = (429, 502, 503)

log = logging.getLogger("chaperone.telegram")


class BotError(ChaperoneError):
    """The bot cannot start: its token is refused or the Bot API cannot be reached."""


@dataclass(slots=True)
class _Chat:
    """What is at hand of one chat; `turn` lets its messages be answered one after the other."""

    messages: list[dict[str, str]] = field(default_factory=list, repr=False)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Chats:
    """Answers fans through the proxy that `client` asks; `sorry` is said when no reply can be had."""

    def __init__(self, client: httpx.AsyncClient, *, model: str, sorry: str) -> None:
        self._client = client
        self._model = model
        self._sorry = sorry
        self._chats: OrderedDict[int, _Chat] = OrderedDict()
        self._answering: set[asyncio.Task[Any]] = set()

    async def hear(self, update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        """One message of a fan, answered."""
        task, message = asyncio.current_task(), update.effective_message
        if task is None or message is None:
            return
        self._answering.add(task)
        try:
            await self._answer(message)
        finally:
            self._answering.discard(task)

    def give_up(self) -> None:
        """Leaves what is not answered yet."""
        for task in self._answering:
            task.cancel()

    async def _answer(self, message: Message) -> None:
        text = message.text or message.caption or ""
        if text.partition(" ")[0].partition("@")[0] == "/start":
            text = _GREETING
        chat, bot = self._chat(message.chat_id), message.get_bot()
        async with chat.turn:
            async with _typing(bot, message.chat_id):
                reply = await self._reply(chat, message.chat_id, text)
            for part in parts(reply or self._sorry):
                await _say(bot, message.chat_id, part)

    def _chat(self, number: int) -> _Chat:
        chat = self._chats.setdefault(number, _Chat())
        self._chats.move_to_end(number)
        while len(self._chats) > _MOST_CHATS:
            self._chats.popitem(last=False)
        return chat

    async def _reply(self, chat: _Chat, number: int, text: str) -> str:
        """The persona's reply, remembered with what it answers; empty when there is none."""
        messages = [*chat.messages, {"role": "user", "content": text}]
        try:
            response = await self._asked(number, messages)
            reply = content_of(response.json()) if response.is_success else ""
        except (httpx.HTTPError, ValueError, AttributeError) as error:
            log.warning("a reply could not be had: %s", type(error).__name__)
            return ""
        if not reply.strip():
            log.warning("a reply could not be had: the proxy answered %d", response.status_code)
            return ""
        chat.messages = [*messages, {"role": "assistant", "content": reply}][-_MOST_MESSAGES:]
        return reply

    async def _asked(self, number: int, messages: list[dict[str, str]]) -> httpx.Response:
        """The proxy's answer, asked once more where it is only busy. Raises httpx.HTTPError."""
        # A private chat is its fan's: with their id as the user, all that is known of them can be erased.
        body = {"model": self._model, "messages": messages, "user": f"telegram-{number}"}
        headers = {CONVERSATION: f"telegram-{number}"}
        response = await self._client.post("chat/completions", json=body, headers=headers)
        if response.status_code in _BUSY:
            await asyncio.sleep(_PAUSE)
            response = await self._client.post("chat/completions", json=body, headers=headers)
        return response


def parts(reply: str) -> list[str]:
    """`reply` as the messages it is sent in: one for each of the persona's, none longer than Telegram takes."""
    return [part for message in split(reply) for part in _shortened(message)]


def _shortened(message: str) -> list[str]:
    found = []
    while len(message) > MessageLimit.MAX_TEXT_LENGTH:
        at = message.rfind(" ", 1, MessageLimit.MAX_TEXT_LENGTH + 1)
        at = at if at > 0 else MessageLimit.MAX_TEXT_LENGTH
        found.append(message[:at].rstrip())
        message = message[at:].lstrip()
    return [*found, message]


@contextlib.asynccontextmanager
async def _typing(bot: Bot, chat: int) -> AsyncIterator[None]:
    """Shows the fan that somebody is typing meanwhile."""

    async def show() -> None:
        while True:
            with contextlib.suppress(TelegramError):
                await bot.send_chat_action(chat, ChatAction.TYPING)
            await asyncio.sleep(_TYPING)

    showing = asyncio.create_task(show())
    try:
        yield
    finally:
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)


async def _say(bot: Bot, chat: int, text: str) -> None:
    """Sends one message, waiting as long as Telegram asks. What it may have taken is not sent twice."""
    pause = _PAUSE
    for attempt in range(_TRIES):
        try:
            await bot.send_message(chat, text)
            return
        except RetryAfter as error:
            asked = error.retry_after
            wait = asked.total_seconds() if isinstance(asked, timedelta) else asked
        except (Forbidden, TimedOut):
            raise
        except NetworkError as error:
            if type(error) is not NetworkError:  # a request that is wrong stays wrong
                raise
            wait = pause
        if attempt + 1 < _TRIES:
            await asyncio.sleep(min(wait, _LONGEST_PAUSE))
        pause *= 2
    log.warning("a message could not be sent: Telegram did not take it in %d tries", _TRIES)


async def run(settings: TelegramSettings, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """Runs the bot until `stop`; `ready` is called with its name when it listens. Raises BotError."""
    telegram_gives_timedeltas()
    silence()
    token = settings.tg_bot_token.get_secret_value() if settings.tg_bot_token else ""
    if not token:
        raise BotError("no token: set TG_BOT_TOKEN to the one @BotFather gave you")
    base_url = settings.telegram_base_url.rstrip("/") + "/"
    async with (
        httpx.AsyncClient(base_url=base_url, timeout=settings.telegram_timeout, trust_env=False) as client,
        HTTPXRequest(connection_pool_size=_AT_ONCE) as calls,
        HTTPXRequest(connection_pool_size=1) as polling,
    ):
        bot = ExtBot(token, f"{settings.telegram_api.rstrip('/')}/bot", request=calls, get_updates_request=polling)
        chats = Chats(client, model=settings.telegram_model, sorry=settings.telegram_sorry)
        try:
            async with _application(bot, chats) as application:
                await _listen(application, chats, ready, stop)
        except InvalidToken:
            raise BotError("the token in TG_BOT_TOKEN is refused: ask @BotFather for the right one") from None
        except TelegramError as error:
            place = f"the Bot API at {settings.telegram_api} does not answer"
            raise BotError(f"{place} ({type(error).__name__})") from None


def silence() -> None:
    """Keeps the libraries from logging: they would log addresses, which hold the token, and updates, which hold text.
    What an operator should know of is logged by us."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("telegram").setLevel(logging.CRITICAL + 1)


def _application(bot: ExtBot[None], chats: Chats) -> Application[Any, Any, Any, Any, Any, Any]:
    application = ApplicationBuilder().bot(bot).concurrent_updates(_AT_ONCE).build()
    private = filters.UpdateType.MESSAGE & filters.ChatType.PRIVATE & (filters.TEXT | filters.CAPTION)
    application.add_handler(MessageHandler(private, chats.hear))
    application.add_error_handler(_failed)
    return application


async def _listen(
    application: Application[Any, Any, Any, Any, Any, Any], chats: Chats, ready: Callable[[str], None],
    stop: asyncio.Event,
) -> None:  # fmt: skip
    updater = application.updater
    if updater is None:
        raise BotError("the bot was built without polling")
    await application.start()
    try:
        await updater.start_polling(allowed_updates=[Update.MESSAGE], bootstrap_retries=_TRIES, error_callback=_unheard)
        ready(application.bot.username)
        await stop.wait()
    finally:
        if updater.running:
            await updater.stop()
        stopping = asyncio.create_task(application.stop())
        await asyncio.wait({stopping}, timeout=_GRACE)
        chats.give_up()
        await stopping


def _unheard(error: TelegramError) -> None:
    log.warning("messages could not be fetched, trying again: %s", type(error).__name__)


async def _failed(_: object, context: ContextTypes.DEFAULT_TYPE) -> None:
    log.error("a message could not be answered: %s", type(context.error).__name__)
