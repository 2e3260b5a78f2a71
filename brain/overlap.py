"""How much replies share with what was really said in their place, and how much they repeat themselves.

It stands apart as the home of the two scoring libraries, which take a while to load: only an evaluation needs them.
None of these numbers says whether a reply is good: another good answer shares few words with the one that was given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Overlap:
    """Corpus BLEU and chrF, and the mean F of ROUGE-L, each from 0 (nothing shared) to 100 (the same)."""

    bleu: float
    rouge_l: float
    chrf: float


def overlap(replies: Sequence[str], references: Sequence[str]) -> Overlap:
    """How much each reply shares with its reference. Raises ValueError for none, or where one lacks the other."""
    if not replies or len(replies) != len(references):
        raise ValueError("each reply needs one reference, and there must be one at least")
    # Imported here for start-up time: nobody but an evaluation pays for them.
    from rouge_score.rouge_scorer import RougeScorer  # noqa: PLC0415
    from sacrebleu.metrics.bleu import BLEU  # noqa: PLC0415
    from sacrebleu.metrics.chrf import CHRF  # noqa: PLC0415

    rouge = RougeScorer(["rougeL"])
    shared = [
        rouge.score(reference, reply)["rougeL"].fmeasure for reply, reference in zip(replies, references, strict=True)
    ]
    stream, parallel = list(replies), [list(references)]
    return Overlap(
        # Forced, as chat has spaces before its full stops now and then, of which the library would warn.
        bleu=BLEU(force=True).corpus_score(stream, parallel).score,
        rouge_l=100 * sum(shared) / len(shared),
        chrf=CHRF().corpus_score(stream, parallel).score,
    )


def distinct(texts: Sequence[str], length: int) -> float:
    """The share of different runs of `length` words among all of them, 0 to 1; 0 where no text has so many words.

    It falls as there are more texts: compare equal numbers of them only.
    """
    runs = [run for text in texts for run in _runs(text.casefold().split(), length)]
    return len(set(runs)) / len(runs) if runs else 0.0


def _runs(words: list[str], length: int) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + length]) for at in range(len(words) - length + 1)]
