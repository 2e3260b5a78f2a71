"""Decide: findings and policy to one verdict. Pure; the strongest action of all rules that fired wins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from guards.policy import Policy, Rule
from guards.types import Action, Finding, Stage, Verdict

_NOBODY: Mapping[str, bool] = {}
_ON_ERROR = {"block": Action.BLOCK, "deflect": Action.DEFLECT, "allow": Action.LOG}


def decide(
    policy: Policy,
    stage: Stage,
    findings: Iterable[Finding],
    failed: Iterable[str] = (),
    said: Mapping[str, bool] = _NOBODY,
) -> Verdict:
    """The verdict for one text at `stage`.

    `failed` are the rules one of whose detectors could not look; they act as their `on_error` says. `said` is a judge's
    answer on gray findings, by rule: True for those that it confirms. Without an answer they count as they say
    themselves, and the verdict names them.
    """
    seen = _sorted(findings)
    failed = tuple(dict.fromkeys(failed))
    if not seen and not failed:
        return Verdict(stage)
    rules = {rule.id: rule for rule in policy.rules}
    counted = [finding for finding in seen if _counts(finding, said)]
    actions = _actions(rules, stage, counted)
    sure = {finding.rule for finding in seen if finding.gray is None}
    for name in failed:
        rule = rules[name]
        if (rule.action(stage) or Action.ALLOW) > Action.LOG:
            actions[name] = max(actions.get(name, Action.ALLOW), _ON_ERROR[rule.on_error])
    ranked = sorted(actions, key=lambda name: -actions[name])
    enforced = tuple(name for name in ranked if actions[name] > Action.LOG)
    return Verdict(
        stage=stage,
        action=max(actions.values(), default=Action.ALLOW),
        findings=tuple(finding for finding in counted if finding.rule in actions),
        rules=enforced,
        shadow=tuple(name for name in ranked if name not in enforced),
        feedback=tuple(policy.filled(rules[name].feedback) for name in enforced),
        masks=tuple((f.start, f.end) for f in counted if actions.get(f.rule) is Action.REDACT),
        gray=tuple(f for f in seen if f.rule not in said and f.rule not in sure and _is_enforced(rules, stage, f)),
        failed=failed,
    )


def settle(policy: Policy, verdict: Verdict, said: Mapping[str, bool]) -> Verdict:
    """`verdict` with a judge's answer on its gray findings: rules in `said` are confirmed (True) or cleared (False)."""
    sure = [finding for finding in verdict.findings if finding.gray is None]
    return decide(policy, verdict.stage, [*sure, *verdict.gray], verdict.failed, said)


def _counts(finding: Finding, said: Mapping[str, bool]) -> bool:
    return finding.gray is None or said.get(finding.rule, finding.gray == "block")


def _is_enforced(rules: Mapping[str, Rule], stage: Stage, finding: Finding) -> bool:
    return finding.gray is not None and (rules[finding.rule].action(stage) or Action.ALLOW) > Action.LOG


def _actions(rules: Mapping[str, Rule], stage: Stage, findings: Sequence[Finding]) -> dict[str, Action]:
    actions: dict[str, Action] = {}
    for name in dict.fromkeys(finding.rule for finding in findings):
        action = rules[name].action(stage)
        if action is not None:
            actions[name] = action
    return actions


def _sorted(findings: Iterable[Finding]) -> list[Finding]:
    """Findings in text order; of those that differ only in the view that revealed them, the first."""
    kept: dict[tuple[str, int, int, str], Finding] = {}
    for finding in findings:
        kept.setdefault((finding.rule, finding.start, finding.end, finding.detector), finding)
    return sorted(kept.values(), key=lambda finding: (finding.start, finding.end, finding.rule))
