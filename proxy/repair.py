"""Repair: what follows the released text when a reply was withheld. Another attempt of the model, else a deflection."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from guards.errors import UpstreamError
from guards.types import Action, Verdict
from proxy.turn import Turn
from proxy.upstream import succeeded
from proxy.wire import ChatRequest, Json, read_reply, write_json

_COUNTS = ("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens")
_BYTES_A_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Repaired:
    """The accepted ending: `text` goes right behind what was released. `action` is regenerate or deflect."""

    text: str = field(repr=False)
    action: Action


async def repair(
    turn: Turn, messages: list[Json], released: str, rejected: str, verdict: Verdict, *, request: ChatRequest
) -> Repaired:
    """Another ending of the reply, accepted by the same guard. `request` is the one that is made once more. Never
    raises for what the model or upstream does."""
    turn.rise(verdict.action if verdict.action < Action.BLOCK else Action.DEFLECT)
    if verdict.action is Action.REGENERATE:
        text = await _regenerated(turn, messages, released, rejected, verdict, request=request)
        if text is not None:
            return Repaired(text, Action.REGENERATE)
    turn.rise(Action.DEFLECT)
    return Repaired(deflection(turn, verdict.rules, released), Action.DEFLECT)


def deflection(turn: Turn, rules: Sequence[str], released: str = "") -> str:
    """The line to give: the first rule's own, else the policy's; the one chosen reads on from `released` and passes.

    Empty when the policy accepts none behind `released`.
    """
    policy = turn.guard.policy
    own = {rule.id: rule.deflections for rule in policy.rules}
    lines = [line for rule in rules for line in own[rule]] or list(policy.settings.deflections)
    first = zlib.crc32(turn.id.encode()) % len(lines)
    glue = " " if released and not released[-1].isspace() else ""
    for line in [*lines[first:], *lines[:first], *policy.settings.deflections]:
        text = glue + policy.filled(line)
        if not turn.judge_now(released + text, "output").withholds:
            return text
    return ""


async def _regenerated(
    turn: Turn, messages: list[Json], released: str, rejected: str, verdict: Verdict, *, request: ChatRequest
) -> str | None:
    policy = turn.guard.policy
    most = max((rule.attempts() for rule in policy.rules if rule.id in verdict.rules), default=0)
    attempts = min(most, policy.settings.regeneration.attempts)
    if attempts == 0:
        return None
    budget = policy.settings.regeneration
    spent = 0

    async def complete(transcript: list[Json]) -> str:
        nonlocal spent
        reply = await turn.ask(request.once_more(transcript), request.upstream)
        body = await reply.read()
        if not succeeded(reply):
            raise UpstreamError(f"the upstream answered {reply.status}", code=f"upstream_{reply.status}")
        completion = read_reply(body)
        turn.add_usage(completion.get("usage"))
        spent += _tokens(completion, write_json(transcript))
        return request.text_in(completion)

    async def check(text: str) -> Verdict:
        return await turn.judge(text, "output")

    regeneration = await turn.services.regenerator.regenerate(
        transcript=messages, released=released, rejected=rejected, verdict=verdict, complete=complete, check=check,
        attempts=attempts, deadline=budget.deadline, may_go_on=lambda: budget.tokens is None or spent < budget.tokens,
    )  # fmt: skip
    turn.attempts += regeneration.attempts
    accepted = int(regeneration.text is not None)
    turn.services.metrics.attempts.labels("accepted").inc(accepted)
    turn.services.metrics.attempts.labels("failed").inc(len(regeneration.attempts) - accepted)
    return regeneration.text


def _tokens(completion: Json, asked: bytes) -> int:
    """What an attempt took, as the upstream counts; where it does not, a token for every four bytes."""
    usage = completion.get("usage")
    counts = [usage.get(name) for name in _COUNTS] if isinstance(usage, dict) else []
    said = sum(count for count in counts if isinstance(count, int) and not isinstance(count, bool))
    return said or (len(asked) + len(write_json(completion))) // _BYTES_A_TOKEN
