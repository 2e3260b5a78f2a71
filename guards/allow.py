"""Allow: findings that lie wholly inside an allowed term do not count.

A term with capitals must be written as it is (`OF`), one without matches in any case. An allowed host name
(`onlyfans.com`) also covers the scheme before it and the path or closing punctuation behind it, but only for findings
that take in the host itself, so that nothing can be hidden in the path.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from guards.fold import Folded, lowered
from guards.policy import Policy
from guards.types import Finding

_PATH = re.compile(r"(?:/[^\s]{0,2000}|[.,;:!?…)\]}\"'”’*_]{1,9}(?=\s|$))?")
_SCHEME = re.compile(r"(?:https?://)?(?:www\.)?$", re.IGNORECASE)
_LONGEST_SCHEME = len("https://www.")


@dataclass(frozen=True, slots=True)
class _Allowed:
    """One place of an allowed term: the term itself, and the wider span it excuses."""

    term: tuple[int, int]
    span: tuple[int, int]


class AllowList:
    """The allowed terms of every rule of a policy."""

    def __init__(self, policy: Policy) -> None:
        self._terms: dict[str, Sequence[str]] = {
            rule.id: [policy.filled(term) for term in rule.allow] for rule in policy.rules
        }

    def keep(self, folded: Folded, findings: Iterable[Finding]) -> list[Finding]:
        """`findings` without those that an allowed term of their own rule covers."""
        places: dict[str, _Places] = {}
        kept: list[Finding] = []
        for finding in findings:
            if finding.rule not in places:
                places[finding.rule] = _Places(folded, self._terms[finding.rule])
            if not any(_covers(place, finding) for place in places[finding.rule].near(finding)):
                kept.append(finding)
        return kept


class _Places:
    """Every place of the allowed terms of one rule in one text, in order."""

    def __init__(self, folded: Folded, terms: Sequence[str]) -> None:
        self._places = sorted(_places(folded, terms), key=lambda place: place.term)
        self._starts = [place.term[0] for place in self._places]
        self._longest = max(map(len, terms), default=0)

    def near(self, finding: Finding) -> Sequence[_Allowed]:
        """The places whose term `finding` may touch."""
        first = bisect_left(self._starts, finding.start - self._longest)
        return self._places[first : bisect_left(self._starts, finding.end)]


def _covers(place: _Allowed, finding: Finding) -> bool:
    inside = place.span[0] <= finding.start and finding.end <= place.span[1]
    return inside and finding.start < place.term[1] and place.term[0] < finding.end


def _places(folded: Folded, terms: Sequence[str]) -> Iterator[_Allowed]:
    low = lowered(folded.text)
    for term in terms:
        text = folded.text if term != term.lower() else low
        at = text.find(term)
        while at >= 0:
            end = at + len(term)
            place = _host_place(folded.text, at, end) if "." in term else _word_place(folded, at, end)
            if place is not None:
                yield place
            at = text.find(term, end)


def _word_place(folded: Folded, start: int, end: int) -> _Allowed | None:
    if folded.is_word(start - 1) or folded.is_word(end):
        return None
    return _Allowed((start, end), (start, end))


def _host_place(text: str, start: int, end: int) -> _Allowed | None:
    """The host with its scheme and path; None when it is only a part of another host (`onlyfans.com.example`)."""
    before = _SCHEME.search(text, max(0, start - _LONGEST_SCHEME), start)
    first = before.start() if before else start
    if first and (text[first - 1].isalnum() or text[first - 1] in ".-@"):
        return None
    if text[end : end + 1].isalnum() or (text[end : end + 1] in (".", "-", "@") and text[end + 1 : end + 2].isalnum()):
        return None
    path = _PATH.match(text, end)
    return _Allowed((start, end), (first, path.end() if path else end))
