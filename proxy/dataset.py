"""What can be learnt from feedback and from the blocked-turn log: examples, pairs and fine-tuning rows.

Values in, rows out, with the reason for everything that is left out. A reply of the persona goes out as something to
imitate only where the rules of today find nothing in it; a fan's words go out as a model would have been given them,
with personal data masked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from guards.fold import fold_term
from guards.guard import Guard
from guards.redact import redact
from guards.types import Action, Message
from proxy.audit import Record
from proxy.feedback import Feedback, Said
from proxy.wire import write_json

LIKE = 0.6  # share of words that two prompts must have in common to be alike
_EXACT = ("pii", "pattern")  # detectors that find numbers, handles and addresses, and where they stand
_HISTORY = "history["
_WORD = re.compile(r"\w+")
_SPEAKERS = {"user": "fan", "assistant": "persona"}

Row = dict[str, Any]


@dataclass(slots=True)
class Made:
    """The rows of an export, and how much was left out by reason."""

    rows: list[Row] = field(default_factory=list, repr=False)
    left_out: Counter[str] = field(default_factory=Counter)
    _known: set[bytes] = field(default_factory=set, repr=False)

    def add(self, row: Row, *texts: Sequence[Said]) -> None:
        """Takes a row unless one of the same `texts` is there."""
        key = write_json([_wire(each) for each in texts])
        if key in self._known:
            self.left_out["the same as another"] += 1
            return
        self._known.add(key)
        self.rows.append(row)


class _LeftOut(Exception):
    """Why a turn cannot be learnt from."""


def examples(given: Iterable[Feedback], guard: Guard) -> Made:
    """Liked replies as conversations in the shape of `conversations.json`: `{id, title, turns: [{role, text}]}`."""

    def conversation(liked: Feedback, talk: Sequence[Said]) -> Row:
        turns = [{"role": _SPEAKERS[said.role], "text": said.text} for said in talk]
        return {"id": f"liked-{liked.turn}", "title": f"liked on {liked.time[:10]}", "turns": turns}

    return _of_liked(given, guard, conversation)


def finetune(given: Iterable[Feedback], guard: Guard) -> Made:
    """Liked replies as rows for fine-tuning a chat model: `{messages: [{role, content}]}`, the reply last."""
    return _of_liked(given, guard, lambda _, talk: {"messages": _wire(talk)})


def preferences(given: Iterable[Feedback], records: Iterable[Record], guard: Guard) -> Made:
    """What was liked over what was not: `{prompt: [{role, content}], chosen: [{role, content}], rejected: [...]}`.

    Pairs come from replies to the same or like words of a fan with a thumb up and a thumb down, and from the log: what
    was withheld, and what was said instead.
    """
    rated = list(given)
    made = Made()
    _of_thumbs(rated, guard, made)
    talks = {each.turn: each.messages for each in rated if each.messages}
    for record in records:
        if record.action == Action.REGENERATE.word:
            _of_record(record, talks, guard, made)
    return made


def _of_liked(given: Iterable[Feedback], guard: Guard, row: Callable[[Feedback, Sequence[Said]], Row]) -> Made:
    made = Made()
    for each in given:
        try:
            if each.rating != "up":
                raise _LeftOut("rated down")
            talk = _fit(_alternating(each.messages), guard)
            made.add(row(each, talk), talk)
        except _LeftOut as why:
            made.left_out[str(why)] += 1
    return made


@dataclass(slots=True)
class _Liked:
    """One liked reply, with the words of the fan's message before it."""

    model: str
    talk: Sequence[Said] = field(repr=False)
    words: frozenset[str] = field(repr=False)
    is_used: bool = False


def _of_thumbs(rated: Sequence[Feedback], guard: Guard, made: Made) -> None:
    """Adds a pair for each thumb down that has a thumb up to match."""
    liked: list[_Liked] = []
    for each in rated:
        if each.rating == "up":
            try:
                talk = _fit(_alternating(each.messages), guard)
                liked.append(_Liked(each.model, talk, _words(talk[-2].text)))
            except _LeftOut as why:
                made.left_out[str(why)] += 1
    for each in rated:
        if each.rating == "down":
            try:
                _add_pair(made, *_pair_of(each, liked, guard))
            except _LeftOut as why:
                made.left_out[str(why)] += 1
    if unused := sum(not each.is_used for each in liked):
        made.left_out["rated up, and no like message has a thumb down"] += unused


def _pair_of(disliked: Feedback, liked: Sequence[_Liked], guard: Guard) -> tuple[Sequence[Said], str, str]:
    """Prompt, chosen and rejected reply. Raises _LeftOut."""
    talk = _alternating(disliked.messages)
    words = _words(talk[-2].text)
    of_model = [each for each in liked if each.model == disliked.model and each.talk[-1].text != talk[-1].text]
    best = max(of_model, key=lambda each: _likeness(words, each.words), default=None)
    if best is None or _likeness(words, best.words) < LIKE:
        raise _LeftOut("rated down, and no like message has a thumb up")
    prompt = _fit(talk[:-1], guard)
    best.is_used = True
    # replies to like words in other conversations have nothing but these words in common
    return prompt if prompt == list(best.talk[:-1]) else prompt[-1:], best.talk[-1].text, talk[-1].text


