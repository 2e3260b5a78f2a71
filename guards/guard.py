"""The guard: one text in, one verdict out. Compiled once from a policy, immutable, safe to share between threads.

This is the snapshot in force; whoever holds a reference judges a whole turn by it, whatever is reloaded meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from guards.allow import AllowList
from guards.decide import decide, settle
from guards.detectors import catalog
from guards.detectors.base import Detector
from guards.errors import DetectorError
from guards.fold import Folded, fold
from guards.openings import Openings, Watch
from guards.policy import Classifier, Policy, Rule
from guards.types import Finding, Kind, Message, Stage, Verdict

_SPEAKER: dict[Stage, str] = {"input": "user", "output": "assistant"}
_CONTEXT_MESSAGES = 2
_CONTEXT_CHARS = 48
_READ_ON_CHARS = 64  # of a text, behind what was said before it


class Guard:
    """The compiled policy. Raises detectors.base.BuildProblem where an entry cannot be compiled.

    Without a judge to ask (`is_judged` False) no finding is gray, and what only a judge would look at is passed by.
    """

    def __init__(self, policy: Policy, *, is_judged: bool = True) -> None:
        self._meaning_for_judge = () if is_judged else catalog.build(policy, meaning_alone=True)
        self.policy = policy = policy if is_judged else policy.without_judge()
        self.detectors = catalog.build(policy)
        self._place_detectors = tuple(detector for detector in self.detectors if detector.finds_places)
        self._meaning_detectors = tuple(detector for detector in self.detectors if not detector.finds_places)
        self._openings = Openings(self.detectors)
        self._allowed = AllowList(policy)

    @property
    def version(self) -> str:
        """The hash of the files this guard was compiled from."""
        return self.policy.version

    @property
    def unbounded(self) -> frozenset[str]:
        """The rules of which nothing tells where in a text they may find something: nothing can be released word by
        word beside them."""
        return self._openings.unbounded | {rule.id for rule in self.policy.rules if _asks_always(rule)}

    def watch(self, stage: Stage, context: Sequence[Message] = ()) -> Watch:
        """What tells, of a text that grows behind `context`, which of its words open nothing."""
        speaker = _SPEAKER[stage]
        listeners = [detector.listener(tuple(context), speaker) for detector in self.detectors]
        return Watch(self._openings, _spoken_before(context, speaker), filter(None, listeners))

    def check(
        self,
        text: str,
        stage: Stage,
        context: Sequence[Message] = (),
        *,
        kind: Kind = "all",
        is_inside: bool = False,
    ) -> Verdict:
        """The verdict for `text` at `stage`; offsets of its findings are code points in `text`.

        `context` are the messages before it, oldest first: what the same speaker just said is read on into `text`, so
        that a name or number split over two messages is seen. Findings wholly in the context do not count. Where a
        `watch` tells that nothing is open, or that only places are in question, detectors of one `kind` are enough. A
        stretch that `is_inside` its message does not follow on what was said before that.
        """
        if not self.detectors:
            return Verdict(stage)
        speaker = _SPEAKER[stage]
        if kind == "meaning":
            meant, failed = self._look(self._meaning_detectors, fold(text, speaker, tuple(context)))
            return decide(self.policy, stage, meant, failed)
        detectors = self.detectors if kind == "all" else self._place_detectors
        found, failed = self._look(detectors, fold(text, speaker, tuple(context)))
        tail = "" if is_inside else _spoken_before(context, speaker)
        if tail:
            near = text[:_READ_ON_CHARS]
            across, failed_across = self._look(self._place_detectors, fold(tail + near))
            whole = len(near) == len(text)
            found += (f for f in _crossing(across, len(tail)) if whole or f.end < len(near))
            failed |= failed_across
        return decide(self.policy, stage, found, failed)

    def unlooked(self, stage: Stage) -> Verdict:
        """The verdict on what may not be looked at any more: each rule acts as its `on_error` says."""
        return decide(self.policy, stage, (), [rule.id for rule in self.policy.rules])

    def is_undecided(self, verdict: Verdict, text: str, context: Sequence[Message] = ()) -> bool:
        """True where only a judge could tell more than `verdict`, that on `text`, whether there is one or not."""
        if not self._meaning_for_judge:
            return bool(verdict.gray)
        meant, _ = self._look(self._meaning_for_judge, fold(text, _SPEAKER[verdict.stage], tuple(context)))
        names = {detector.name for detector in self._meaning_for_judge}
        placed = [finding for finding in verdict.findings if finding.detector not in names]
        return bool(decide(self.policy, verdict.stage, [*placed, *meant]).gray)

    def fires(self, rule: str, text: str, stage: Stage, context: Sequence[Message] = ()) -> bool:
        """True when `rule`, which looks at `stage`, finds something in `text`. What is cheap looks first."""
        found, _ = self._look(self._place_detectors, fold(text))
        if any(finding.rule == rule for finding in found):
            return True
        return any(finding.rule == rule for finding in self.check(text, stage, context).findings)

    def settle(self, verdict: Verdict, said: Mapping[str, bool]) -> Verdict:
        """`verdict` once a judge has spoken on its gray findings: by rule, True confirms and False clears."""
        return settle(self.policy, verdict, said)

    def _look(self, detectors: Sequence[Detector], folded: Folded) -> tuple[list[Finding], set[str]]:
        found: list[Finding] = []
        failed: set[str] = set()
        for detector in detectors:
            try:
                found.extend(detector.find(folded))
            except DetectorError:
                failed |= detector.rules
        return (self._allowed.keep(folded, found) if found else found), failed


def _asks_always(rule: Rule) -> bool:
    return any(isinstance(entry, Classifier) and entry.judge == "always" for entry in rule.find)


def _spoken_before(context: Sequence[Message], role: str) -> str:
    spoken = [message.text for message in context if message.role == role][-_CONTEXT_MESSAGES:]
    tail = " ".join(spoken)[-_CONTEXT_CHARS:]
    return f"{tail} " if tail.strip() else ""


def _crossing(findings: Iterable[Finding], border: int) -> list[Finding]:
    """The findings that begin before `border` and end behind it, in offsets of the text behind it."""
    return [
        Finding(f.rule, 0, f.end - border, f.score, f.detector, f.view)
        for f in findings
        if f.start < border - 1 and f.end > border
    ]
