"""Together AI through its own SDK, as a DSPy engine.

It stands apart as the one home of the `together` SDK. The SDK's retries are off: a turn has a deadline, and whoever
holds it decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import together
from dspy import lm15

from brain.lms.errors import of_status, unreachable
from brain.lms.shapes import StreamEvent, answer, chat_messages, delta

BASE_URL = "https://api.together.ai/v1"
CONNECT_SECONDS = 5.0

_FINISH = {"stop": "stop", "eos": "stop", "length": "length"}


class TogetherEngine:
    """Implements dspy's AsyncEngine for a model at Together. `timeout` bounds a whole answer, and in a stream each wait
    for the next piece, in seconds."""

    def __init__(self, *, model: str, api_key: str, timeout: float, base_url: str = BASE_URL) -> None:
        self._model = model
        self._timeout = timeout
        self._client = together.AsyncTogether(
            api_key=api_key,
            base_url=base_url,
            timeout=httpx.Timeout(timeout, connect=CONNECT_SECONDS),
            max_retries=0,
        )

    async def complete(self, request: lm15.Request) -> lm15.Response:
        """One answer. Raises dspy.lm15 errors without message text."""
        with _border():
            async with asyncio.timeout(self._timeout):
                done = await self._client.chat.completions.create(**self._body(request))
        choice = done.choices[0]
        text = (choice.message.content if choice.message else None) or ""
        return answer(request, text, finish=_finish(choice.finish_reason), usage=_usage(done.usage))

    async def stream(self, request: lm15.Request) -> AsyncIterator[StreamEvent]:
        """The answer as it is generated. Raises as `complete` does, at any point."""
        finish, usage = None, None
        with _border():
            async with await self._client.chat.completions.create(**self._body(request), stream=True) as chunks:
                yield lm15.StreamStartEvent(model=request.model)
                async for chunk in chunks:
                    usage = chunk.usage or usage
                    for choice in chunk.choices:
                        finish = choice.finish_reason or finish
                        if choice.delta.content:
                            yield delta(choice.delta.content)
        if finish is None:
            raise unreachable("together")
        yield lm15.StreamEndEvent(finish_reason=_finish(finish), usage=_usage(usage))

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._client.close()

    def _body(self, request: lm15.Request) -> dict[str, Any]:
        config = request.config
        options = {
            "temperature": config.temperature,
            "top_p": config.top_p,
            "max_tokens": config.max_tokens,
            "stop": list(config.stop) or None,
            "seed": config.seed,
            "presence_penalty": config.presence_penalty,
            "frequency_penalty": config.frequency_penalty,
        }
        given = {name: value for name, value in options.items() if value is not None}
        return {"model": self._model, "messages": chat_messages(request), **given}


@contextmanager
def _border() -> Iterator[None]:
    try:
        yield
    except together.APIStatusError as error:
        wait = error.response.headers.get("retry-after")
        raise of_status(error.status_code, "together", retry_after=wait) from None
    except (together.APITimeoutError, httpx.TimeoutException, TimeoutError):
        raise lm15.TimeoutError("together took too long", provider="together") from None
    except (together.TogetherError, httpx.HTTPError):
        raise unreachable("together") from None


def _finish(reason: str | None) -> str:
    return _FINISH.get(reason or "stop", "stop")


def _usage(usage: Any) -> lm15.Usage:
    if usage is None:
        return lm15.Usage()
    return lm15.Usage(
        input_tokens=usage.prompt_tokens, output_tokens=usage.completion_tokens, total_tokens=usage.total_tokens
    )
