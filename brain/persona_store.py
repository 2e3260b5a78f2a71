"""The cast in force: made whole, swapped whole, and kept when the next one is refused.

It stands apart as the one watcher of the training data: a turn takes the cast once and is done with it, whatever is
saved meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import watchfiles

from brain.cast import Cast
from brain.persona_files import FOLDER
from guards.errors import ChaperoneError, PolicyError, Problem

_LOOK_AGAIN = 1  # seconds between looks at whether the folders are still the same

log = logging.getLogger(__name__)


class PersonaStore:
    """Holds the cast that answers new turns. `make` makes one of the files in `folder` or raises PolicyError."""

    def __init__(self, folder: Path, make: Callable[[], Cast]) -> None:
        self._folder = folder
        self._make = make
        self.cast = make()
        self.problems: tuple[Problem, ...] = ()

    async def watch(self, stop: asyncio.Event) -> None:
        """Takes every change of a persona's files up until `stop` is set."""
        watched = self._identity()
        while not stop.is_set():
            if None in watched:
                await asyncio.sleep(_LOOK_AGAIN)
            else:
                await self._watch_these(watched, stop)
            found = self._identity()
            if found != watched:
                watched = found
                await self.reload()

    async def reload(self) -> bool:
        """Puts the files as they are now in force; False when they are refused and the last good cast goes on."""
        try:
            cast = await asyncio.to_thread(self._made)
        except PolicyError as error:
            return self._refused(error.problems)
        except ChaperoneError as error:
            return self._refused((Problem(str(self._folder), 0, str(error)),))
        except Exception as error:  # noqa: BLE001 - an edge of its own: a defect here must not end the watching
            return self._refused((Problem(str(self._folder), 0, f"cannot be loaded: {type(error).__name__}"),))
        if _versions(cast) != _versions(self.cast) or self.problems:
            log.info(
                "personas in force: %s", ", ".join(f"{name} {version}" for name, version in _versions(cast).items())
            )
        self.cast, self.problems = cast, ()
        return True

    def _made(self) -> Cast:
        """The new cast, with everything built, so that no turn waits for it."""
        cast = self._make()
        cast.prepare()
        return cast

    def _refused(self, problems: tuple[Problem, ...]) -> bool:
        self.problems = problems
        for problem in problems:
            log.error("personas refused: %s", problem)
        log.error("the personas before them go on: %s", ", ".join(self.cast.members))
        return False

    async def _watch_these(self, watched: tuple[int | None, ...], stop: asyncio.Event) -> None:
        """Watches until a folder is another one, as after a rename or a mount: that would pass unseen."""
        async for changes in watchfiles.awatch(
            self._folder, stop_event=stop, debounce=200, step=50, rust_timeout=_LOOK_AGAIN * 1000, yield_on_timeout=True
        ):
            if any(path.endswith((".yaml", ".json")) for _, path in changes):
                await self.reload()
            if self._identity() != watched:
                return

    def _identity(self) -> tuple[int | None, ...]:
        """What tells these folders from others of their names; None for one that is not there."""
        return tuple(map(_inode, (self._folder, self._folder / FOLDER)))


def _inode(folder: Path) -> int | None:
    try:
        return folder.stat().st_ino
    except OSError:
        return None


def _versions(cast: Cast) -> dict[str, str]:
    return {name: member.version for name, member in cast.members.items()}
