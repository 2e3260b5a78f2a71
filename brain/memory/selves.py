"""Statements about the fan alone: where they live, what they do, what they are, what they do for pleasure.

It stands apart as the other half of the table of statements.
"""

from __future__ import annotations

import re

from brain.memory.patterns import I_AM, Made, rule
from brain.memory.phrases import head, place, things, turned, words_until
from brain.memory.vocabulary import (
    CONDITIONS,
    DOUBLE_TRAITS,
    ENDS,
    HOBBIES,
    SHIFTS,
    TRADES,
    TRAITS,
    WHOLE_HOBBIES,
    listed,
)

_ALSO = (
    r"(?: also| actually| currently| now| still| just| only| basically| fully| officially| sadly| "
    r"happily| technically)*"
)
_TOGETHER = listed("single married divorced engaged widowed separated widow widower")
_DIET = listed("vegetarian vegan veggie pescatarian pescetarian vegetarien")
_TIMES = listed(
    """morning mornings evening evenings afternoon night tomorrow today tonight weekend noon midnight bed peace"""
)
_LANGUAGES = listed(
    """english french german spanish italian portuguese dutch polish russian ukrainian greek turkish arabic hindi urdu
    punjabi  mandarin cantonese chinese japanese korean thai vietnamese welsh gaelic swedish norwegian danish
    finnish hebrew"""
)
_SIDE_TRADES = listed(
    """drummer guitarist bassist pianist dj gamer streamer youtuber veteran musician poet artist beekeeper"""
)
_OTHERS = listed("you your this that it")
# Where it stops being about what the fan does.
_ELSEWHERE = listed("you u ya and but so because cos cuz lol haha lmao tbh btw though tho i im it its")
_NOT_DONE = listed(
    """out away off late into to up over along dumb it with on down back through around the hard too so in at you u ya
    for  about by like really your ur this that a an some myself him her them my me and but because if when games
    tricks all"""
)


def _home(match: re.Match[str]) -> Made:
    how, rest = " ".join(match["how"].lower().split()), match["rest"]
    if how == "with":
        words = turned(words_until(rest, 5))
        return (f"they live with {words}", "household") if words and "you" not in words.split() else None
    found = place(rest)
    return (f"they live {how} {found}", "home") if found else None


def _alone(match: re.Match[str]) -> Made:
    return "they live alone", "household"


def _moved(match: re.Match[str]) -> Made:
    found = place(match["rest"])
    if not found or found.split()[0].lower() in ("be", "get", "see"):
        return None
    return (f"they moved to {found}", "moved") if found.split()[0] in ("a", "an") else (f"they live in {found}", "home")


def _moving(match: re.Match[str]) -> Made:
    words = match["rest"].split()
    found = place(match["rest"])
    when = " ".join(words[len(found.split()) :][:3])
    month = re.match(r"(?i)(?:(?:in|next|this) \w+)", when)
    return (f"they are moving to {found}" + (f" {month[0]}" if month else ""), "moving") if found else None


def _from(match: re.Match[str]) -> Made:
    found = place(match["rest"])
    lowered = found.lower()
    if not found or lowered.split()[0] in ("work", "home", "here", "there", "school"):
        return None
    return f"they are from {found}", "origin"


def _grew(match: re.Match[str]) -> Made:
    found = place(match["rest"])
    return (f"they grew up {match['how'].lower()} {found}", "grew up") if found else None


def _born(match: re.Match[str]) -> Made:
    if re.match(r"(?:19|20)\d\d\b", match["rest"]):
        return f"they were born in {match['rest'][:4]}", "born"
    found = place(match["rest"])
    return (f"they were born in {found}", "birthplace") if found else None


