"""One turn: its id, the snapshot it is judged by, and everything that will stand in its record."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from brain.judge import Judge
from brain.regenerate import Attempt, Regenerator
from guards.errors import MalformedRequest
from guards.fold import fold_term
from guards.guard import Guard
from guards.openings import Watch
from guards.policy import Settings
from guards.types import Action, Kind, Message, Stage, Verdict
from proxy.audit import DEFAULT_TENANT, AuditStore, Record
from proxy.corrections import Corrections
from proxy.feedback import FeedbackStore
from proxy.headers import ACTION, PERSONA, POLICY, RULES, TENANT, TURN, to_upstream
from proxy.leaves import readings
from proxy.metrics import Metrics
from proxy.policy_store import PolicyStore
from proxy.recent import Recent, behind
from proxy.seen import Seen
from proxy.upstream import Reply, Upstream
from proxy.wire import ChatRequest, Json, write_json

_LONG = 4000  # characters from which judging leaves the event loop to others
_NOTHING: dict[Stage, Verdict] = {"input": Verdict("input"), "output": Verdict("output")}
_OUT_OF_TIME = "judging: time is up"
_JUDGING: dict[Stage, str] = {"input": "judging_input", "output": "judging_output"}


@dataclass(frozen=True, slots=True)
class Services:
    """What a turn needs from outside, assembled once in `app.py`.

    `clock` gives monotonic seconds, `now` the time in UTC, `new_id` a fresh turn id.
    """

    policies: PolicyStore
    upstream: Upstream
    corrections: Corrections
    regenerator: Regenerator
    judge: Judge | None
    audit: AuditStore
    feedback: FeedbackStore
    metrics: Metrics
    seen: Seen
    recent: Recent
    clock: Callable[[], float]
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    rule_headers: bool = False


@dataclass(slots=True)
class Judged:
    """One stage's verdict with the text it was reached for."""

    verdict: Verdict
    text: str = field(repr=False)
    place: str = ""


