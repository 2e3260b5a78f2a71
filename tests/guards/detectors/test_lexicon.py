from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guards.detectors.base import BuildProblem, Source
from guards.detectors.lexicon import LexiconDetector
from guards.fold import fold
from guards.policy import Fold, Sense, Terms

QUICK = settings(deadline=None, max_examples=300)
SourceOf = Callable[..., Source]
TERMS = ["instagram", "snapchat", "insta", "kik", "ig", "velvet room"]
INNOCENT = [
    "how was your day?",
    "I love that, tell me more.",
    "we had soup",
    "it's late \U0001f60f",
    "",
    "so - what else?",
]
CONFUSABLE = str.maketrans("aeiocsp", "аеіосѕр")
LEET = {"a": "4@", "e": "3", "i": "1!|", "o": "0", "s": "5$", "t": "7+", "b": "8", "g": "9"}
HIDDEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad\ufe0f\u034f\U000e0061\u0301\u0336\u20dd"
MATH = [0x1D400, 0x1D468, 0x1D4D0, 0x1D56C, 0x1D5A0, 0x1D5D4, 0x1D608, 0x1D63C, 0x1D670]


@st.composite
def disguised(draw: st.DrawFn, term: str) -> str:
    """`term` in one disguise that changes letters, and perhaps characters that cannot be seen between them."""
    kind = draw(st.sampled_from(["case", "wide", "math", "look", "leet", "spread", "none"]))
    if kind == "case":
        term = "".join(draw(st.sampled_from([char, char.upper()])) for char in term)
    elif kind == "wide":
        term = "".join(chr(ord(char) + 0xFEE0) for char in term)
    elif kind == "math":
        base = draw(st.sampled_from(MATH))
        term = "".join(chr(base + 26 + ord(char) - ord("a")) for char in term)
    elif kind == "look":
        kept = draw(st.integers(0, len(term) - 1))
        term = "".join(char if at == kept else char.translate(CONFUSABLE) for at, char in enumerate(term))
    elif kind == "leet":
        kept = draw(st.integers(1, len(term) - 2))
        as_leet = [draw(st.sampled_from([char, *LEET.get(char, "")])) for char in term]
        term = "".join(term[at] if at == kept else char for at, char in enumerate(as_leet))
    elif kind == "spread":
        term = draw(st.sampled_from([" ", ".", "-", "  ", " * ", "_"])).join(term)
    if draw(st.booleans()):
        hidden = draw(st.lists(st.text(HIDDEN, max_size=2), min_size=len(term), max_size=len(term)))
        term = "".join(char + extra for char, extra in zip(term[:-1], hidden, strict=False)) + term[-1]
    return term


@pytest.fixture(scope="module")
def detector(source_of: SourceOf) -> LexiconDetector:
    return LexiconDetector([source_of(Terms(terms=TERMS))], {})


def found(detector: LexiconDetector, text: str) -> set[str]:
    return {text[finding.start : finding.end] for finding in detector.find(fold(text))}


@pytest.mark.parametrize("term", ["instagram", "snapchat"])
@QUICK
@given(st.data())
def test_a_disguised_term_is_found_at_its_exact_place(
    detector: LexiconDetector, term: str, data: st.DataObject
) -> None:
    before, after = data.draw(st.sampled_from(INNOCENT)), data.draw(st.sampled_from(INNOCENT))
    hidden = data.draw(disguised(term))
    text = f"{before} {hidden} {after}"
    spans = {(finding.start, finding.end) for finding in detector.find(fold(text))}
    assert (len(before) + 1, len(before) + 1 + len(hidden)) in spans


@QUICK
@given(st.data())
def test_an_innocent_sentence_beside_it_never_hides_a_finding(detector: LexiconDetector, data: st.DataObject) -> None:
    text = data.draw(disguised("instagram")) + data.draw(st.sampled_from(["", "!", " ok", " k i k"]))
    between = data.draw(st.sampled_from([" ", "\n"]))
    before = data.draw(st.sampled_from(INNOCENT)) + between
    after = between + data.draw(st.sampled_from(INNOCENT))
    alone = {(f.start + len(before), f.end + len(before)) for f in detector.find(fold(text))}
    among = {(f.start, f.end) for f in detector.find(fold(before + text + after))}
    assert alone
    assert alone <= among


SCRIPTS = ["абвгдеёжзийклмнопрстуфхцчшщъыьэюя", "αβγδεζηθικλμνξοπρστυφχψωάέ", "你今天过得怎么样一丨", "ابتثجحخدذرزسشص",
           "कखगघचजािीुे्", "👩❤💋👨🏳🌈\u200d\ufe0f"]  # fmt: skip


@QUICK
@given(st.sampled_from(SCRIPTS).flatmap(lambda script: st.text(script + " .,!?-\u200d\u0301", max_size=80)))
def test_text_of_another_script_gives_no_finding(detector: LexiconDetector, text: str) -> None:
    assert not found(detector, text)


@pytest.mark.parametrize(
    "text",
    ["the ignition is on", "a big kikimora", "instances", "migrate", "instant gratification", "snap that chat",
     "xinsta", "insta9", "velvet rooms galore of velvet", unicodedata.normalize("NFD", "éinsta"), "inst\u200bance",
     "instas\u200bh", "insta\u0300x"],
)  # fmt: skip
def test_a_term_inside_a_word_is_none(detector: LexiconDetector, text: str) -> None:
    assert found(detector, text) - {"velvet rooms"} <= {"velvet room"}
    assert "insta" not in found(detector, text)