def _trade(match: re.Match[str]) -> Made:
    words = words_until(match["rest"], 7)
    before = re.split(r" (?:at|in|on|of|from|with) ", " ".join(words))[0].split()
    if not before or before[-1].casefold() not in TRADES or len(before) > 4:
        return None
    return f"they are {match['article'].lower()} {turned(words)}", f"job:{before[-1]}" if before[
        -1
    ] in _SIDE_TRADES else "job"


def _works_as(match: re.Match[str]) -> Made:
    words = turned(words_until(match["rest"], 6))
    return (f"they work as {words}", "job") if words else None


def _works_at(match: re.Match[str]) -> Made:
    how, words = match["how"].lower(), words_until(match["rest"], 6)
    lowered = {word.casefold() for word in words}
    if (
        not words
        or any(map(str.isdigit, "".join(words)))
        or lowered & _TIMES
        or lowered & {"you", "home", "out", "it", "my", "myself"}
    ):
        return None
    return f"they work {how} {' '.join(words)}", "workplace"


def _shifts(match: re.Match[str]) -> Made:
    found = match["what"].lower()
    return f"they work {'nights' if found == 'at night' else found}", "shifts"


def _does(match: re.Match[str]) -> Made:
    words = words_until(match["rest"], 6)
    verb = match["verb"].lower()
    if not words or words[0].casefold() in {
        "you",
        "u",
        "your",
        "it",
        "this",
        "that",
        "hard",
        "the",
        "out",
        "late",
        "away",
        "people",
    }:
        return None
    return f"they {_PRESENT.get(verb, verb)} {turned(words)}", _PRESENT.get(verb, verb).split()[-1]


_PRESENT = {"studying": "study", "teaching": "teach", "learning": "are learning"}


def _training(match: re.Match[str]) -> Made:
    words = turned(words_until(match["rest"], 5))
    return (f"they are training {match['how'].lower()} {words}", "training") if words else None


def _serves(match: re.Match[str]) -> Made:
    return f"they are in the {match['what'].lower()}", "job"


def _work_news(match: re.Match[str]) -> Made:
    return f"they {turned(match['what'].lower().split())}", "work news"


def _trait(match: re.Match[str]) -> Made:
    double = re.match(rf"(?P<it>{DOUBLE_TRAITS})\b", match["rest"], re.IGNORECASE)
    article = (match["article"] or "").lower()
    if double:
        found = double["it"].lower()
        return f"they are {article}{found}", f"trait:{found}"
    words = match["rest"].split()
    half = words[0].casefold() == "half"
    word = words[half].strip(",") if len(words) > half else ""
    after = words[half + 1] if len(words) > half + 1 else ""
    if word.casefold() not in TRAITS or (after and after.casefold() not in ENDS):
        return None
    kind = (
        "relationship"
        if word.casefold() in _TOGETHER
        else "diet"
        if word.casefold() in _DIET
        else f"trait:{word.casefold()}"
    )
    return f"they are {article}{'half ' * half}{word}", kind


def _allergic(match: re.Match[str]) -> Made:
    found = things(match["rest"], 4)
    return (f"they are allergic to {found}", f"allergy:{head(found)}") if found else None


def _allergy(match: re.Match[str]) -> Made:
    return f"they have a {match['what'].lower()}", f"allergy:{match['what'].lower().split()[0]}"


def _condition(match: re.Match[str]) -> Made:
    return f"they have {match['what']}", f"health:{match['what'].lower()}"


def _never_does(match: re.Match[str]) -> Made:
    verb = match["verb"].lower()
    how = "can't" if "n" in match["how"].lower() and match["how"].lower().startswith("c") else "don't"
    return f"they {how} {verb}", f"not:{verb.split()[0]}"


