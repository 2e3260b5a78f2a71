"""Word facts: what the entries of a snapshot ask of single words, looked up once for all that ask.

They stand apart because several detectors want to know of the same words: each of them asks when it is built, and reads
off its own bits when a text comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache, reduce
from operator import or_

from guards.chunks import chunks_of
from guards.detectors.demands import PLAIN_SIGNS, Demand, Demands, Numbered, least_weight, ones, rarest, tokens_of
from guards.remembered import Remembered
from guards.views import lowered

_WORDS_KEPT = 32_768
_TEXTS_KEPT = 16
_LONGEST_TEXT_KEPT = 4_000
_WITHOUT_PLAIN_SIGNS = dict.fromkeys(map(ord, PLAIN_SIGNS))


class WordFacts:
    """What the words of a text are, a bit for each thing that was asked. What a word is, is remembered.

    All is asked before the first text is read, else RuntimeError. Demands are for ASCII, where every word stands as it
    is.
    """

    def __init__(self) -> None:
        self._questions: list[Callable[[str], bool]] = []
        self._demands: dict[Demand, None] = {}
        self._of_word = Remembered(self._read, _WORDS_KEPT).__getitem__
        self._of_text = lru_cache(maxsize=_TEXTS_KEPT)(self._all_of)

    def ask(self, question: Callable[[str], bool]) -> int:
        """The bit that a text has when `question` holds of what stands between two spaces of it, in lower case."""
        self._stay_open()
        self._questions.append(question)
        return 1 << len(self._questions) - 1

    def demand(self, demands: Iterable[Demand]) -> None:
        """Has `bit` know these."""
        new = dict.fromkeys(demand for demand in demands if demand not in self._demands)
        if new:
            self._stay_open()
            self._demands |= new

    def bit(self, demand: Demand) -> int:
        """The bit that a text has when it meets `demand`."""
        return 1 << self._numbered.number[demand] + len(self._questions)

    def of(self, text: str) -> int:
        """The bits of `text`. Linear."""
        return self._of_text(text) if len(text) <= _LONGEST_TEXT_KEPT else self._all_of(text)

    @cached_property
    def _numbered(self) -> Numbered:
        return Numbered(self._demands)

    def _stay_open(self) -> None:
        if "_numbered" in self.__dict__:
            raise RuntimeError("something new is asked of words when texts have been read")

    def _all_of(self, text: str) -> int:
        chunks, are_short = chunks_of(text)
        return reduce(or_, map(self._of_word if are_short else self._read, chunks), 0)

    def _read(self, word: str) -> int:
        low = lowered(word)
        is_plain = word.isalpha() or word.translate(_WITHOUT_PLAIN_SIGNS).isalpha() or PLAIN_SIGNS.issuperset(word)
        met = self._numbered.bits_of(tokens_of(low), is_plain=is_plain) << len(self._questions)
        for at, question in enumerate(self._questions):
            if question(low):
                met |= 1 << at
        return met


class DemandGate:
    """Tells which entries may find something in a text: those all of whose demands it meets.

    `ways` are what the entries demand, each with the number of its entry, of which one way must be met. It reads ASCII,
    where every word stands as it is.
    """

    def __init__(self, ways: Iterable[tuple[int, Demands]], facts: WordFacts) -> None:
        self._facts = facts
        self._kept = [(entry, tuple(dict.fromkeys(way))) for entry, way in ways]
        self._always = sorted({entry for entry, way in self._kept if not way})
        facts.demand(demand for _, way in self._kept for demand in way)

    def open_for(self, text: str) -> Sequence[int]:
        """The entries that may find something in `text`, which is ASCII, in order."""
        met = self._facts.of(text)
        pivots, ways = self._filed
        if not met & pivots:
            return self._always
        found = set(self._always)
        for pivot in ones(met & pivots):
            for second, entries in ways[pivot]:
                if second & met == second:
                    found.update([entry for needed, entry in entries if needed & met == needed])
        return sorted(found)

    @cached_property
    def _filed(self) -> tuple[int, dict[int, list[tuple[int, list[tuple[int, int]]]]]]:
        """The bits of all pivots, the rarest demand of each way. By the place of each: what bits another demand of the
        way has, and for every entry that has both, all bits that it needs."""
        asked: dict[tuple[int, int], dict[int, list[int]]] = {}
        for entry, way in self._kept:
            if way:
                pivot = rarest(way) or max(way, key=least_weight)
                others = [demand for demand in way if demand != pivot]
                needed = sum(self._facts.bit(demand) for demand in way)
                second = self._facts.bit(rarest(others) or max(others, key=least_weight)) if others else 0
                asked.setdefault((self._facts.bit(pivot), second), {}).setdefault(entry, []).append(needed)
        ways: dict[int, list[tuple[int, list[tuple[int, int]]]]] = {}
        for (pivot_bit, second), by_entry in asked.items():
            ways.setdefault(pivot_bit.bit_length() - 1, []).append((second, list(_least(by_entry))))
        return sum(1 << pivot for pivot in ways), ways


def _least(by_entry: Mapping[int, Sequence[int]]) -> Iterator[tuple[int, int]]:
    """(needed, entry) for each entry without what only asks for more than another of its own does."""
    for entry, asked in by_entry.items():
        yield from ((needed, entry) for needed in set(asked) if not any(n != needed and n & needed == n for n in asked))
