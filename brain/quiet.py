"""DSPy without a memory: no cache, no history, no trace, no log of a value.

It stands apart because one forgotten default would write fans' messages into DSPy's own stores: every DSPy call of
ours runs inside `quiet`, on an LM made by `language_model`. Nothing here but `silence_dspy` changes anything global.
"""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from typing import Any

import dspy
from dspy import lm15


class AsyncOnly:
    """The synchronous engine that `dspy.LM` insists on; our LMs are asynchronous, so it refuses every call."""

    def complete(self, request: lm15.Request) -> lm15.Response:
        """Raises dspy.lm15.UnsupportedFeatureError."""
        raise lm15.UnsupportedFeatureError("this LM answers asynchronous calls only")

    def close(self) -> None:
        """Holds nothing."""


_ASYNC_ONLY = AsyncOnly()


def language_model(name: str, engine: Any, *, blocking: Any = _ASYNC_ONLY, retries: int = 0, **config: Any) -> Any:
    """A dspy.LM over an `AsyncEngine`: no cache, no retries unless asked for. `config` are generation options.

    `name` labels the engine; it is no model name, which the engine knows and about which DSPy would have opinions.
    `blocking` answers synchronous calls, which only DSPy's optimizers make.
    """
    return dspy.LM(
        f"chaperone/{name}", engine=blocking, async_engine=engine, cache=False, num_retries=retries, **config
    )


def quiet(lm: Any, adapter: Any) -> AbstractContextManager[Any]:
    """The DSPy settings for one call: this LM, this adapter, and nothing kept, traced, tracked or logged."""
    context: AbstractContextManager[Any] = dspy.context(
        lm=lm,
        adapter=adapter,
        disable_history=True,
        max_history_size=0,
        trace=None,
        callbacks=[],
        track_usage=False,
        usage_tracker=None,
        send_stream=None,
        warn_on_type_mismatch=False,
        provide_traceback=False,
    )
    return context


def silence_dspy() -> None:
    """Switches both DSPy caches off for this process, and DSPy's warnings, some of which quote values.

    Called where a service or command starts.
    """
    dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=False)
    logging.getLogger("dspy").setLevel(logging.ERROR)
