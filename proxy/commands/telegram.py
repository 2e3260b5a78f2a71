"""`chaperone telegram`: the persona on Telegram, through the proxy."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import click

from guards.errors import ChaperoneError
from proxy.commands.flags import flags, read
from proxy.commands.serving import configure_logging
from proxy.settings import TelegramSettings


@click.command()
@flags(TelegramSettings)
def telegram(**given: Any) -> None:
    """Run a Telegram bot that talks to the proxy; its token comes in TG_BOT_TOKEN."""
    settings = read(TelegramSettings, given)
    configure_logging()
    try:
        asyncio.run(_until_stopped(settings))
    except ChaperoneError as error:
        raise click.ClickException(str(error)) from None


async def _until_stopped(settings: TelegramSettings) -> None:
    # Imported here for start-up time, and so that --help does not load Telegram's library.
    from proxy.telegram import run  # noqa: PLC0415

    stop = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    await run(settings, lambda name: click.echo(f"@{name} listens, in front of {settings.telegram_base_url}"), stop)
