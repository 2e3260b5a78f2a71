from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guards.fold import Folded, View, fold, fold_term, lowered

QUICK = settings(deadline=None, max_examples=250)
TRICKY = (
    "abcXYZ019 @$!|+._-\n\t\u00a0\u3000\u200b\u200d\ufe0f\u034f\u0301\u0332\u20dd\u00e9\u1d4f\u00df\ufb01\u0130"
    "\u0455\u043e\u0441\u0430\u0439\u03bf\u4f60\u0915\u093f\u0627\u2026\uff01\uff49\u24a4\u24d8\U0001d4f2\U0001f1ee"
    "\U0001f469\u3002'\u201d\U000e0061\ud800"
)
ANY_TEXT = st.one_of(st.text(st.characters(exclude_categories=()), max_size=60), st.text(TRICKY, max_size=60))
SCRIPTS = {
    "Russian": "абвгдеёжзийклмнопрстуфхцчшщъыьэюяАБВ",
    "Greek": "αβγδεζηθικλμνξοπρστυφχψωάέήίόύώς",
    "Chinese": "你今天过得怎么样一二三我很好丨口工",
    "Arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "Hindi": "कखगघचछजझटठडढणतथदधनपफबमयरलवशषसहािीुूेैोौ्ं",
    "emoji": "👩❤💋👨🏳🌈😏🥺",
}
ORDINARY = [
    "привет, как прошёл твой день? я скучал",
    "Καλημέρα, τι κάνεις σήμερα; μου έλειψες",
    "你今天过得怎么样？我很想你。",
    "كيف حالك اليوم؟ اشتقت إليك كثيرا",
    "आज आपका दिन कैसा रहा? मुझे आपकी याद आई",
    "👩‍❤️‍💋‍👨 🏳️‍🌈 👨‍👩‍👧 ❤️‍🔥",
    "ok, завтра увидимся",
]


