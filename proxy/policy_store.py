"""The snapshot in force: loaded whole, swapped whole, and kept when the next one is refused."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import watchfiles

from guards.errors import PolicyError, Problem
from guards.guard import Guard

_LOOK_AGAIN = 1  # seconds between looks at whether the folder is still the same one

log = logging.getLogger("chaperone.rules")


class PolicyStore:
    """Holds the guard that judges new turns. `load` makes one from a folder or raises PolicyError."""

    def __init__(self, folder: Path, load: Callable[[Path], Guard]) -> None:
        self._folder = folder
        self._load = load
        self.guard = load(folder)
        self.problems: tuple[Problem, ...] = ()
        _tell_of_slow_rules(self.guard)

    async def watch(self, stop: asyncio.Event) -> None:
        """Reloads on every change below the folder until `stop` is set."""
        watched = _identity(self._folder)
        while not stop.is_set():
            if watched is None:
                await asyncio.sleep(_LOOK_AGAIN)
            else:
                await self._watch_one(watched, stop)
            found = _identity(self._folder)
            if found != watched:
                watched = found
                await self.reload()

    async def _watch_one(self, watched: int, stop: asyncio.Event) -> None:
        """Watches until the folder is another one, as after a rename or a mount: that would pass unseen."""
        async for changes in watchfiles.awatch(
            self._folder, stop_event=stop, debounce=200, step=50, rust_timeout=_LOOK_AGAIN * 1000, yield_on_timeout=True
        ):
            if changes:
                await self.reload()
            if _identity(self._folder) != watched:
                return

    async def reload(self) -> bool:
        """Puts the folder as it is now in force; False when it is refused and the last good snapshot goes on."""
        try:
            guard = await asyncio.to_thread(self._load, self._folder)
        except PolicyError as error:
            return self._refused(error.problems)
        except Exception as error:  # noqa: BLE001 - an edge of its own: a defect here must not end the watching
            return self._refused((Problem(str(self._folder), 0, f"cannot be loaded: {type(error).__name__}"),))
        if guard.version != self.guard.version or self.problems:
            log.info("rules in force: version %s", guard.version)
            _tell_of_slow_rules(guard)
        self.guard, self.problems = guard, ()
        return True

    def _refused(self, problems: tuple[Problem, ...]) -> bool:
        self.problems = problems
        for problem in problems:
            log.error("rules refused: %s", problem)
        log.error("the rules of version %s keep judging", self.guard.version)
        return False


def _tell_of_slow_rules(guard: Guard) -> None:
    """Says which rules keep replies from going out word by word, where the policy asks for that."""
    settings = guard.policy.settings
    is_adaptive = any(settings.streamed(tenant)[0] == "adaptive" for tenant in (None, *settings.tenants))
    if guard.unbounded and is_adaptive:
        log.warning(
            "replies go out sentence by sentence, not word by word: %s may find something in any words",
            ", ".join(sorted(guard.unbounded)),
        )


def _identity(folder: Path) -> int | None:
    """What tells this folder from another of its name; None when there is none."""
    try:
        return folder.stat().st_ino
    except OSError:
        return None
