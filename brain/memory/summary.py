"""When a conversation has outgrown its budget: which lines go, and what is kept of them without a language model.

It stands apart as pure functions; who writes the better summary is `summarise`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from brain.memory.recall import tokens, words
from brain.memory.types import Line, Recollection

# The last turns stay word for word, whatever their length: a reply that is made up from half a turn is none.
_LAST_TURNS = 2
# How much of the budget stays as lines once they are folded, so that not every turn folds again.
_STAYS = 0.5
_SUMMARY_SHARE = 0.25
_LEAST_SUMMARY = 60
# Where no summary could be had so far, lines may grow to this many budgets before the extract takes over.
PATIENCE = 2
_LONGEST_PIECE = 24
_LEAST_WORDS = 2
_SPEAKERS = {"user": "fan", "assistant": "persona"}


def weight(lines: Sequence[Line]) -> float:
    """About how many tokens some lines have."""
    return sum(tokens(line.text) for line in lines)


def outgrown(known: Recollection, budget: int) -> tuple[Line, ...]:
    """The oldest lines, whole turns of them, that have to go into the summary; none while all is within `budget`."""
    if weight(known.lines) <= budget:
        return ()
    turns = list(dict.fromkeys(line.turn for line in known.lines))
    last = set(turns[-_LAST_TURNS:])
    gone, left = 0, weight(known.lines)
    for index, line in enumerate(known.lines):
        if line.turn in last:
            break
        left -= tokens(line.text)
        ends = index + 1 == len(known.lines) or known.lines[index + 1].turn != line.turn
        if ends:
            gone = index + 1
            if left <= budget * _STAYS:
                break
    return known.lines[:gone]


def folded(known: Recollection, lines: Sequence[Line], summary: str) -> Recollection:
    """The recollection with `summary` in place of its oldest `lines`; as it was where they are no longer that."""
    if not lines or known.lines[: len(lines)] != tuple(lines):
        return known
    return replace(known, summary=summary, lines=known.lines[len(lines) :])


def summary_budget(budget: int) -> int:
    """How many tokens a summary may have beside lines of `budget` tokens."""
    return max(_LEAST_SUMMARY, int(budget * _SUMMARY_SHARE))


def shortened(summary: str, budget: int) -> str:
    """A summary cut to about `budget` tokens, at the end of a sentence where there is one."""
    if tokens(summary) <= budget:
        return summary.strip()
    kept = summary.split()[: int(budget / 1.3)]
    text = " ".join(kept)
    end = max(text.rfind(mark) for mark in ".!?")
    return text[: end + 1] if end > len(text) // 2 else text


def told(line: Line) -> str:
    """A line with its speaker, as a summary is made of them."""
    return f"{_SPEAKERS.get(line.role, line.role)}: {' '.join(line.text.split())}"


def extract(summary: str, lines: Sequence[Line], budget: int) -> str:
    """A summary without a language model: the pieces of the one before and of these lines that tell most, shortened, in
    their order, within about `budget` tokens. A newer piece beats an older one that tells as much."""
    pieces = [piece for piece in summary.split("\n") if piece]
    pieces += [_piece(line) for line in lines if len(words(line.text)) >= _LEAST_WORDS]
    rarity = _rarity(pieces)
    ranked = sorted(range(len(pieces)), key=lambda index: (_telling(pieces[index], rarity), index), reverse=True)
    chosen, spent = list[int](), 0.0
    for index in ranked:
        cost = tokens(pieces[index])
        if spent + cost <= budget and pieces[index] not in (pieces[other] for other in chosen):
            chosen.append(index)
            spent += cost
    return "\n".join(pieces[index] for index in sorted(chosen))


def _piece(line: Line) -> str:
    words_ = told(line).split()
    return " ".join(words_) if len(words_) <= _LONGEST_PIECE else " ".join(words_[:_LONGEST_PIECE]) + " …"


def _rarity(pieces: Sequence[str]) -> dict[str, float]:
    counts: dict[str, int] = {}
    for piece in pieces:
        for word in words(piece):
            counts[word] = counts.get(word, 0) + 1
    return {word: 1 / count for word, count in counts.items()}


def _telling(piece: str, rarity: dict[str, float]) -> float:
    """Rare words tell; what the fan says of themselves tells more than anything."""
    fan = piece.startswith("fan:")
    own = bool(re.search(r"\b(?:i|im|i'm|my|ive|i've|we)\b", piece, re.IGNORECASE))
    asks = piece.rstrip().endswith("?")
    return sum(rarity.get(word, 0.0) for word in words(piece)) * (1.0 + fan + (fan and own)) * (0.6 if asks else 1.0)
