from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guards.guard import Guard
from guards.holdback import HoldBack, Released, Step, Unclear, Withheld
from guards.openings import Openings, Watch
from guards.policy import Policy, Rule
from guards.redact import MASK, redact
from guards.types import Action, Finding, Kind, Message, Streaming, Verdict
from proxy.rule_files import load

QUICK = settings(deadline=None, max_examples=150)
SLOWER = settings(deadline=None, max_examples=60)
GuardOf = Callable[..., Guard]

ANIMALS = {"terms": ["wombat", "snapchat"]}
NUMBERS = {"pattern": r"\b\d{3}[ -]?\d{4}\b|\badd me\b\W{1,5}\bon \w+"}
HARMLESS = [
    "hello", "tell me more", "I love that", "wom", "bat", "snap", "chat", "on it", "add me", "оса", "привет", "é",
    "Mr.", "3", "555", "0132", "4.5", "@mila", "i", "w o m", "b a", "(yes)", '"', "'", "”", "…", ".", ". ", "! ", "? ",
    "...", "\n", "\n\n", ", ", " ", " ", " ", " - ", "😏", "👩‍❤️‍👨", "\u200b", "\u0301", "*", "_", "。", "。\u3000",
    "$", "1",
    "a sentence that is long enough to be of some use as padding. ",
    "another one, which goes on and on about the rain, the garden and nothing else at all! ",
]  # fmt: skip
FORBIDDEN = [
    "wombat", "WOMBAT", "w0mb@t", "w o m b a t", "wоmbаt", "wom\u200bbat", "snap chat", "s.n.a.p.c.h.a.t", "555 0132",
]  # fmt: skip


def texts(*more: list[str]) -> st.SearchStrategy[str]:
    """Texts in which half of the pieces stand beside spaces, as words do, and the rest beside anything."""
    pieces = st.sampled_from([*HARMLESS, *(piece for list_ in more for piece in list_)])
    return st.lists(st.one_of(pieces, pieces.map(lambda piece: f" {piece} ")), max_size=40).map("".join)


@st.composite
def cuts(draw: st.DrawFn, text: str) -> list[str]:
    """`text` in pieces: cut anywhere, or into single characters."""
    if draw(st.booleans()):
        return list(text)
    places = sorted(draw(st.sets(st.integers(0, len(text)), max_size=20)))
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


@pytest.fixture(scope="module")
def guard(guard_of: GuardOf) -> Guard:
    return guard_of(ANIMALS, NUMBERS, on_output="regenerate")


@pytest.fixture(scope="module")
def masking(guard_of: GuardOf) -> Guard:
    return guard_of({"terms": ["wombat"]}, {"pattern": r"\b\d{3}[ -]?\d{4}\b"}, on_output="redact")


TALKS = [(), ("whats your insta",), ("could we meet?", "haha maybe", "my place at eight?"), ("how was your day?",)]


def holding(
    guard: Guard, policy: Streaming = "sentence", most_held: int = 1000, context: Sequence[Message] = ()
) -> HoldBack:
    def judge(text: str, *, kind: Kind = "all", is_inside: bool = False) -> Verdict:
        return guard.check(text, "output", context, kind=kind, is_inside=is_inside)

    return HoldBack(judge, policy, guard.watch("output", context), most_held=most_held)


def fed(hold: HoldBack, pieces: Iterable[str]) -> list[Step]:
    steps = [step for piece in pieces for step in hold.feed(piece)]
    return [*steps, *hold.finish()]


@QUICK
@given(st.data())
@pytest.mark.parametrize("policy", ["strict", "sentence", "adaptive"])
def test_every_cut_gives_the_same_releases_and_the_same_verdicts(
    guard: Guard, policy: Streaming, data: st.DataObject
) -> None:
    text = data.draw(texts(FORBIDDEN))
    whole = fed(holding(guard, policy), [text])
    assert fed(holding(guard, policy), data.draw(cuts(text))) == whole


@SLOWER
@given(st.data())
@pytest.mark.parametrize("policy", ["sentence", "adaptive"])
def test_what_has_been_released_is_never_a_text_that_is_withheld(
    guard: Guard, policy: Streaming, data: st.DataObject
) -> None:
    hold = holding(guard, policy)
    for piece in data.draw(cuts(data.draw(texts(FORBIDDEN)))):
        for _ in hold.feed(piece):
            assert not guard.check(hold.released, "output").withholds
    for _ in hold.finish():
        assert not guard.check(hold.released, "output").withholds