def letters(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKC", text) if char.isalpha())


def views_named(text: str) -> dict[str, str]:
    return {view.name: view.text for view in fold(text).views}


@QUICK
@given(ANY_TEXT)
def test_every_character_of_every_view_comes_from_a_place_in_the_text(text: str) -> None:
    folded = fold(text)
    assert folded.views[0].name == "clean"
    for view in folded.views:
        spans = [view.span(at, at + 1) for at in range(len(view.text))]
        assert all(0 <= start < end <= len(text) for start, end in spans)
        assert [start for start, _ in spans] == sorted(start for start, _ in spans)
        assert [end for _, end in spans] == sorted(end for _, end in spans)


@QUICK
@given(ANY_TEXT, st.data())
def test_a_span_covers_the_sources_of_all_it_holds(text: str, data: st.DataObject) -> None:
    for view in fold(text).views:
        if view.text:
            first = data.draw(st.integers(0, len(view.text) - 1))
            last = data.draw(st.integers(first, len(view.text) - 1))
            start, end = view.span(first, last + 1)
            for at in range(first, last + 1):
                assert start <= view.span(at, at + 1)[0] < view.span(at, at + 1)[1] <= end


@QUICK
@given(ANY_TEXT)
def test_no_letter_or_digit_falls_out_of_the_clean_view(text: str) -> None:
    clean = fold(text).views[0]
    covered = {at for n in range(len(clean.text)) for at in range(*clean.span(n, n + 1))}
    fillers = "\u115f\u1160\u3164\uffa0"  # letters to Unicode, blanks to the eye
    assert all(at in covered for at, char in enumerate(text) if char.isalnum() and char not in fillers)


@QUICK
@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_text_is_its_own_clean_view(text: str) -> None:
    assert fold(text).views[0] == View("clean", text)


@QUICK
@given(ANY_TEXT)
def test_the_folded_text_keeps_its_length_and_all_but_what_no_engine_can_read(text: str) -> None:
    folded = fold(text)
    assert len(folded.text) == len(text)
    assert all(was == now or 0xD800 <= ord(was) <= 0xDFFF for was, now in zip(text, folded.text, strict=True))
    folded.text.encode()


@QUICK
@given(st.one_of(ANY_TEXT, st.text("аосе aei.рн", max_size=40)))
def test_folding_a_term_twice_is_folding_it_once(term: str) -> None:
    assert fold_term(fold_term(term)) == fold_term(term)


@QUICK
@given(ANY_TEXT, st.sampled_from([". ", "?\n", "…\u201d ", "\n"]), ANY_TEXT)
def test_what_a_finished_sentence_reads_as_does_not_depend_on_what_follows(first: str, end: str, then: str) -> None:
    alone = fold(first + end).views[0].text
    assert fold(first + end + then).views[0].text.startswith(alone)


@QUICK
@given(st.sampled_from(sorted(SCRIPTS)), st.data())
def test_a_script_without_latin_keeps_its_letters(script: str, data: st.DataObject) -> None:
    text = data.draw(st.text(SCRIPTS[script] + " ,.!?\u200d\u200c\ufe0f", max_size=60))
    for view in fold(text).views:
        assert letters(view.text) == letters(text)


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_of_any_script_reads_as_it_is_written(text: str) -> None:
    assert letters(fold(text).views[0].text) == letters(text)


@QUICK
@given(ANY_TEXT)
def test_lower_case_keeps_every_offset(text: str) -> None:
    assert len(lowered(text)) == len(text)
    assert lowered(lowered(text)) == lowered(text)


@pytest.mark.parametrize(
    "disguised",
    [
        "ｉｎｓｔａ", "𝓲𝓷𝓼𝓽𝓪", "𝗶𝗻𝘀𝘁𝗮", "ⓘⓝⓢⓣⓐ", "🅘🅝🅢🅣🅐", "🄸🄽🅂🅃🄰", "ⁱⁿˢᵗᵃ", "ínstà",
        "i\u200bn\u2060sta", "i\u0301nsta\u0332",
        "i\u200b\u0301nsta", "i\u20ddn\u20ddsta\u20dd", "іnstа",
        "in\ufe0fsta", "inﬆa", "і\u0301nsta",
    ],
)  # fmt: skip
def test_a_disguise_by_look_reads_clean(disguised: str) -> None:
    assert fold_term(disguised) == "insta"


@pytest.mark.parametrize("spread", ["i n s t a", "i.n.s.t.a", "i-n_s*t~a", "i  n  s  t  a", "i n s t @"])
def test_letters_one_by_one_are_pulled_together(spread: str) -> None:
    views = views_named(f"my {spread} ok")
    assert any("insta" in text for text in views.values())


@pytest.mark.parametrize("leet", ["1nsta", "1n5t4", "!nst@", "|nsta", "in$ta", "ins+a", "1\u0332nst@", "1 n s t 4"])
def test_digits_and_signs_inside_a_word_read_as_letters(leet: str) -> None:
    assert any("insta" in text for text in views_named(f"my {leet} ok").values())


def test_one_reads_as_i_and_as_l() -> None:
    views = views_named("te1egram")
    assert {views["leet"], views["leet_l"]} == {"teiegram", "telegram"}


@pytest.mark.parametrize("text", ["call 555 0132", "@mila", "wow!!", "a | b", "1 2 3", "5$"])
def test_numbers_handles_and_punctuation_are_no_leet(text: str) -> None:
    assert "leet" not in views_named(text)


def test_a_word_of_look_alikes_is_latin_only_among_latin_words() -> None:
    assert fold("add me on ѕсоре").views[0].text.endswith("scope")
    assert fold("ig ѕсоре").views[0].text == "ig scope"
    assert fold("мы видели ѕсоре вчера").views[0].text == "мы видели ѕсоре вчера"
    assert fold("оса").views[0].text == "оса"


def test_a_language_a_sentence_away_decides_and_one_further_off_does_not() -> None:
    assert fold("add me.\nоса\n").views[0].text == "add me.\noca\n"
    assert "оса" in fold("hello there. " + "привет дорогая моя. " * 20 + "оса").views[0].text


def test_a_mark_belongs_to_the_character_it_decorates() -> None:
    clean = fold("in\u0332sta\u0301\u20dd!").views[0]
    assert clean.text == "insta!"
    assert [clean.span(at, at + 1) for at in range(6)] == [(0, 1), (1, 3), (3, 4), (4, 5), (5, 8), (8, 9)]


def test_hidden_characters_are_stepped_over_when_looking_for_neighbours() -> None:
    folded = Folded("a\u200b\u0301 \u200bb", ())
    assert folded.before(3) == 0
    assert folded.after(4) == 5
    assert folded.before(0) == -1
    assert folded.after(6) == 6


def test_only_latin_letters_and_digits_make_a_word() -> None:
    folded = fold("aé7я你 _")
    assert [folded.is_word(at) for at in range(-1, 8)] == [False, True, True, True, False, False, False, False, False]


def test_text_is_not_in_the_repr_of_what_was_folded() -> None:
    assert "canary" not in repr(fold("c\u200banary canary"))


@pytest.mark.parametrize(
    "piece", ["a ", "@", "a@ ", "a@@b ", "\u200b", "a\u200b", "\u0301", "!a", "i.", "оса ", "1a", "a_", "'"]
)
def test_long_monotonous_text_is_folded_to_the_end(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    folded = fold(text)
    assert folded.text == text
    assert folded.after(0) <= len(text)
    assert folded.before(len(text)) >= -1


@pytest.mark.parametrize("text", ["I can't, I'm halfway", "I'm a nurse", "i'd a long day", "don't, I’m fine"])
def test_the_letters_of_a_contraction_do_not_stand_one_by_one(text: str) -> None:
    assert [view.name for view in fold(text).views] == ["clean"]


@pytest.mark.parametrize("text", ["I'm on i n s t a", "I'm i.n.s.t.a", "i'n's't'a", "can't i-n-s-t-a"])
def test_letters_one_by_one_beside_a_contraction_are_pulled_together(text: str) -> None:
    assert any("insta" in view.text.split() for view in fold(text).views if view.name == "joined")
