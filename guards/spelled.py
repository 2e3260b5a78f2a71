"""Spelled: numbers, letters, dots and ats written as words, read as the signs they stand for.

A number in words becomes the sign of a telephone and its digits (`five five five, oh one three four` -> ☎5550134), so
that a pattern can tell it from a number that was always one. Counting (`one two three four five`) is left alone. A dot
or an at becomes a sign where a mail address or a host can stand: before `com`, or in brackets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from guards.letter_names import letter_names, names_letter
from guards.views import View, lowered, replaced

_DIGIT_WORDS: dict[str, tuple[str, ...]] = {
    "0": ("zero", "zéro", "cero", "null", "ноль"),
    "1": ("one", "uno", "eins", "один"),
    "2": ("two", "dos", "dois", "deux", "zwei", "zwo", "два"),
    "3": ("three", "tres", "três", "trois", "drei", "tre", "три"),
    "4": ("four", "cuatro", "quatro", "quatre", "vier", "quattro", "четыре"),
    "5": ("five", "cinco", "cinq", "fünf", "funf", "cinque", "пять"),
    "6": ("six", "seis", "sechs", "шесть"),
    "7": ("seven", "siete", "sete", "sept", "sieben", "sette", "семь"),
    "8": ("eight", "ocho", "oito", "huit", "acht", "otto", "восемь"),
    "9": ("nine", "nueve", "nove", "neuf", "neun", "niner", "девять"),
}
_TEENS = [
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_NUMBERS = {word: digit for digit, words in _DIGIT_WORDS.items() for word in words}
_NUMBERS |= {word: str(10 + at) for at, word in enumerate(_TEENS)}
_NUMBERS |= {word: str(20 + 10 * at) for at, word in enumerate(_TENS)}
_HOMOPHONES = {"oh": "0", "o": "0", "won": "1", "um": "1", "un": "1", "to": "2", "too": "2", "due": "2", "tree": "3",
               "free": "3", "for": "4", "fore": "4", "fife": "5", "sei": "6", "sex": "6", "ate": "8"}  # fmt: skip
_TIMES = {"double": 2, "dubble": 2, "doble": 2, "dobro": 2, "triple": 3}
_UNLEET = str.maketrans("0134578", "oieastb")
_LONGEST_GAP = 4
_LEAST_DIGITS = 5
LEAST_WORDS = 3
_SURE_DIGITS = 9
_BESIDE = ".,;:!?'\"()"

_TOKEN = re.compile(r"[^\W_]+")
_GLUED = re.compile(r"zero|one|two|three|four|five|six|seven|eight|nine|\d")
_MARK_STEM = re.compile(r"d[o0]t|p[uo]nto|punkt|point|точка|slash|[(\[{<]")
_MARK = re.compile(
    r"\s{0,3}(?:[\[({<]\s?(?P<sure>d[o0]+t+|punto|ponto|\.|at+|a|@|arroba)\s?[\])}>]"
    r"|\b(?P<dot>d[o0]+t+|punto|ponto|punkt|point|точка)\b"
    r"|(?P<at>\b(?:at+|arroba|aroba|arobase|chiocciola|ät|собака)\b|@)|\b(?P<slash>slash)\b)\s{0,3}",
    re.IGNORECASE,
)
_TLD = re.compile(r"(?:com|con|net|org|me|gg|io|tv|ly|bio|link|app|xyz|info|ru|co|de|fr|es|br|uk)\b", re.IGNORECASE)
_BETWEEN = re.compile(r"[\w+-]{1,40}")


@dataclass(frozen=True, slots=True)
class _Said:
    """One word of a number: its place, its digits, and whether it is a word for them or only sounds like one."""

    start: int
    end: int
    digits: str
    words: int
    sounds: int = 0


def is_number(word: str) -> bool:
    """True when lower-case `word` says a number in letters."""
    said = _said(word.strip(_BESIDE), 0, len(word), 1)
    return said is not None and said.words > 0


def is_mark(word: str) -> bool:
    """True when lower-case `word` can be the name of a letter, or stand for a dot, an at or a slash."""
    mark = _MARK.search(word)
    return names_letter(word) or (mark is not None and not (mark["at"] and mark[0] != "@"))


def number_words_in(low: str) -> int:
    """How many words for numbers stand in lower-case `low`, glued ones counted each."""
    said = (_said(token, 0, 0, 1) for token in _TOKEN.findall(low))
    return sum(each.words for each in said if each is not None)


def mark_stems_in(low: str) -> bool:
    """True when lower-case `low` has what a dot, an at or a slash may be written with."""
    return _MARK_STEM.search(low) is not None


def spelled(base: View) -> View | None:
    """`base` with numbers, letters, dots and ats in words read as signs; None when there are none. Linear."""
    changes: list[tuple[int, int, str]] = []
    low = base.text.lower()
    if _may_hold_number(low):
        changes.extend(_numbers(base.text))
    changes.extend(_apart_from(changes, letter_names(lowered(base.text))))
    if mark_stems_in(low):
        changes.extend(_apart_from(changes, _marks(base.text)))
    return replaced("spelled", base, sorted(changes)) if changes else None


def _apart_from(
    taken: Sequence[tuple[int, int, str]], more: Iterable[tuple[int, int, str]]
) -> list[tuple[int, int, str]]:
    """Those of `more` that share no place with one of `taken`."""
    return [each for each in more if not any(start < each[1] and each[0] < end for start, end, _ in taken)]


def _may_hold_number(low: str) -> bool:
    count = number_words_in(low)
    return count >= LEAST_WORDS or (count > 0 and sum(map(str.isdigit, low)) >= _LEAST_DIGITS)


def _numbers(text: str) -> Iterator[tuple[int, int, str]]:
    run: list[_Said] = []
    lead: re.Match[str] | None = None  # a `double` or `triple` before the next number
    for token in _TOKEN.finditer(text):
        word = token[0].lower()
        first = lead or token
        said = _said(word, first.start(), token.end(), _TIMES[lead[0].lower()] if lead else 1)
        if (run and first.start() - run[-1].end > _LONGEST_GAP) or (said is None and word not in _TIMES):
            yield from _read(run)
            run = []
        lead = token if said is None and word in _TIMES else None
        if said is not None:
            run.append(said)
    yield from _read(run)


def _said(word: str, start: int, end: int, times: int) -> _Said | None:
    if word in _HOMOPHONES:
        return _Said(start, end, _HOMOPHONES[word] * times, 0, 1)
    number = _NUMBERS.get(word)
    if number is None and not word.isalpha():
        number = _NUMBERS.get(word.translate(_UNLEET))
    if number is not None and not word.isdigit():
        return _Said(start, end, number * times, 1)
    if word.isdigit() and word.isascii():
        return _Said(start, end, word, 0)
    pieces = _GLUED.findall(word) if _GLUED.match(word) else []
    if pieces and sum(map(len, pieces)) == len(word):
        return _Said(start, end, "".join(_NUMBERS.get(piece, piece) for piece in pieces), sum(map(str.isalpha, pieces)))
    return None


def _read(run: Sequence[_Said]) -> Iterator[tuple[int, int, str]]:
    words, sounds = sum(said.words for said in run), sum(said.sounds for said in run)
    if not words or sounds > words:
        return
    digits = _digits(run)
    enough = len(digits) >= _LEAST_DIGITS and words >= LEAST_WORDS
    if (enough or len(digits) >= _SURE_DIGITS) and not _is_counting(run):
        yield run[0].start, run[-1].end, f"☎{digits}"


def _digits(run: Sequence[_Said]) -> str:
    """All digits of a run; `forty two` is 42, not 402."""
    digits = ""
    tens = False
    for said in run:
        if tens and len(said.digits) == 1 and said.digits != "0":
            digits = digits[:-1]
        digits += said.digits
        tens = bool(said.words) and len(said.digits) == 2 and said.digits[1] == "0" and said.digits != "10"
    return digits


def _is_counting(run: Sequence[_Said]) -> bool:
    numbers = [int(said.digits) for said in run if len(said.digits) <= 2]
    steps = {after - before for before, after in pairwise(numbers)}
    return len(numbers) == len(run) and len(steps) == 1 and steps <= {1, -1, 2, 5, 10, -10}


def _marks(text: str) -> list[tuple[int, int, str]]:
    """The dots, ats and slashes that can stand in an address, found from its end backwards."""
    marks = list(_MARK.finditer(text))
    kept: list[tuple[int, int, str]] = []
    follows = -1  # where the next accepted mark begins
    for number in range(len(marks) - 1, -1, -1):
        mark = marks[number]
        tld = _TLD.match(text, mark.end())
        leads = follows >= 0 and _BETWEEN.fullmatch(text, mark.end(), follows) is not None
        if mark["slash"]:
            accepted = number > 0 and _TLD.fullmatch(text, marks[number - 1].end(), mark.start()) is not None
        else:
            accepted = bool(mark["sure"]) or (mark["dot"] and tld is not None) or leads
        if accepted and mark.start() > 0 and mark[0] != "@":
            kept.append((mark.start(), mark.end(), _sign(mark)))
        if accepted:
            follows = mark.start()
    return kept[::-1]


def _sign(mark: re.Match[str]) -> str:
    if mark["slash"]:
        return "/"
    word = (mark["sure"] or mark["dot"] or mark["at"]).lower()
    return "@" if mark["at"] or word[0] in "a@" else "."
