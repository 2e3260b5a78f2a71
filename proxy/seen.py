"""Which messages have been judged before, by fingerprint. Bounded; it holds no text but of replacements.

It stands apart from `history`, which uses it within a turn: it outlives turns and is shared by all of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from proxy.leaves import is_name
from proxy.wire import Json, write_json

_PLAIN = 2  # fields of a message that has a role, a text, and nothing else
_STATES = frozenset({"completed", "in_progress", "incomplete"})


class Seen:
    """Fingerprints of messages that have been judged, and what stands in their place; the newest `size` to twice that.

    A fingerprint is a 64-bit keyed hash (Python's own, whose key is the process's): only replacements are kept as text.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._young: dict[int, Json | None] = {}
        self._old: dict[int, Json | None] = {}

    def get(self, fingerprint: int) -> tuple[bool, Json | None]:
        """(True, what stands in its place or None for itself), or (False, None) when it is not known."""
        if fingerprint in self._young:
            return True, self._young[fingerprint]
        if fingerprint not in self._old:
            return False, None
        found = self._old[fingerprint]
        self.put(fingerprint, found)
        return True, found

    def put(self, fingerprint: int, instead: Json | None) -> None:
        """Remembers a judged message; `instead` is what stands in its place, None for itself."""
        self._young[fingerprint] = instead
        if len(self._young) >= self._size:
            self._old, self._young = self._young, {}


def fingerprint_of(message: Mapping[str, object], version: str) -> int:
    """What tells this message, under the policy `version`, from others."""
    if len(message) == _PLAIN and isinstance(content := message.get("content"), str) and "role" in message:
        return hash((version, message["role"], content))
    return hash((version, write_json(_bare(message), ordered=True)))


def _bare(value: object) -> object:
    """`value` without ids and without what is empty: the same message comes back with more or fewer of them."""
    if isinstance(value, Mapping):
        return {key: _bare(inner) for key, inner in value.items() if not _says_nothing(key, inner)}
    return [_bare(inner) for inner in value] if isinstance(value, list) else value


def _says_nothing(key: object, value: object) -> bool:
    if key == "id":
        return is_name(value)
    return value is None or value == [] or (key == "status" and isinstance(value, str) and value in _STATES)
