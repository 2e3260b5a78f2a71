"""The examples of a rule as a gate: a policy comes into force only when every example is judged as it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from guards.guard import Guard
from guards.policy import Example, Rule
from guards.types import STAGES, Message, Stage


@dataclass(frozen=True, slots=True)
class Failure:
    """One example that is judged otherwise than it says. `number` counts the rule's examples from 0."""

    rule: str
    number: int
    message: str


def failures(guard: Guard) -> Iterator[Failure]:
    """Every failed example of every rule that is not off. Examples are judged by their own rule alone."""
    for rule in guard.policy.rules:
        if rule.mode == "off":
            continue
        for number, example in enumerate(rule.examples):
            fired = any(_fires(guard, rule, example, stage) for stage in _stages(rule, example))
            if fired is not (example.block is not None):
                said = "is not found" if example.block is not None else "is found, but must be allowed"
                yield Failure(rule.id, number, f"example {number + 1} of {rule.id} {said}")


def _stages(rule: Rule, example: Example) -> list[Stage]:
    """Where to judge: what is found depends on the stage only through whose words the context holds."""
    looked_at = [stage for stage in STAGES if rule.action(stage) is not None]
    return looked_at if example.context else looked_at[:1]


def _fires(guard: Guard, rule: Rule, example: Example, stage: Stage) -> bool:
    context = [Message(turn.role, turn.text) for turn in example.context]
    return guard.fires(rule.id, example.text, stage, context)


def leaking_deflections(guard: Guard) -> Iterator[tuple[str, int]]:
    """(rule id or 'policy', number) of every deflection that the policy itself would withhold from a fan."""
    owners = [("policy", guard.policy.settings.deflections)]
    owners += [(rule.id, rule.deflections) for rule in guard.policy.rules]
    for owner, lines in owners:
        for number, line in enumerate(lines):
            if guard.check(guard.policy.filled(line), "output").withholds:
                yield owner, number