def _hobby(match: re.Match[str]) -> Made:
    verb, words = match["verb"].lower(), words_until(match["rest"] or "", 5)
    if not words:
        return (
            (f"they {verb}", f"hobby:{verb}") if verb in WHOLE_HOBBIES and not (match["rest"] or "").strip() else None
        )
    text = f"they {verb} {turned(words)}"
    topic = f"hobby:{verb} {words[-1].casefold()}"
    lowered = [word.casefold() for word in words]
    if lowered[:2] == ["my", "own"] and len(words) > 2:
        return text, topic
    vague = lowered[0] in _NOT_DONE and (verb, lowered[0]) != ("play", "the")
    if vague or (verb in ("keep", "run") and lowered[0].endswith("ing")) or _OTHERS & set(lowered):
        return None
    return text, topic


def _goes(match: re.Match[str]) -> Made:
    more = match["rest"].split()[:5]
    over = next((index for index, word in enumerate(more) if word.casefold() in _ELSEWHERE), len(more))
    more = more[:over]
    return f"they go {match['what'].lower()}" + (f" {turned(more)}" if more else ""), f"goes:{match['what'].lower()}"


def _practises(match: re.Match[str]) -> Made:
    return f"they do {match['what'].lower()}", f"hobby:{match['what'].lower()}"


def _speaks(match: re.Match[str]) -> Made:
    words = [word.strip(",") for word in match["rest"].split()]
    spoken = [word for word in words[:8] if word.casefold() in _LANGUAGES]
    return (f"they speak {' and '.join(word.capitalize() for word in spoken)}", "speaks") if spoken else None


def _used_to(match: re.Match[str]) -> Made:
    words = turned(words_until(match["rest"], 7))
    return (f"they used to {match['verb'].lower()} {words}", f"used to {match['verb'].lower()}") if words else None


def _got(match: re.Match[str]) -> Made:
    return f"they {match['what'].lower()}", "relationship"


def _expecting(match: re.Match[str]) -> Made:
    return f"they are {match['what'].lower()}", f"plan:{match['what'].lower().split()[-1]}"


