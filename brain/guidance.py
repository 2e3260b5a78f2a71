"""Guidance as text: a signature's instructions and field values in one system message, and back.

It stands apart because both ends of that message are ours: `regenerate` writes it into the client's transcript, and
the persona service, when it is the upstream, reads out of it what the fan has already seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from brain.signatures import Rewrite


def describe(signature: Any, field: str) -> str:
    """The description of an input field of `signature`."""
    return str(signature.input_fields[field].json_schema_extra["desc"])


def render(signature: Any, inputs: dict[str, Any], names: Iterable[str]) -> str:
    """The signature's instructions, then one paragraph `<description> <value>` per named input that has a value."""
    instructions = " ".join(signature.instructions.split())
    told = [name for name in names if inputs.get(name)]
    return "\n\n".join([instructions, *(f"{describe(signature, name)} {inputs[name]}" for name in told)])


def told_in(system: str, signature: Any, field: str) -> str:
    """What a system message of `render` tells for `field` of `signature`; empty when it tells nothing of it."""
    return system.partition(f"\n\n{describe(signature, field)} ")[2].partition("\n\n")[0]


def is_for(system: str, signature: Any) -> bool:
    """True for a system message of `render` with the instructions of `signature`."""
    return system.partition("\n\n")[0] == " ".join(signature.instructions.split())


def released_in(guidance: str) -> str:
    """The part of the reply that `guidance` says was delivered already; empty when it says nothing of the kind."""
    return guidance.partition(describe(Rewrite, "released") + " ")[2]