@SLOWER
@given(st.data())
@pytest.mark.parametrize("policy", ["sentence", "adaptive"])
def test_a_reply_that_is_withheld_whole_never_passes_to_its_end(
    guard: Guard, policy: Streaming, data: st.DataObject
) -> None:
    text = data.draw(texts(FORBIDDEN))
    steps = fed(holding(guard, policy), data.draw(cuts(text)))
    if guard.check(text, "output").withholds:
        assert isinstance(steps[-1], Withheld)


@SLOWER
@given(st.data())
def test_released_and_pending_are_together_what_was_fed(guard: Guard, data: st.DataObject) -> None:
    hold, so_far = holding(guard), ""
    for piece in data.draw(cuts(data.draw(texts()))):
        so_far += piece
        steps = list(hold.feed(piece))
        assert hold.released + hold.pending == so_far
        if any(isinstance(step, Withheld) for step in steps):
            return
    if not any(isinstance(step, Withheld) for step in hold.finish()):
        assert hold.released == so_far


@SLOWER
@given(st.data())
@pytest.mark.parametrize("policy", ["sentence", "adaptive"])
def test_masks_are_the_same_across_cuts_as_in_the_whole_text(
    masking: Guard, policy: Streaming, data: st.DataObject
) -> None:
    text = data.draw(texts(["wombat", "w0mb@t", "555 0132", "wombat. "]))
    hold = holding(masking, policy)
    steps = fed(hold, data.draw(cuts(text)))
    assert not any(isinstance(step, Withheld) for step in steps)
    assert hold.released == redact(text, masking.check(text, "output").masks)


@SLOWER
@given(st.data())
def test_strict_releases_nothing_before_the_end(guard: Guard, data: st.DataObject) -> None:
    text = data.draw(texts())
    hold = holding(guard, "strict")
    assert [step for piece in data.draw(cuts(text)) for step in hold.feed(piece)] == []
    assert hold.released == ""
    assert hold.pending == text


@QUICK
@given(st.data())
def test_nothing_is_released_after_a_violation(guard: Guard, data: st.DataObject) -> None:
    hold = holding(guard)
    steps = fed(hold, ["oh look. A wombat! ", *data.draw(cuts(data.draw(texts(FORBIDDEN))))])
    assert [type(step) for step in steps] == [Released, Withheld]
    assert hold.released == "oh look. "
    assert [*hold.feed("all is well again. "), *hold.finish()] == []


def test_a_finished_sentence_goes_out_before_the_next_is_complete(guard: Guard) -> None:
    hold = holding(guard)
    assert [step.text for step in hold.feed("How are you? I am") if isinstance(step, Released)] == ["How are you? "]
    assert hold.pending == "I am"


@pytest.mark.parametrize("text", ["call 555. ", "i. n. s. ", "ask @mila. ", "1. ", "no space.", "a comma, "])
def test_what_may_still_become_something_is_held(guard: Guard, text: str) -> None:
    hold = holding(guard)
    assert list(hold.feed(text)) == []
    assert hold.pending == text


def test_a_violation_over_the_end_of_a_sentence_is_seen_with_what_went_out_before(guard: Guard) -> None:
    hold = holding(guard)
    assert [type(step) for step in hold.feed("so add me.\nOn Wednesday we talk.\n")] == [Released, Withheld]
    assert hold.released == "so add me.\n"


def test_a_violation_says_what_was_looked_at(guard: Guard) -> None:
    (step,) = holding(guard).feed("A wombat, then. ")
    assert isinstance(step, Withheld)
    (finding,) = step.verdict.findings
    assert step.judged[finding.start : finding.end] == "wombat"


def test_a_long_innocent_reply_is_not_misread_in_its_middle(guard_of: GuardOf) -> None:
    guard = guard_of({"pattern": r"(?:^|[.!?]\s*)meet up"}, {"terms": ["up"]}, allow=["meet up"], on_output="block")
    text = "".join(f"We could never meet up, {'so ' * (number % 40)}sadly. " for number in range(120))
    assert not guard.check(text, "output").withholds
    hold = holding(guard)
    assert not any(isinstance(step, Withheld) for step in fed(hold, text))
    assert hold.released == text


def test_a_match_wider_than_the_look_back_is_seen_at_the_end_at_the_latest(guard_of: GuardOf) -> None:
    hold = holding(guard_of({"pattern": r"(?s)alpha.{0,900}omega"}, on_output="block"))
    assert all(
        isinstance(step, Released) for step in hold.feed("So alpha it is. " + "And on it goes. " * 30 + "An omega")
    )
    assert [type(step) for step in hold.finish()] == [Withheld]