class Turn:
    """One request on its way through. `action` is the final action so far; it only rises.

    Raises MalformedRequest for a tenant that the policy does not name.
    """

    def __init__(self, services: Services, request: ChatRequest, headers: Mapping[str, str]) -> None:
        self.services = services
        self.request = request
        self.guard: Guard = services.policies.guard
        self.tenant = _tenant(headers, self.guard.policy.settings)
        self.id = services.new_id()
        self.started = services.clock()
        self.action = Action.ALLOW
        self.judged: list[Judged] = []
        self.attempts: list[Attempt] = []
        self.final: dict[int, str] = {}
        self.notes: list[str] = []
        self.usage: dict[str, int] = {}
        self._persona = ""  # who answered, where the upstream is our persona service
        self._earlier = services.recent.before(request)
        self._time = services.now()
        self._headers = to_upstream(headers, self.id)
        self._timings: dict[str, float] = {}
        self._choices_before: tuple[Message, ...] = ()

    @property
    def created(self) -> int:
        """Unix seconds of the request."""
        return int(self._time.timestamp())

    def headers(self, action: Action) -> list[tuple[bytes, bytes]]:
        """Our response headers; rules are named only where the operator asked for it."""
        pairs = [(TURN, self.id), (POLICY, self.guard.version), (ACTION, action.word)]
        if self.services.rule_headers:
            pairs.append((RULES, ",".join(dict.fromkeys(rule for j in self.judged for rule in j.verdict.rules))))
        return [(name.encode(), value.encode()) for name, value in pairs]

    async def judge(self, text: str, stage: Stage, context: Sequence[Message] | None = None) -> Verdict:
        """The verdict in force: the guard's, and where that is gray, the judge's. A long text leaves the event loop to
        others. `context` are the turns before it, by default those before this turn's answer for a reply."""
        if len(text) > _LONG:
            verdict = await asyncio.to_thread(self.look, text, stage, context)
        else:
            verdict = self.look(text, stage, context)
        return await self.settle(verdict, text, context) if verdict.gray else verdict

    def watch(self) -> Watch:
        """What tells which words of a reply open nothing."""
        return self.guard.watch("output", self._said_before("output"))

    def look(
        self,
        text: str,
        stage: Stage,
        context: Sequence[Message] | None = None,
        *,
        kind: Kind = "all",
        is_inside: bool = False,
    ) -> Verdict:
        """The guard's verdict, counted and timed; what is gray is still to be settled. `context` as for `judge`, `kind`
        and `is_inside` as for the guard. A reply whose judging has taken the policy's time is looked at no further."""
        began = self.services.clock()
        if stage == "output" and self._timings.get(_JUDGING[stage], 0.0) > self.guard.policy.settings.most_judging:
            return self._unlooked(stage)
        before = self._said_before(stage) if context is None else context
        verdict = self.guard.check(text, stage, before, kind=kind, is_inside=is_inside)
        seconds = self.services.clock() - began
        self.services.metrics.judged(verdict, seconds)
        self._spend(_JUDGING[stage], seconds)
        return verdict if self.services.judge else _unasked(verdict)

    def _unlooked(self, stage: Stage) -> Verdict:
        verdict = self.guard.unlooked(stage)
        self.services.metrics.judged(verdict, 0.0)
        if _OUT_OF_TIME not in self.notes:
            self.notes.append(_OUT_OF_TIME)
        return verdict

    def judge_now(self, text: str, stage: Stage) -> Verdict:
        """The guard's verdict on the text alone where nobody can wait for the judge: gray findings count as their rules
        say."""
        return _unasked(self.look(text, stage, ()))

    async def settle(self, verdict: Verdict, text: str, context: Sequence[Message] | None = None) -> Verdict:
        """`verdict` with the judge's opinion on its gray findings, if it has one in time. `context` as for `judge`."""
        if self.services.judge is None:
            return _unasked(verdict)
        titles = {rule.id: rule.title for rule in self.guard.policy.rules}
        asked = {finding.rule: titles[finding.rule] for finding in verdict.gray}
        bounds = self.guard.policy.settings.judge
        before = tuple(self._said_before(verdict.stage) if context is None else context)
        opinion = await self.services.judge.ask(
            candidate=text, stage=verdict.stage, transcript=before, rules=asked,
            key=fold_term(text), turn=self.id, deadline=bounds.deadline, per_turn=bounds.per_turn,
        )  # fmt: skip
        self.services.metrics.opinions.labels(opinion.why).inc()
        self._spend("judge", opinion.seconds)
        if opinion.labels is None:
            self.notes.append(f"judge: {opinion.why}")
            return _unasked(verdict)
        return self.guard.settle(verdict, {rule: rule in opinion.labels for rule in asked})

    def read_on(self, choices: Sequence[str]) -> None:
        """From here on a reply is judged behind these choices of its own, where all are one text."""
        if self.request.one_text:
            self._choices_before = tuple(Message("assistant", text) for text in choices if text)

    def context(self, at: int) -> Sequence[Message]:
        """What was said before message number `at`, in this request and, where it holds too little, before it."""
        return behind(self._earlier, self.request.context(at))

    def _said_before(self, stage: Stage) -> Sequence[Message]:
        return (*self._before_reply, *self._choices_before) if stage == "output" else ()

    @cached_property
    def _before_reply(self) -> Sequence[Message]:
        return self.context(len(self.request.messages))

    def judge_readings(self, value: Any, stage: Stage, place: str) -> Verdict:
        """The strongest verdict over all the ways `value` can be read beyond its single strings, noted.

        A place in a reading is no place in the value, so what would be redacted there is withheld instead.
        """
        worst = _NOTHING[stage]
        for text in readings(value):
            verdict = self.judge_reading(text, stage, place)
            if verdict.action > worst.action:
                worst = verdict
        return worst

    def judge_reading(self, text: str, stage: Stage, place: str) -> Verdict:
        """The verdict on one way to read something, noted; as above."""
        verdict = self.judge_now(text, stage)
        if verdict.action is Action.REDACT:
            verdict = dataclasses.replace(verdict, action=Action.DEFLECT, masks=())
        self.note(verdict, text, place)
        return verdict

    def note(self, verdict: Verdict, text: str, place: str) -> None:
        """Keeps a verdict for the record, with the text it is about, unless nothing was found."""
        if verdict.action > Action.ALLOW or verdict.shadow:
            self.judged.append(Judged(verdict, text, place))
            if verdict.stage == "input" or verdict.action <= Action.REDACT:
                self.rise(verdict.action)

    def rise(self, action: Action) -> None:
        """Records an action that was really taken."""
        self.action = max(self.action, action)

    def add_usage(self, usage: Any) -> None:
        """Adds the tokens of one attempt."""
        for name, count in (usage if isinstance(usage, dict) else {}).items():
            if isinstance(count, int) and not isinstance(count, bool):
                self.usage[name] = self.usage.get(name, 0) + count

    async def ask(self, body: Json, path: str = "") -> Reply:
        """The upstream's answer to `body` under this turn's headers, on the request's own path or another. Raises
        UpstreamError."""
        await self.services.corrections.settled(self.request.conversation)
        began = self.services.clock()
        try:
            reply = await self.services.upstream.send(
                "POST",
                path or self.request.upstream,
                self._headers,
                write_json(body),
                credential=self.request.credential,
            )
        finally:
            self._spend("upstream", self.services.clock() - began)
        self._persona = dict(reply.headers).get(PERSONA, self._persona)
        self.services.corrections.is_ours |= bool(self._persona)
        return reply

    def flag(self, rules: Sequence[str]) -> None:
        """Notes what the rules that fired on the fan's words flag their conversation with."""
        flags = [rule.flag for rule in self.guard.policy.rules if rule.id in rules and rule.flag]
        if flags and self.request.conversation:
            self.services.corrections.flag(self.request.conversation, flags)

    def correct(self, *, left: bool = False) -> None:
        """Tells our persona service, where it is the upstream, what the fan saw, where that is not what it had said:
        after a repair, a redaction, and where the client `left` before the end."""
        conversation = self.request.conversation
        touched = (each.verdict.action >= Action.REDACT for each in self.judged if each.verdict.stage == "output")
        if self._persona and conversation and (left or any(touched)):
            self.services.corrections.tell(
                conversation=conversation, turn=self.id, persona=self._persona, seen=self.final.get(0, ""),
                headers=self._headers,
            )  # fmt: skip
        if conversation:
            self.services.corrections.pass_on_flags(
                conversation=conversation, turn=self.id, model=self.request.model, headers=self._headers
            )

    async def close(self) -> None:
        """Writes the record, if this turn needs one, and counts the turn. Raises AuditError.

        Shielded: a client that leaves must not take its record with it.
        """
        services = self.services
        services.metrics.served(self.action.word, services.clock() - self.started)
        if self.action > Action.ALLOW or self.judged:
            await asyncio.shield(services.audit.write(self._record()))

    def _record(self) -> Record:
        stages: dict[str, list[dict[str, Any]]] = {"input": [], "output": []}
        for judged in self.judged:
            stages[judged.verdict.stage].append({**_verdict_json(judged.verdict, judged.text), "place": judged.place})
        total = self.services.clock() - self.started
        return Record(
            turn=self.id,
            time=self._time.isoformat(timespec="milliseconds"),
            action=self.action.word,
            model=self.request.model,
            conversation=self.request.conversation,
            policy=self.guard.version,
            body={
                "tenant": self.tenant or DEFAULT_TENANT,
                "surface": self.request.surface,
                "stages": stages,
                "attempts": [_attempt_json(attempt) for attempt in self.attempts],
                "final": [self.final[index] for index in sorted(self.final)],
                "notes": self.notes,
                "timings_ms": {name: round(1000 * s, 3) for name, s in {**self._timings, "total": total}.items()},
            },
        )

    def _spend(self, name: str, seconds: float) -> None:
        self._timings[name] = self._timings.get(name, 0.0) + seconds