@pytest.mark.parametrize(
    "text", ["two instas", "insta's", "(insta)", "insta.", "@insta", "my_insta", "我用insta聊", "insta\n"]
)
def test_a_term_is_a_word_of_its_own_beside_punctuation_plural_or_another_script(
    detector: LexiconDetector, text: str
) -> None:
    assert "insta" in found(detector, text)


def test_long_terms_are_seen_through_a_space_and_short_ones_are_not(detector: LexiconDetector) -> None:
    assert found(detector, "my snap chat") == {"snap chat"}
    assert found(detector, "my snap - chat") == {"snap - chat"}
    assert found(detector, "a ki k") == set()
    assert found(detector, "my snap, or we chat") == set()


def test_a_short_term_is_not_read_out_of_leet(detector: LexiconDetector) -> None:
    assert found(detector, "k1k 1g") == set()


@pytest.mark.parametrize("odd", ["𝓼𝓷𝓪𝓹", "ＳＮＡＰ", "ⓢⓝⓐⓟ", "🆂🅽🅰🅿", "ѕnар", "𝐬𝐧𝐚𝐩", "ꜱɴᴀᴘ"])
def test_a_name_that_is_also_a_word_is_one_where_it_alone_is_dressed_up(source_of: SourceOf, odd: str) -> None:
    detector = LexiconDetector([source_of(Terms(terms=[Sense(forms=["snap"], near=["add"], never=["out of it"])]))], {})
    assert found(detector, f"so {odd} or what do you have") == {odd}
    assert found(detector, "so snap or what do you have") == set()
    assert found(detector, f"please {odd} out of it, you hear") == set()
    dressed = "".join(chr(0x1D4EA + ord(c) - ord("a")) if c.isalpha() else c for c in "so snap or what do you have")
    assert found(detector, dressed) == set()
    assert found(detector, f"{odd}. so what do you have") == set()
    assert found(detector, f"{odd}！ so what do you have") == set()
    assert found(detector, f"{dressed[:2]} {odd} {dressed[-4:]} so what do you have") == set()


def test_a_letter_or_two_in_another_style_are_mathematics(source_of: SourceOf) -> None:
    detector = LexiconDetector([source_of(Terms(terms=[Sense(forms=["x", "tt", "𝕏"], near=["add"])]))], {})
    assert found(detector, "solve for 𝑥 and let 𝑡𝑡 be time, 𝕏 marks the spot") == set()


@pytest.mark.parametrize("word", ["snáp", "śnap", "ſnap"])
def test_a_word_with_accents_is_not_dressed_up(source_of: SourceOf, word: str) -> None:
    detector = LexiconDetector([source_of(Terms(terms=[Sense(forms=["snap"], near=["add"])]))], {})
    assert found(detector, f"so {word} or what do you have") == set()


@pytest.mark.parametrize(
    ("depth", "finds"), [("none", {"Insta"}), ("case", {"Insta", "INSTA"}), ("full", {"Insta", "INSTA", "1nst@"})]
)
def test_a_fold_reads_as_deep_as_its_entry_says(source_of: SourceOf, depth: Fold, finds: set[str]) -> None:
    detector = LexiconDetector([source_of(Terms(terms=["Insta"]), fold=depth)], {})
    assert found(detector, "Insta INSTA 1nst@") == finds


def test_a_term_of_several_rules_is_found_for_each(source_of: SourceOf) -> None:
    entries = [source_of(Terms(terms=["insta", "insta"]), rule=rule) for rule in ("one", "two")]
    detector = LexiconDetector(entries, {})
    assert [finding.rule for finding in detector.find(fold("insta"))] == ["one", "two"]
    assert detector.rules == {"one", "two"}


def test_a_lexicon_file_is_named_by_its_path(source_of: SourceOf) -> None:
    lexicons: dict[str, tuple[str, ...]] = {"lexicons/places.yaml": ("velvet room",)}
    detector = LexiconDetector([source_of(Terms(terms="lexicons/places.yaml"))], lexicons)
    assert found(detector, "at the Velvet Room") == {"Velvet Room"}


def test_a_lexicon_that_does_not_exist_is_refused_by_name(source_of: SourceOf) -> None:
    with pytest.raises(BuildProblem, match=r"lexicons/none\.yaml"):
        LexiconDetector([source_of(Terms(terms="lexicons/none.yaml"))], {})


@pytest.mark.parametrize("term", ["!!!", " ", "\u200b", "😏"])
def test_a_term_without_letter_or_digit_is_refused(source_of: SourceOf, term: str) -> None:
    with pytest.raises(BuildProblem):
        LexiconDetector([source_of(Terms(terms=[term]))], {})


@pytest.mark.parametrize("term", ["телеграм", "微信", "оса", "C++", "web3", "İstanbul", "Straße", "テレグラム"])
def test_a_term_of_any_script_is_found_as_it_is_written(source_of: SourceOf, term: str) -> None:
    detector = LexiconDetector([source_of(Terms(terms=[term]))], {})
    assert found(detector, term) == {term}
    assert found(detector, f"hello there, do you use {term} at all?") == {term}


def test_a_finding_names_the_view_that_revealed_it(detector: LexiconDetector) -> None:
    views = {text: {f.view for f in detector.find(fold(text))} for text in ("insta", "1nsta", "i n s t a", "snap chat")}
    assert views == {"insta": {"clean"}, "1nsta": {"leet"}, "i n s t a": {"joined"}, "snap chat": {"glued"}}


@pytest.mark.parametrize("text", ["where are you from", "where r u from", "where are u from", "where r you from"])
def test_a_phrase_is_found_in_shorthand_too(source_of: SourceOf, text: str) -> None:
    detector = LexiconDetector([source_of(Terms(terms=["where are you from"]))], {})
    assert found(detector, text) == {text}
    assert not found(detector, text.replace("where", "when"))