def test_each_step_looks_back_a_bounded_way(guard: Guard) -> None:
    steps = fed(holding(guard), ["One more sentence of the usual kind. " * 400])
    assert len(steps) == 400
    assert max(len(step.judged) for step in steps) < 400


def test_what_goes_out_where_a_place_was_made_is_judged_as_it_stands(guard_of: GuardOf) -> None:
    guard = guard_of({"pattern": r"wombats? \w{1,30}$"}, on_output="block")
    for padding in range(60):
        hold = holding(guard, "sentence", 200)
        for piece in f"{'x' * padding} {'so it goes on ' * 9}wombat {'so it goes on ' * 60}":
            list(hold.feed(piece))
            assert not guard.check(hold.released, "output").withholds


@pytest.mark.parametrize("action", [Action.ALLOW, Action.LOG])
def test_a_verdict_without_force_holds_nothing_back(action: Action) -> None:
    hold = HoldBack(lambda _, **__: Verdict("output", action), "sentence")
    assert [type(step) for step in hold.feed("It is fine. ")] == [Released]


@pytest.mark.parametrize("action", [Action.STEER, Action.REGENERATE, Action.DEFLECT, Action.BLOCK])
def test_a_verdict_stronger_than_redact_ends_the_reply(action: Action) -> None:
    hold = HoldBack(lambda _, **__: Verdict("output", action), "sentence")
    assert [type(step) for step in hold.feed("It is not. And on it goes. ")] == [Withheld]
    assert hold.released == ""


def test_a_mask_that_began_in_released_text_hides_the_rest_of_its_span() -> None:
    for mask, released in (((3, 9), "one two. three four"), ((4, 14), f"one two. {MASK} four")):
        masks = (mask,)
        hold = HoldBack(lambda t, m=masks, **_: Verdict("output", Action.REDACT, masks=m * (len(t) > 9)), "sentence")
        fed(hold, ["one two. ", "three four"])
        assert hold.released == released


def test_a_shadow_rule_delays_and_hides_nothing(rule_of: Callable[..., Rule], policy_of: Callable[..., Policy]) -> None:
    hold = holding(Guard(policy_of(rule_of(ANIMALS, mode="shadow"))))
    assert [type(step) for step in hold.feed("A wombat, look. ")] == [Released]
    assert hold.released == "A wombat, look. "


def test_an_empty_reply_ends_without_a_step(guard: Guard) -> None:
    assert fed(holding(guard), ["", ""]) == []


def test_withheld_and_released_text_stays_out_of_reprs(guard: Guard) -> None:
    steps = fed(holding(guard), ["the canary sang. A wombat came. "])
    assert len(steps) == 2
    assert "canary" not in repr(steps)


SHIPPED, ALONE = (load(Path(__file__).parents[2] / "rules", gate=False, is_judged=each) for each in (True, False))
SAYINGS = [
    said
    for rule in SHIPPED.policy.rules
    for example in rule.examples
    for said in (example.block, example.allow)
    if said
]
ROWS = Path(__file__).parents[2] / "training_data" / "moderation.jsonl"
PROSE = [json.loads(row)["text"] for row in ROWS.read_text(encoding="utf-8").splitlines()[::23]]


@settings(deadline=None, max_examples=int(os.environ.get("CASES", "10000")))
@given(st.data())
def test_under_the_shipped_rules_every_cut_releases_the_same_and_never_what_is_withheld(data: st.DataObject) -> None:
    pieces = data.draw(st.lists(st.sampled_from([*SAYINGS, *PROSE]), min_size=1, max_size=3))
    text = data.draw(st.sampled_from([" ", ". ", "\n", "‼️ ", "?\u200b ", "． ", " …"])).join(pieces)
    context = [
        Message(("user", "assistant")[at % 2], each) for at, each in enumerate(data.draw(st.sampled_from(TALKS)))
    ]
    shipped = data.draw(st.sampled_from([SHIPPED, ALONE]))
    hold, steps = holding(shipped, "adaptive", context=context), []
    for piece in data.draw(cuts(text)):
        for step in hold.feed(piece):
            steps.append(step)
            if isinstance(step, Released):
                assert not shipped.check(hold.released, "output", context).withholds
    steps += hold.finish()
    assert steps == fed(holding(shipped, "adaptive", context=context), [text])


def test_a_word_that_opens_nothing_goes_out_as_soon_as_it_is_complete(guard: Guard) -> None:
    hold = holding(guard, "adaptive")
    assert [step.text for step in hold.feed("How are yo") if isinstance(step, Released)] == ["How ", "are "]
    assert hold.pending == "yo"