def _tenant(headers: Mapping[str, str], settings: Settings) -> str | None:
    named = headers.get(TENANT)
    if named is not None and named not in settings.tenants:
        raise MalformedRequest(f"{TENANT} names none of the tenants in policy.yaml", code="unknown_tenant")
    return named


def _unasked(verdict: Verdict) -> Verdict:
    """`verdict` where no judge tells about its gray findings."""
    return dataclasses.replace(verdict, gray=()) if verdict.gray else verdict


def _verdict_json(verdict: Verdict, text: str) -> dict[str, Any]:
    findings = [
        {
            "rule": finding.rule, "detector": finding.detector, "start": finding.start, "end": finding.end,
            "score": round(finding.score, 4), "view": finding.view, "text": text[finding.start : finding.end],
        }
        for finding in verdict.findings
    ]  # fmt: skip
    return {
        "action": verdict.action.word, "rules": verdict.rules, "shadow": verdict.shadow, "findings": findings,
        "text": text,
    }  # fmt: skip


def _attempt_json(attempt: Attempt) -> dict[str, Any]:
    verdict = _verdict_json(attempt.verdict, attempt.text) if attempt.verdict else None
    return {
        "number": attempt.number, "feedback": attempt.feedback, "text": attempt.text, "verdict": verdict,
        "error": attempt.error, "ms": round(1000 * attempt.seconds, 3),
    }  # fmt: skip