_LIVE = (
    rf"(?:\b(?:i|we){_ALSO} live|{I_AM}{_ALSO} (?:living|based)|^(?:been |still )?(?:living|live|based)|"
    r"\bi'?ve been living|\bi'?ve (?:always )?lived)"
)
RULES = [
    rule(r"(?:\bi |\bi'?ve |^|^just )(?:just |recently |finally )?(?P<what>got (?:divorced|engaged|married))\b", _got),
    rule(
        rf"{_LIVE} (?:up |over |down |out |right |just |alone )?(?P<how>in|near|outside|by|on|close to|"
        rf"next to|with) (?P<rest>.+)",
        _home,
    ),
    rule(rf"{_LIVE} (?:alone|by myself|on my own)\b", _alone),
    rule(
        r"\b(?:i|we)(?:'?ve| have)?(?: just| recently| only just| finally| actually)* moved (?:back |out |"
        r"up |down |over |here )?to (?P<rest>.+)",
        _moved,
    ),
    rule(rf"(?:{I_AM}|\bwe'?re|\bwe are){_ALSO} moving (?:back |out |up |down |over )?to (?P<rest>.+)", _moving),
    rule(rf"{I_AM}{_ALSO}(?: originally| all the way)? (?:from|form) (?P<rest>.+)", _from),
    rule(r"\b(?:i grew up|i was raised|i was brought up) (?P<how>in|on|near) (?P<rest>.+)", _grew),
    rule(r"\bi was born (?:and raised )?in (?P<rest>.+)", _born),
    rule(rf"{I_AM}{_ALSO} (?P<article>an?|the) (?P<rest>.+)", _trade),
    rule(rf"(?:\bi{_ALSO} wo?rk|{I_AM}{_ALSO} working|^work) as (?P<rest>.+)", _works_as),
    rule(
        rf"(?:\bi{_ALSO} (?:mostly |mainly |usually )?(?:work|wrk|wokr)|\bi do|{I_AM}{_ALSO}(?: working| "
        rf"on)|^work|^working) (?P<what>{SHIFTS})\b",
        _shifts,
    ),
    rule(
        rf"(?:\bi{_ALSO} (?:work|wrk|wokr)|{I_AM}{_ALSO} working|^work) (?P<how>in|at|for|on|with) (?P<rest>.+)",
        _works_at,
    ),
    rule(rf"(?:\bi{_ALSO}|{I_AM}{_ALSO}) (?P<verb>study|studying|teach|teaching|manage|learning) (?P<rest>.+)", _does),
    rule(rf"{I_AM}{_ALSO} training (?P<how>to be|as|for) (?P<rest>.+)", _training),
    rule(
        rf"{I_AM}{_ALSO} in the (?P<what>army|navy|military|marines|air force|raf|police|coast guard|fire service)\b",
        _serves,
    ),
    rule(
        r"\bi(?:'?ve)? (?:just |recently )?(?P<what>(?:lost|quit) my job|got (?:fired|laid off|made "
        r"redundant|promoted|a new job|a promotion)|started a new job)\b",
        _work_news,
    ),
    rule(
        rf"{I_AM}{_ALSO}(?: a bit| mostly| strictly)? (?P<article>an? )?(?:proud |strict |recovering |"
        rf"typical |total |huge |real |hardcore )*(?P<rest>.+)",
        _trait,
    ),
    rule(
        rf"{I_AM}(?: also| really| super| very| badly| deathly| quite| a bit| severely| pretty| highly)* "
        rf"(?:allergic|alergic|allergik|alergik|intolerant) (?:to|of) (?P<rest>.+)",
        _allergic,
    ),
    rule(r"\bi(?:'?ve got| have| got) an? (?P<what>\w+(?: \w+)? (?:allergy|intolerance))\b", _allergy),
    rule(
        rf"\bi(?:'?ve got| have| also have| got|'?ve| suffer from| suffer with|'?ve always had) (?:really "
        rf"bad |bad |severe |mild )?(?P<what>{CONDITIONS})\b",
        _condition,
    ),
    rule(
        r"\bi (?P<how>don'?t|do not|never|can'?t|cannot) (?P<verb>drink(?: alcohol| coffee| tea)?|smoke|"
        r"eat (?:meat|pork|dairy|gluten|fish|beef|sugar|seafood|bread)|drive|swim|do drugs|have (?:any "
        r")?(?:kids|children|siblings|pets|a car))(?=$| (?:and|but|so|lol|because|cos|at all|tho|"
        r"though)\b)",
        _never_does,
    ),
    rule(rf"\bi(?: still| also| usually| mostly| mainly)* (?P<verb>{HOBBIES})(?P<rest>$| .+)", _hobby),
    rule(
        r"\bi(?: also| usually| still)* go (?P<what>climbing|hiking|running|fishing|swimming|cycling|"
        r"surfing|skiing|camping|hunting|dancing|sailing|bouldering|to the gym|to church|to mass|to the "
        r"pub)(?P<rest>$| .+)",
        _goes,
    ),
    rule(
        r"\bi(?: also| still)* do (?P<what>yoga|crossfit|karate|judo|jiu ?jitsu|bjj|boxing|pilates|muay "
        r"thai|kickboxing|sourdough|stand ?up|improv|ceramics|martial arts|ballet|gardening|triathlons|"
        r"marathons|powerlifting|parkour|photography|woodwork|pottery)\b",
        _practises,
    ),
    rule(r"\bi(?: also| only| can| can only)* speak (?:a (?:bit|little) (?:of )?|some |fluent )?(?P<rest>.+)", _speaks),
    rule(r"\bi used to (?P<verb>be|live|work|play|smoke|drink|have|own|teach|do|dance|sing) (?P<rest>.+)", _used_to),
    rule(
        rf"(?:{I_AM}|\bwe'?re|\bwe are){_ALSO} (?P<what>getting (?:married|divorced)|expecting(?: a baby)?|"
        rf"having a (?:baby|girl|boy)|pregnant)\b",
        _expecting,
    ),
]
