"""Growth: how the cost of every shipped pattern grows with the text, on texts made of the pattern itself.

A pattern's worst texts look like it: its own match again and again, the match without its end, without its beginning.
Linear means that four times the text costs four times as much.
"""

from __future__ import annotations

import importlib
import random
import statistics
import string
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from guards.detectors.base import Source
from guards.detectors.pattern import PatternDetector
from guards.policy import Pattern
from guards.views import Folded, View
from proxy.rule_files import read_policy

# How Python itself reads an expression: what it tells has no types.
sre: Any = importlib.import_module("re._constants")
_parser: Any = importlib.import_module("re._parser")

ROOT = Path(__file__).parent.parent
SHORT, TIMES = 16_000, 4  # characters; shorter ones are read by another of RE2's engines
ROUNDS = 3
_LEAST = 2e-4  # seconds: of a text that is read faster the clock shows where its memory lies, not what it is
_SOME = {sre.CATEGORY_DIGIT: string.digits, sre.CATEGORY_SPACE: " ", sre.CATEGORY_WORD: string.ascii_lowercase}
_OTHERS = {sre.CATEGORY_NOT_DIGIT: "x", sre.CATEGORY_NOT_SPACE: "x", sre.CATEGORY_NOT_WORD: ","}


def match_of(pattern: str, chance: random.Random) -> str:
    """A text that `pattern` matches, or nearly: what it asserts about its neighbours is not heeded."""
    return "".join(_written(_parser.parse(pattern), chance))


def _written(parsed: Any, chance: random.Random) -> Iterator[str]:
    for kind, value in parsed:
        if kind is sre.LITERAL:
            yield chr(value)
        elif kind is sre.NOT_LITERAL:
            yield "x" if chr(value) != "x" else "y"
        elif kind is sre.ANY:
            yield "x"
        elif kind is sre.IN:
            yield _one_of(value, chance)
        elif kind is sre.BRANCH:
            yield from _written(chance.choice(value[1]), chance)
        elif kind is sre.SUBPATTERN:
            yield from _written(value[3], chance)
        elif kind in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            least, most, inner = value
            for _ in range(chance.randint(least, min(int(most), least + 2))):
                yield from _written(inner, chance)


def _one_of(members: Sequence[Any], chance: random.Random) -> str:
    if members[0][0] is sre.NEGATE:
        return chance.choice("x ,")
    kind, value = chance.choice(members)
    if kind is sre.LITERAL:
        return chr(value)
    if kind is sre.RANGE:
        return chr(chance.randint(*value))
    return chance.choice((_SOME | _OTHERS)[value])


def worst_texts(pattern: str, chance: random.Random) -> Iterator[str]:
    """The pieces whose repetition makes the texts."""
    for _ in range(3):
        match = match_of(pattern, chance) or " "
        yield from (match, match + " ", match[:-1] or match, match[1:] or match)


def seconds(detector: PatternDetector, text: str) -> float:
    """The best of ROUNDS, of one search in `text`."""
    folded = Folded(text, (View("clean", text),))
    spent = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for _finding in detector.find(folded):
            pass
        spent.append(time.perf_counter() - begun)
    return min(spent)


def main() -> None:
    """Prints the growth of the pattern that grows most, and the median."""
    chance = random.Random(3)
    policy, _ = read_policy(ROOT / "rules")
    grown: list[tuple[float, str, str]] = []
    for rule in policy.rules:
        for at, entry in enumerate(rule.find):
            if isinstance(entry, Pattern):
                detector = PatternDetector([Source(rule.id, ("find", at, "pattern"), "full", entry)])
                for piece in worst_texts(entry.pattern, chance):
                    short = (piece * (SHORT // len(piece) + 1))[:SHORT]
                    least = seconds(detector, short)
                    if least >= _LEAST:
                        grown.append((seconds(detector, short * TIMES) / least, rule.id, entry.pattern))
    ratio, rule_id, pattern = max(grown)
    print(f"\n{len(grown):,} texts made of the patterns themselves: {TIMES} times the text costs", end=" ")
    print(f"{statistics.median(each for each, _, _ in grown):.1f} times as much at the median,")
    print(f"{ratio:.1f} times at most ({rule_id}: {pattern[:60]})")


if __name__ == "__main__":
    main()