def test_what_is_open_is_held_until_it_has_come_to_nothing(guard: Guard) -> None:
    hold = holding(guard, "adaptive")
    list(hold.feed("do not add "))
    assert hold.released == "do not "
    list(hold.feed("sugar to my tea, "))
    assert hold.released == "do not add sugar to my tea, "


def test_a_violation_never_goes_out_word_by_word(guard: Guard) -> None:
    hold = holding(guard, "adaptive")
    steps = [step for letter in "well, my friend, add me on tuesday. " for step in hold.feed(letter)]
    assert isinstance(steps[-1], Withheld)
    assert hold.released == "well, my friend, "


def test_where_the_turns_before_were_about_a_rule_words_go_out_after_ever_longer_looks() -> None:
    hold = holding(ALONE, "adaptive", context=[Message("user", "whats your insta")])
    held = []
    for word in re.findall(r"\S+ ", "haha the sun is out today and the birds sing in the old garden behind our house "):
        list(hold.feed(word))
        held.append(len(hold.pending.split()))
    assert 1 < held.count(0) < len(held) / 2


def test_beside_a_rule_that_may_find_something_anywhere_a_sentence_goes_out_as_a_whole(guard_of: GuardOf) -> None:
    hold = holding(guard_of({"pattern": r"\w+ \w+ \w+ \w+ \w+ \w+"}), "adaptive")
    list(hold.feed("So how are "))
    assert hold.released == ""
    list(hold.feed("you? And "))
    assert hold.released == "So how are you? "


def test_a_sentence_that_means_nothing_yet_is_not_looked_at_closely_at_every_word(guard: Guard) -> None:
    looks: list[bool] = []

    class Hearing:
        is_open, is_wary = True, False

        def take(self, piece: str) -> None: ...

        def end_sentence(self) -> None: ...

        def means_nothing(self, *, closely: bool) -> bool:
            looks.append(closely)
            return closely

    watch = Watch(Openings(guard.detectors), listeners=[Hearing()])
    hold = HoldBack(lambda text, **_: guard.check(text, "output"), "adaptive", watch)
    list(hold.feed("and on and on it goes " * 20))
    assert len(hold.pending) < 200
    assert sum(looks) < 15


@pytest.mark.parametrize("policy", ["sentence", "adaptive"])
def test_where_no_sentence_ends_a_place_is_made(guard: Guard, policy: Streaming) -> None:
    hold = holding(guard, policy, most_held=200)
    list(hold.feed("1 and 2 and " * 40))
    assert len(hold.pending) <= 200
    list(hold.feed("wombat and 3 and 4 " * 12))
    assert "wombat" not in hold.released


@pytest.mark.parametrize("policy", ["sentence", "adaptive"])
def test_a_text_without_spaces_is_held_no_longer_than_allowed(guard: Guard, policy: Streaming) -> None:
    hold = holding(guard, policy, most_held=200)
    list(hold.feed("今日はいい天気ですね" * 100))
    assert 0 < len(hold.pending) <= 200


UNSURE = Finding("animals", 0, 1, 0.5, "classifier", gray="allow")
CLEARED, CONFIRMED = Verdict("output"), Verdict("output", Action.DEFLECT, rules=("animals",))


def unsure_of(word: str) -> Callable[..., Verdict]:
    return lambda text, **_: Verdict("output", gray=(UNSURE,)) if word in text else Verdict("output")


@pytest.mark.parametrize("streaming", ["strict", "sentence"])
def test_a_gray_stretch_waits_for_its_verdict_and_what_follows_waits_with_it(streaming: Streaming) -> None:
    held = HoldBack(unsure_of("wombat"), streaming)
    steps = [*held.feed("All is well. A wombat came by. "), *held.feed("And it left again. "), *held.finish()]
    assert isinstance(steps[-1], Unclear)
    assert "wombat" not in held.released
    rest = [*held.settle(CLEARED)]
    while isinstance(rest[-1], Unclear):
        rest += held.settle(CLEARED)
    assert held.released == "All is well. A wombat came by. And it left again. "


def test_a_confirmed_stretch_ends_the_reply() -> None:
    held = HoldBack(unsure_of("wombat"), "sentence")
    list(held.feed("All is well. A wombat came by. And it left. "))
    (step,) = held.settle(CONFIRMED)
    assert isinstance(step, Withheld)
    assert held.released == "All is well. "
    assert not [*held.feed("more. "), *held.finish()]


def test_a_verdict_that_nothing_waits_for_is_refused() -> None:
    with pytest.raises(ValueError, match="no stretch waits"):
        list(HoldBack(unsure_of("wombat"), "sentence").settle(CLEARED))
