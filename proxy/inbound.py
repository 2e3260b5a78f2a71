"""The input stage: judges what the fan newly said, and says what goes to the upstream, or that nothing does."""

from __future__ import annotations

from dataclasses import dataclass, field

from brain.regenerate import steer
from guards.errors import MalformedRequest
from guards.redact import redact
from guards.types import Action, Verdict
from proxy.history import answered, harmless
from proxy.leaves import Leaf, fields
from proxy.turn import Turn
from proxy.wire import Json, carries_media, replaced, without_media


@dataclass(frozen=True, slots=True)
class Inbound:
    """What the input stage decided: its action, and the messages for the upstream (redacted, steered)."""

    action: Action
    messages: list[Json] = field(repr=False)
    rules: tuple[str, ...] = ()


async def judge_input(turn: Turn) -> Inbound:
    """Judges every new text of the request, and makes what stands before it harmless. Raises MalformedRequest for parts
    that policy refuses to pass unread."""
    messages = _readable(turn)
    await harmless(turn, messages)
    came = list(messages)
    found: dict[int, list[Verdict]] = {at: [] for at, _ in turn.request.new_messages()}
    for at, leaf in turn.request.new_texts():
        verdict = await turn.judge(leaf.text, "input", turn.context(at) if _is_content(leaf) else ())
        turn.note(verdict, leaf.text, f"{turn.request.place(at)}.{'.'.join(map(str, leaf.path))}")
        found[at].append(verdict)
        if verdict.masks:
            messages[at] = replaced(messages[at], leaf, redact(leaf.text, verdict.masks))
    for at, each in found.items():  # as redacted: what is masked is not there to be read as a whole
        place = turn.request.place(at)
        each += [turn.judge_readings(value, "input", f"{place}.{key}") for key, value in fields(messages[at])]
        if not any(verdict.failed for verdict in each):
            answered(turn, came[at], messages[at], max(verdict.action for verdict in each))
    verdicts = [verdict for each in found.values() for verdict in each]
    action = max((verdict.action for verdict in verdicts), default=Action.ALLOW)
    if action is Action.STEER:
        feedback = dict.fromkeys(line for verdict in verdicts for line in verdict.feedback)
        messages = steer(messages, " ".join(feedback))
    return Inbound(action, messages, tuple(dict.fromkeys(rule for verdict in verdicts for rule in verdict.rules)))


def _is_content(leaf: Leaf) -> bool:
    return leaf.path[:1] == ("content",)


def _readable(turn: Turn) -> list[Json]:
    """The messages as policy lets them pass: parts that no detector can read are passed, stripped or refused."""
    messages = list(turn.request.messages)
    how = turn.guard.policy.settings.unreadable_parts
    if how == "pass" or not any(map(carries_media, messages)):
        return messages
    if how == "refuse":
        at = next(number for number, message in enumerate(messages) if carries_media(message))
        raise MalformedRequest(
            "images, audio and files are not accepted here: send text", code="unreadable_part",
            param=f"{turn.request.place(at)}.content",
        )  # fmt: skip
    return [without_media(message) for message in messages]
