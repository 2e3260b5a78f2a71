"""`make bench`: what judging costs on one core, side by side in one run, in interleaved rounds. No text is read twice.

The texts are the ordinary rows of training_data/moderation.jsonl and, joined from them, messages of 200 characters.
"""

from __future__ import annotations

import json
import random
import statistics
import string
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from guards.clean import clean
from guards.detectors.base import Detector, Source
from guards.detectors.classifier import ClassifierDetector
from guards.detectors.lexicon import LexiconDetector
from guards.fold import Folded, fold
from guards.guard import Guard
from guards.policy import Terms
from guards.sentences import alone
from proxy.rule_files import read_policy

ROOT = Path(__file__).parent.parent
ROUNDS = 5
A_ROUND = 400  # texts
TERMS = (10, 100, 1_000, 10_000)


def ordinary(count: int) -> list[str]:
    """Benign messages of everyday talk."""
    rows = [json.loads(line) for line in (ROOT / "training_data" / "moderation.jsonl").open(encoding="utf-8")]
    texts = [row["text"] for row in rows if row["register"].startswith("ordinary") and row["lang"] == "en"]
    return random.Random(1).sample(texts, count)


def long_ones(texts: Sequence[str], length: int = 200) -> list[str]:
    """Messages of `length` characters out of shorter ones."""
    joined = " ".join(texts)
    return [joined[at : at + length] for at in range(0, len(joined) - length, length)]


def is_cleared(text: str, classifier: ClassifierDetector) -> bool:
    """True when the gate clears every sentence of `text`."""
    read = clean(text).text
    return not any(classifier.is_open(read[start:end].rstrip()) for start, end in alone(read))


def microseconds(judge: Callable[[str], object], texts: Sequence[str]) -> list[float]:
    """The time of each text, once."""
    spent = []
    for text in texts:
        begun = time.perf_counter()
        judge(text)
        spent.append(1e6 * (time.perf_counter() - begun))
    return spent


def lexicon_of(count: int) -> LexiconDetector:
    """A lexicon of `count` made-up names of five to ten letters."""
    random_ = random.Random(2)
    names: set[str] = set()
    while len(names) < count:
        names.add("".join(random_.choices(string.ascii_lowercase, k=random_.randint(5, 10))))
    return LexiconDetector([Source("names", ("find", 0, "terms"), "full", Terms(terms=sorted(names)))], {})


def interleaved(judges: dict[str, Callable[[str], object]], texts: Sequence[str]) -> dict[str, list[float]]:
    """Each judge's times over all rounds, the judges taking turns so that the machine's moods hit all alike."""
    times: dict[str, list[float]] = {name: [] for name in judges}
    warm_up, *rounds = (texts[number :: ROUNDS + 1] for number in range(ROUNDS + 1))
    for judge in judges.values():
        microseconds(judge, warm_up)
    for part in rounds:
        for name, judge in judges.items():
            times[name] += microseconds(judge, part)
    return times


def _finding(detector: Detector, folded: Mapping[str, Folded]) -> Callable[[str], object]:
    return lambda text: list(detector.find(folded[text]))


def main() -> None:
    """Prints the tables."""
    texts = ordinary(2 * (ROUNDS + 1) * A_ROUND)
    texts, others = texts[::2], texts[1::2]
    policy, _ = read_policy(ROOT / "rules")
    guard = Guard(policy, is_judged=False)
    (classifier,) = (each for each in guard.detectors if isinstance(each, ClassifierDetector))
    folded = {text: fold(text) for text in texts}
    judges: dict[str, Callable[[str], object]] = {"fold": fold}
    for detector in guard.detectors:
        judges[detector.name] = _finding(detector, folded)
    print(
        f"µs a message, {ROUNDS * A_ROUND:,} ordinary messages of {statistics.mean(map(len, texts)):.0f} characters "
        "on average"
    )
    print(f"{'':12}{'p50':>8}{'mean':>8}{'p99':>8}")
    whole = interleaved({"all of it": lambda text: guard.check(text, "input")}, others)
    for name, spent in (interleaved(judges, texts) | whole).items():
        ordered = sorted(spent)
        p99 = ordered[int(0.99 * len(ordered))]
        print(f"{name:12}{statistics.median(ordered):8.0f}{statistics.mean(ordered):8.0f}{p99:8.0f}")
    longer = long_ones(texts)
    print()
    for name, some in (
        ("", longer),
        (" that the gate clears", [each for each in longer if is_cleared(each, classifier)]),
    ):
        spent = interleaved({"": lambda text: guard.check(text, "input")}, some)[""]
        p50, mean = statistics.median(spent), statistics.mean(spent)
        print(f"all of it on 200 characters{name}: p50 {p50:.0f}, mean {mean:.0f}")
    lexicons = {str(count): lexicon_of(count) for count in TERMS}
    by_terms = interleaved(
        {name: _finding(lexicon, folded) for name, lexicon in lexicons.items()},
        texts,
    )
    print("\nlexicon by number of terms")
    least = statistics.mean(by_terms[str(TERMS[0])])
    for name, spent in by_terms.items():
        print(f"{int(name):>12,}{statistics.mean(spent):8.1f} µs   {statistics.mean(spent) / least:.2f} times")


if __name__ == "__main__":
    main()
