"""Where recollections are kept: what every store can do.

It stands apart so that SQLite, Redis and whatever comes next are one narrow seam: a change is a pure function, and the
store runs it so that no other change of the same conversation, in whatever process, is lost beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from brain.memory.types import ConversationKey, MemoryDown, Recollection

Result = TypeVar("Result")
Change = Callable[[Recollection | None], tuple[Recollection | None, Result]]
"""From what is known (None: nothing) to what is to be kept (the same object, or None: leave it) and what to hand back.

May be called more than once, and anywhere; what it raises leaves the store as it was and reaches the caller."""


class Store(Protocol):
    """Keeps recollections by key. Every method may raise MemoryDown."""

    async def read(self, key: ConversationKey) -> Recollection | None:
        """What is known; None when nothing is."""

    async def change(self, key: ConversationKey, change: Change[Result]) -> Result:
        """Applies `change`, alone, and returns once its outcome is kept."""

    async def erase(self, key: ConversationKey) -> bool:
        """Forgets one conversation for good; whether there was one."""

    async def erase_user(self, tenant: str, user: str, persona: str | None) -> int:
        """Forgets all conversations of a user, with one persona or with all; how many there were."""

    async def of_user(self, tenant: str, user: str) -> Sequence[Recollection]:
        """All conversations of a user, with whichever persona."""

    async def silent(
        self, tenant: str, persona: str, after: datetime, before: datetime, *, limit: int, offset: int = 0
    ) -> Sequence[ConversationKey]:
        """Conversations whose silence is open (`openings.open_since`) and began between the two times, the longest
        first. A hint: what became of them since is for `change` to see."""

    async def forget_before(self, moment: datetime) -> int:
        """Forgets the conversations that ended before `moment` for good; how many, as far as the store can tell."""

    async def aclose(self) -> None:
        """Waits for what is being written and lets go of the store."""


_SHAPE = TypeAdapter(Recollection)


def written(recollection: Recollection) -> bytes:
    """A recollection as JSON."""
    return _SHAPE.dump_json(recollection)


def read_back(body: bytes) -> Recollection:
    """The recollection in a JSON text. Raises MemoryDown, which does not quote it."""
    try:
        return _SHAPE.validate_json(body)
    except ValidationError:
        raise MemoryDown("a recollection in the store cannot be read") from None
