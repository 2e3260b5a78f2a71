"""What one clause states: a table of patterns, each with what it says in the third person and of what kind that is.

It stands apart from the reader so that a new kind of fact is a line here and nothing else. Patterns name their subject
next to their verb: "i live in" is a statement, "i would live in", "i don't live in" and "he lives in" are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from brain.memory import relatives, selves
from brain.memory.patterns import DAY, I_AM, Made, Rule, rule
from brain.memory.phrases import name, risen, things, turned, words_until
from brain.memory.vocabulary import MONTHS


@dataclass(frozen=True, slots=True)
class Statement:
    """A fact, where in its clause it begins, and its kind (see brain.memory.types.Fact)."""

    start: int
    text: str = field(repr=False)
    kind: str = field(repr=False)


_SOFT = (
    r"(?: really| absolutely| also| still| just| actually| honestly| kinda| so| always| totally| "
    r"fucking| do| even| truly)*"
)
_BIRTHDAY = r"(?:birth ?day|b-?day|birthdy|brithday)"


def state(clause: str, at: datetime | None = None) -> Iterator[Statement]:
    """All that `clause` states; the reader says whether it may be believed."""
    if not _CUE.search(clause):
        return
    taken: list[str] = []
    for pattern, make in (*_RULES, *relatives.RULES, *selves.RULES):
        match = pattern.search(clause)
        made = make(match) if match else None
        if match and made and made[1] not in taken:
            taken.append(made[1])
            yield Statement(match.start(), *made)
    if at and (match := _TODAY.search(clause)):
        day = at + timedelta(days=match["when"] == "tomorrow")
        yield Statement(match.start(), f"their birthday is {day.day} {day:%B}", "birthday")


def _called(match: re.Match[str]) -> Made:
    found = name(match["rest"])
    return (f"they are called {found}", "name") if found and "and" not in found.split() else None


def _named(match: re.Match[str]) -> Made:
    found = name(match["rest"] or match["rest2"])
    return (f"they are called {found}", "name") if found else None


def _am_called(match: re.Match[str]) -> Made:
    found = match["name"]
    return (f"they are called {found}", "name") if name(found) and not found.isupper() else None


def _age(match: re.Match[str]) -> Made:
    return (f"they are {match['n']}", "age") if int(match["n"]) >= 18 else None


def _birthday(match: re.Match[str]) -> Made:
    when = risen(match["when"].replace(" the ", " ").replace(" of ", " ").split())
    return f"their birthday is {when}", "birthday"


def _taste(match: re.Match[str]) -> Made:
    verb = {"luv": "love", "loooove": "love", "cant stand": "can't stand"}.get(
        match["verb"].lower(), match["verb"].lower()
    )
    found = things(match["rest"])
    return (f"they {verb} {found}", f"taste:{_topic(found)}") if found else None


def _into(match: re.Match[str]) -> Made:
    found = things(match["rest"])
    return (f"they are {match['how'].lower()} {found}", f"taste:{_topic(found)}") if found else None


def _topic(found: str) -> str:
    return re.split(r" (?:and|or|&) ", found)[0].casefold()


def _fan(match: re.Match[str]) -> Made:
    found = turned(words_until(match["rest"], 4))
    return (f"they are a fan of {found}", f"taste:{found.casefold()}") if found and "you" not in found.split() else None


def _favourite(match: re.Match[str]) -> Made:
    found = things(match["rest"], 6) or (
        turned(words_until(match["rest"], 6)) if match["rest"][:4].lower() == "the " else ""
    )
    what = match["what"].lower()
    return (f"their favourite {what} is {found}", f"favourite:{what}") if found else None


def _supports(match: re.Match[str]) -> Made:
    found = words_until(match["rest"], 3)
    if not found or found[0].casefold() in (
        "you",
        "u",
        "your",
        "my",
        "the",
        "that",
        "this",
        "them",
        "him",
        "her",
        "it",
    ):
        return None
    return f"they support {risen(found)}", "supports"


# No pattern finds anything where none of these words is: most clauses cost one look.
_CUE = re.compile(
    r"\b(?:i|im|i'm|ive|i've|am|my|our|we|weve|we've|were|we're|been|still|call|calls|name'?s|got|have|just|adopted|live|"
    r"living|based|work|working|turned|[1-9]\d)\b|^[1-9]\d|\bi'",
    re.IGNORECASE,
)
_TODAY = re.compile(
    rf"\bit'?s my (?:\d+\w* )?{_BIRTHDAY}(?: (?P<when>today|tomorrow))?$|\bmy {_BIRTHDAY} is (?P<that>today)", re.I
)
_RULES: list[Rule] = [
    rule(r"\b(?:everyone|everybody|people|they all|my mates|my friends|most people) calls? me (?P<rest>.+)", _called),
    rule(
        r"\b(?:you can |u can |just |please |pls |people |everyone |friends |my friends |mates |they |so |"
        r"but |and )*call me (?P<rest>.+)",
        _called,
    ),
    rule(
        r"\bmy (?:first |real |actual |full )?name(?:'?s| is) (?:actually )?(?P<rest>.+)|^name'?s (?P<rest2>.+)",
        _named,
    ),
    rule(
        rf"(?:^|^(?:hey|hi|hello|hiya|yo|and|well|haha|oh),? ){I_AM} (?P<name>(?-i:[A-Z][a-zà-ÿ]+))(?: "
        rf"(?:btw|by the way|here|from .*))?$",
        _am_called,
    ),
    rule(
        rf"{I_AM} (?:only |just |actually )?(?P<n>[1-9]\d)(?: ?(?:years? old|years? young|yrs? old|yr old|"
        rf"y/?o|yrs|years))?(?=$| (?:and|now|btw|m|f|male|female|from|but|so|lol|years?|haha|today|"
        rf"already)\b)",
        _age,
    ),
    rule(r"^(?:just |only just )?turned (?P<n>[1-9]\d)(?=$| )", _age),
    rule(r"^(?P<n>[1-9]\d) ?(?:years? old|yrs? old|y/?o|m|f)\b", _age),
    rule(r"\bi(?:'?ve)? (?:just |only just |recently )?turned (?P<n>[1-9]\d)(?=$| )", _age),
    rule(
        rf"\bmy {_BIRTHDAY}(?:'?s| is|s)?(?: coming up)?(?: on| in)? (?:the )?(?P<when>{DAY}|(?:{MONTHS})\b)",
        _birthday,
    ),
    rule(rf"\bit'?s my (?:\d+\w* )?{_BIRTHDAY} (?:on )?(?:the )?(?P<when>{DAY})", _birthday),
    rule(rf"\bi was born (?:on )(?:the )?(?P<when>{DAY})", _birthday),
    rule(
        rf"\bi{_SOFT} (?P<verb>love|luv|loooove|like|enjoy|adore|prefer|hate|detest|dislike|can'?t stand|"
        rf"despise|loathe) (?P<rest>.+)",
        _taste,
    ),
    rule(
        rf"{I_AM}(?: really| so| super| very| totally| kinda| big| also| mostly| mainly| deep| just)* "
        rf"(?P<how>into|obsessed with|addicted to|crazy about|mad about|scared of|terrified of|afraid of|"
        rf"good at|bad at) (?P<rest>.+)",
        _into,
    ),
    rule(rf"{I_AM} an? (?:big |huge |massive |total |lifelong |die ?hard |real )*fan of (?P<rest>.+)", _fan),
    rule(
        rf"{I_AM} an? (?:big |huge |massive |total |lifelong |die ?hard )*(?P<rest>(?!(?:big|huge|massive|"
        rf"total|new|your|real)\b)[\w' ]{{3,30}}?) (?:fan|supporter|nerd|geek|addict)\b",
        _fan,
    ),
    rule(
        r"\bmy (?:all ?time |absolute )?(?:favou?rite?|favou?rit|favrite|favourte|fav|fave) "
        r"(?P<what>\w+(?: \w+){0,2}?)(?:'s| is| are| was| has to be| would be|s)? (?P<rest>(?<=is )\S.*|"
        r"(?<=are )\S.*|(?<='s )\S.*|(?<=be )\S.*|(?<=was )\S.*)",
        _favourite,
    ),
    rule(r"\bi(?: still| actually| proudly)? support (?P<rest>.+)", _supports),
]
