"""Which headers travel. Credentials are forwarded and never kept; ours cannot be forged from outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Raw = Iterable[tuple[bytes, bytes]]

TURN = "x-chaperone-turn"
POLICY = "x-chaperone-policy"
ACTION = "x-chaperone-action"
RULES = "x-chaperone-rules"
CONVERSATION = "x-conversation-id"
# Whose fan it is, as policy.yaml names its tenants.
TENANT = "x-chaperone-tenant"
# On the answers of our own persona service: who speaks.
PERSONA = "x-chaperone-persona"

_HOP_BY_HOP = frozenset({
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade", "date", "host", "content-length", "content-encoding", "accept-encoding", "expect",
})  # fmt: skip
_OURS = "x-chaperone-"


def decoded(raw: Raw) -> dict[str, str]:
    """ASGI header pairs as a mapping of lower-case names; of a repeated one the last."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}


def to_upstream(headers: Mapping[str, str], turn: str) -> dict[str, str]:
    """The client's headers for the upstream, with the turn's id."""
    kept = {name: value for name, value in headers.items() if _travels(name)}
    return {**kept, "content-type": "application/json", "accept-encoding": "identity", TURN: turn}


def to_client(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """The upstream's headers for the client, byte for byte (the HTTP client reads them as UTF-8 with escapes)."""
    return [(_raw(name), _raw(value)) for name, value in headers if _travels(name)]


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _travels(name: str) -> bool:
    return name not in _HOP_BY_HOP and not name.startswith(_OURS)
