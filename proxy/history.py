"""History: what stands before the new messages. It is made harmless, never acted upon: one bad turn is one bad turn.

A client sends its whole transcript each time. What was judged when it was new, or released by us, is known by its
fingerprint and costs a look-up. What is not known (another worker judged it, or the client made it up) is judged once.
What may not pass is replaced upstream by a placeholder, so that it neither poisons the conversation nor steers it.
"""

from __future__ import annotations

import asyncio

from guards.redact import redact
from guards.types import Action, Stage
from proxy.leaves import fields, is_name, leaves, readings
from proxy.seen import fingerprint_of
from proxy.turn import Judged, Turn
from proxy.wire import PLACEHOLDER, Json, replaced, text_of

_NO_ARGUMENTS = "{}"
_SETTINGS = frozenset(
    {"name", "server_label", "ttl", "status", "tool_name", "phase"}
)  # a placeholder there would be refused


async def harmless(turn: Turn, messages: list[Json]) -> None:
    """Replaces in `messages` whatever of the history may not pass. A deflection, which is no answer, goes too."""
    seen, version = turn.services.seen, turn.guard.version
    for at in range(turn.request.first_new):
        message = messages[at]
        if message["role"] in ("system", "developer"):
            continue
        fingerprint = fingerprint_of(message, version)
        is_known, instead = seen.get(fingerprint)
        if is_known and instead is None:
            continue
        if not is_known:
            if message["role"] == "assistant" and text_of(message.get("content")) in turn.guard.policy.deflection_lines:
                instead = withheld(message)
                seen.put(fingerprint, instead)
            else:
                # a long history that is new to us leaves the event loop to others
                instead = await asyncio.to_thread(_made_harmless, turn, message, at, fingerprint)
        if instead is not None:
            messages[at] = instead


def answered(turn: Turn, came: Json, went: Json, action: Action) -> None:
    """Remembers a new message, which will come back as history: as it `came`, as it `went` on, and the action on it.
    What was deflected or blocked is a placeholder from then on."""
    instead = withheld(came) if action >= Action.DEFLECT else None if went is came else went
    turn.services.seen.put(fingerprint_of(came, turn.guard.version), instead)


def said(turn: Turn) -> None:
    """Remembers what the fan was told in this turn: it has been judged."""
    for text in turn.final.values():
        if text not in turn.guard.policy.deflection_lines:
            for message in turn.request.told(text):
                turn.services.seen.put(fingerprint_of(message, turn.guard.version), None)


def withheld(message: Json) -> Json:
    """`message` with a placeholder for every text of it; what only names things stays, so that it is still valid."""
    for leaf in leaves(message):
        if leaf.path[-1] == "arguments":
            message = replaced(message, leaf, _NO_ARGUMENTS)
        elif not (is_name(leaf.text) and leaf.path[-1] in _SETTINGS):
            message = replaced(message, leaf, PLACEHOLDER)
    return message


def _made_harmless(turn: Turn, message: Json, at: int, fingerprint: int) -> Json | None:
    """Judges one message that is not known, remembers the outcome, and notes it where something had to go."""
    stage: Stage = "output" if message["role"] == "assistant" else "input"
    judged = [(leaf, turn.judge_now(leaf.text, stage)) for leaf in leaves(message)]
    whole = [turn.judge_now(text, stage) for _, value in fields(message) for text in readings(value)]
    verdicts = [*(verdict for _, verdict in judged), *whole]
    instead = message
    for leaf, verdict in judged:
        if verdict.action is Action.REDACT:
            instead = replaced(instead, leaf, redact(leaf.text, verdict.masks))
    if any(verdict.action > Action.STEER for verdict in verdicts) or any(verdict.masks for verdict in whole):
        instead = withheld(message)
    if not any(verdict.failed for verdict in verdicts):
        turn.services.seen.put(fingerprint, None if instead is message else instead)
    if instead is message:
        return None
    for leaf, verdict in judged:
        if verdict.withholds:
            turn.judged.append(Judged(verdict, leaf.text, f"history[{at}].{'.'.join(map(str, leaf.path))}"))
    turn.notes.append(f"history[{at}] was withheld from the upstream")
    return instead
