"""Statements about whom and what the fan has: pets, family, friends, belongings.

It stands apart as one half of the table of statements.
"""

from __future__ import annotations

import re

from brain.memory.patterns import DAY, Made, any_of, rule
from brain.memory.phrases import name, place, turned, words_until
from brain.memory.vocabulary import ANIMALS, NUMBERS, RELATIONS, TRADES, listed

_PETS = any_of(ANIMALS)
_PEOPLE = any_of(RELATIONS)
_WHO = any_of(ANIMALS, RELATIONS)
_ADJ = r"(?:other |new |old |little |big |eldest |oldest |youngest |first |second |late |rescue |step |half |work )?"
_PLURALS = ("sons", "daughters", "kids")
_KEPT = (
    r"(?:\bi have|\bi'?ve got|\bi'?ve|\bi got|\bwe have|\bwe'?ve got|^have|^got|^just got|\bi just got|\bi own|"
    r"\bi also have|\bi adopted|\bi just adopted|^just adopted|^adopted)"
)
_COUNTED = any_of(
    ANIMALS,
    "sister|brother|wife|husband|girlfriend|gf|bf|boyfriend|partner|fiance|fiancee|son|daughter|kid|child|children|baby|"
    "twin|grandkid|grandchild|grandchildren|grandson|granddaughter|niece|nephew|stepson|stepdaughter|roommate|flatmate|"
    "housemate|sibling|puppies|kitties|bunnies|ponies|babies|huskies|toddler|teenager|godson|goddaughter|nephews|nieces",
)
_SIZE = (
    r"(?:(?:little|big|older|younger|beautiful|teenage|grown|grown up|small|lovely|tiny|old|rescue|black|white|ginger|"
    r"tabby|fluffy|golden|young|lazy|fat|cute|amazing|wonderful|\d+ (?:year|yr|month) old|newborn|pet) )*"
)
_THING = (
    "car|bike|motorbike|motorcycle|house|flat|apartment|boat|van|truck|tesla|bmw|audi|mustang|harley|piano|guitar|farm|"
    "shop|garden|allotment|campervan|caravan|cabin|pool|hot tub|tattoo|scooter|jeep|pickup|telescope|record player|"
    "greenhouse"
)
_BUSINESS = (
    "business|shop|bakery|cafe|café|bar|pub|restaurant|company|farm|studio|gym|salon|garage|store|startup|agency|channel|"
    "podcast|blog|charity|club|band|hotel|b&b|nursery|school|team|bookshop|brewery"
)
_DOES = (
    r"(?:just |recently |also |still |currently |now |only )?"
    r"(?P<topic>lives? (?:in|near|with|next door|abroad|upstairs|at)|living (?:in|with|abroad)|"
    r"works? (?:as|at|for|in|on|nights|days|shifts|weekends|from|offshore|abroad)|working (?:as|at|for|nights|abroad)|"
    r"getting (?:married|divorced|engaged|remarried)|got (?:married|engaged|divorced)|pregnant|expecting|"
    r"having (?:a|an|her|twins|another)|"
    r"had (?:a|an|her|his|their) (?:\w+ )?(?:baby|boy|girl|twins|stroke|surgery|operation|heart attack|kid)|"
    r"died|passed(?: away)?|dead|in (?:the )?hospital|in (?:the )?(?:army|navy|military|prison|jail)|"
    r"moving (?:to|in|out|back|away)|moved (?:to|in|out|away|back)|"
    r"studying|studies|allergic to|from|retired|vegan|vegetarian|deaf|blind|teaches|runs|owns|plays|"
    r"(?:a|an) (?=(?:\w+ ){0,3}?(?:TRADES)\b)|turning \d+|turns \d+|[1-9]\d?(?= (?:years?|yrs?|months?|yo|now)\b|$)|"
    r"(?:has |got )?(?:cancer|dementia|alzheimer'?s|autism|adhd|autistic|diabetes)|cheated on me|left me|dumped me|"
    r"visiting|starting (?:school|uni|college|a new job)|graduating|graduated|called)"
).replace("TRADES", "|".join(sorted(TRADES)))


def _called(match: re.Match[str]) -> Made:
    who, found = match["who"].lower(), name(match["rest"])
    if not found:
        return None
    if " and " in found:
        return f"their {who.rstrip('s')}s are called {found}", f"name:{who}"
    # "my daughters name": an apostrophe that nobody types, not a second daughter.
    who = who.removesuffix("s") if who.endswith(_PLURALS) else who
    return f"their {who} is called {found}", f"name:{who}"