def _of_record(record: Record, talks: Mapping[str, Sequence[Said]], guard: Guard, made: Made) -> None:
    """Adds a pair for each text that was withheld in a turn which ended in one that was not."""
    try:
        prompt = _fit(_prompt(record, talks), guard)
        final = record.body["final"]
        if len(final) != 1 or not final[0].strip():
            raise _LeftOut("withheld, and no single reply instead")
        if final[0] in guard.policy.deflection_lines:
            raise _LeftOut("withheld, and a stock line instead")
        _require_clean(final[0], prompt, guard)
    except _LeftOut as why:
        made.left_out[str(why)] += 1
        return
    for text in dict.fromkeys(_withheld(record)):
        if text.strip() and text != final[0]:
            _add_pair(made, prompt, final[0], text)


def _prompt(record: Record, talks: Mapping[str, Sequence[Said]]) -> Sequence[Said]:
    """What the withheld reply answered: as a client sent it with its feedback, else the fan's words as far as they
    stand in the log themselves."""
    if record.turn in talks:
        return _alternating(talks[record.turn])[:-1]
    found = [each["text"] for each in record.body["stages"]["input"] if not each["place"].startswith(_HISTORY)]
    if not found:
        raise _LeftOut("withheld, and what it answered is not known")
    return [Said("user", found[-1])]


def _withheld(record: Record) -> Iterator[str]:
    for judged in record.body["stages"]["output"]:
        if Action.of(judged["action"]) > Action.STEER and not judged["place"].startswith(_HISTORY):
            yield judged["text"]
    for attempt in record.body["attempts"]:
        if attempt["verdict"] and Action.of(attempt["verdict"]["action"]) > Action.STEER:
            yield attempt["text"]


def _add_pair(made: Made, prompt: Sequence[Said], chosen: str, rejected: str) -> None:
    better, worse = [Said("assistant", chosen)], [Said("assistant", rejected)]
    row = {"prompt": _wire(prompt), "chosen": _wire(better), "rejected": _wire(worse)}
    made.add(row, prompt, better, worse)


def _fit(talk: Sequence[Said], guard: Guard) -> list[Said]:
    """`talk` with replies that may all be imitated, and the fan's words as a model is given them. Raises _LeftOut."""
    fit: list[Said] = []
    for said in talk:
        if said.role == "assistant":
            _require_clean(said.text, fit, guard)
            fit.append(said)
        else:
            fit.append(Said("user", _as_given(said.text, fit, guard)))
    return fit


def _alternating(messages: Sequence[Said]) -> list[Said]:
    """The messages with those of one side joined, from the fan's first to the last reply. Raises _LeftOut."""
    talk: list[Said] = []
    for said in messages:
        if not said.text.strip() or (not talk and said.role == "assistant"):
            continue
        if talk and talk[-1].role == said.role:
            talk[-1] = Said(said.role, f"{talk[-1].text}\n\n{said.text.strip()}")
        else:
            talk.append(Said(said.role, said.text.strip()))
    if len(talk) < 2 or talk[-1].role != "assistant":
        raise _LeftOut("its messages were not sent with it")
    return talk


def _require_clean(reply: str, before: Sequence[Said], guard: Guard) -> None:
    """Raises _LeftOut for a reply that the rules find something in, or are not sure of."""
    verdict = guard.check(reply, "output", _context(before))
    if verdict.rules or verdict.failed:
        raise _LeftOut(f"a reply breaks {', '.join(verdict.rules or verdict.failed)}")
    if verdict.gray:
        raise _LeftOut("a reply is not clear without a judge")


def _as_given(words: str, before: Sequence[Said], guard: Guard) -> str:
    """A fan's words with what is to be redacted, and what is personal, masked. Raises _LeftOut for words that no model
    is given."""
    verdict = guard.check(words, "input", _context(before))
    if verdict.action > Action.STEER:
        raise _LeftOut(f"the fan's words break {', '.join(verdict.rules)}")
    personal = [(found.start, found.end) for found in verdict.findings if found.detector.startswith(_EXACT)]
    return redact(words, [*verdict.masks, *personal])


def _context(said: Sequence[Said]) -> list[Message]:
    return [Message(each.role, each.text) for each in said]


def _wire(talk: Sequence[Said]) -> list[dict[str, str]]:
    return [{"role": said.role, "content": said.text} for said in talk]


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(fold_term(text)))


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of words in common, 0 to 1."""
    return len(one & other) / len(one | other) if one | other else 0.0
