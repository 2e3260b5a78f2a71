"""What was last said in a conversation, for clients that send only what is new and leave the rest to the upstream.

It stands apart from `seen`, which knows messages and not what they follow. It is there for judging alone: a name split
over two requests, or an answer to the question before it, is read as if the client had sent both. Nothing of it goes
upstream or to disk; it ends with the process, and each worker knows the turns it served itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from guards.types import Message
from proxy.wire import CONTEXT, ChatRequest

_MOST_CHARACTERS = 400  # of a message: its end is what the next one may go on from


class Recent:
    """The last CONTEXT messages of the `size` conversations that were last spoken in."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._said: OrderedDict[tuple[str, str], tuple[Message, ...]] = OrderedDict()

    def before(self, request: ChatRequest) -> Sequence[Message]:
        """What was said in the request's conversation before it, oldest first; nothing where it names none."""
        return self._said.get((request.model, request.conversation or ""), ())

    def add(self, request: ChatRequest, replies: Iterable[str]) -> None:
        """Notes what the fan newly said and was told."""
        if not request.conversation:
            return
        asked = [message for at, _ in request.new_messages() for message in request.context(at + 1)[-1:]]
        said = [*asked, *(Message("assistant", text) for text in replies)]
        kept = [Message(each.role, each.text[-_MOST_CHARACTERS:]) for each in said if each.text]
        key = request.model, request.conversation
        self._said[key] = (*self._said.pop(key, ()), *kept)[-CONTEXT:]
        if len(self._said) > self._size:
            self._said.popitem(last=False)


def behind(earlier: Sequence[Message], near: Sequence[Message]) -> Sequence[Message]:
    """`near`, what a request holds before a message, behind what was said `earlier` and is not among it; at most
    CONTEXT messages."""
    if not earlier or len(near) >= CONTEXT:
        return near
    given = {(each.role, each.text[-_MOST_CHARACTERS:]) for each in near}
    return [*(each for each in earlier if (each.role, each.text) not in given), *near][-CONTEXT:]