def _does(match: re.Match[str]) -> Made:
    verb, topic = (match["verb"] or "").strip().lower(), match["topic"].lower()
    if topic == "called":
        return None
    verb = {"'s": "is", "s": "is"}.get(verb, verb)
    who = match["who"].lower()
    if re.match(
        r"had|passed|died|got|moved|cheated|left|dumped|lives?|works?|studies|teaches|runs|owns|plays|has|"
        r"graduated|turns",
        topic,
    ):
        verb = "" if verb in ("is", "has", "have") else verb
    elif not verb:
        return None
    told = _rest(match)
    return " ".join(f"their {who} {verb} {told}".split()), f"{who}:{topic.split()[0]}"


def _rest(match: re.Match[str]) -> str:
    """What somebody does, in words that end where the statement does."""
    rest = match["rest"].split()
    words: list[str] = []
    for word in rest[:10]:
        if words and word.casefold() in _OVER:
            break
        words.append(word.strip(",;"))
    text = turned(words)
    found = re.match(r"(?i)(lives? in|living in|moved to|moving to|from) (.+)", text)
    where = place(found[2]) if found else ""
    return f"{found[1].lower()} {where}" if found and where else text


_OVER = listed(
    """and but so cos cuz because lol haha lmao which who tbh btw though i im you u he she they we it then"""
)


def _has(match: re.Match[str]) -> Made:
    text = match["what"].lower()
    more = re.match(rf" and ((?:{NUMBERS}) {_SIZE}(?:{_COUNTED})s?)\b", match["rest"], re.IGNORECASE)
    text += f" and {more[1].lower()}" if more else ""
    named = re.match(r" (?:called|named) (?P<rest>.+)", match["rest"], re.IGNORECASE)
    found = name(named["rest"]) if named else ""
    if found and match["n"].lower() in ("a", "an"):
        who = match["who"].lower()
        return f"their {who} is called {found}", f"name:{who}"
    text += f" called {found}" if found else ""
    return f"they have {text}", f"has:{match['who'].lower().rstrip('s')}"


def _owns(match: re.Match[str]) -> Made:
    words = words_until(match["rest"], 4)
    return (f"they have a {turned(words)}", f"owns:{words[-1].casefold()}") if words else None


def _rides(match: re.Match[str]) -> Made:
    words = words_until(match["rest"], 4)
    return (f"they {match['verb'].lower()} a {turned(words)}", f"owns:{match['verb'].lower()}") if words else None


def _runs(match: re.Match[str]) -> Made:
    words = match["rest"].split()
    return f"they {match['verb'].lower()} {turned([*words[:1], *words_until(' '.join(words[1:]), 5)])}", "business"


def _their_birthday(match: re.Match[str]) -> Made:
    who = match["who"].lower()
    return f"their {who}'s birthday is {match['when']}", f"birthday:{who}"


_CALLED = r"(?:called|caled|calld|named|naemd)"
RULES = [
    rule(rf"\b(?:my|our) (?P<who>{_ADJ}(?:{_WHO}))(?:'?s)?(?: is| are| was|'s)? {_CALLED} (?P<rest>.+)", _called),
    rule(rf"\b(?:my|our) (?P<who>{_ADJ}(?:{_WHO}))(?:s'|'?s)? names?(?:'?s| is| are| was) (?P<rest>.+)", _called),
    rule(rf"\b(?:my|our) (?P<who>{_ADJ}(?:{_WHO})) (?P<rest>(?-i:[A-Z][a-zà-ÿ]+))\b(?! (?i:and i)\b)", _called),
    rule(
        rf"\b(?:my|our) (?P<who>{_ADJ}(?:{_PEOPLE}))(?:'?s)? (?:birth ?day|b-?day)(?:'?s| is)? (?:on "
        rf")?(?:the )?(?P<when>{DAY})",
        _their_birthday,
    ),
    rule(
        rf"\b(?:my|our) (?P<who>{_ADJ}(?:{_WHO}))(?P<verb>'s|s| is| are| was| has| have| just)? (?P<rest>{_DOES}.*)",
        _does,
    ),
    rule(rf"{_KEPT} (?P<what>(?P<n>{NUMBERS}) {_SIZE}(?P<who>(?:{_COUNTED})s?))\b(?P<rest>.*)", _has),
    rule(
        rf"(?:{_KEPT}|\bi just bought|\bi bought|\bwe bought|\bwe just bought) (?:a|an) (?P<rest>(?:\w+ "
        rf"){{0,3}}?(?:{_THING}))\b",
        _owns,
    ),
    rule(
        rf"\b(?:i|we) (?P<verb>run|own|manage) (?P<rest>(?:a|an|my own|our own) (?:\w+ ){{0,3}}?(?:{_BUSINESS})\b.*)",
        _runs,
    ),
    rule(r"\bi (?P<verb>drive|ride|fly) an? (?P<rest>.+)", _rides),
]
