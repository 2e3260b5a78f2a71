"""The judge as a DSPy program: one question to a language model, and a strict reading of what it answers.

It stands apart from `judge`, which says when it may be asked, so that the program can be optimised, saved and read back
without deadlines and caches. The reading is strict because it guards: an answer that can be taken in two ways, or that
names a rule nobody asked about, is no answer and never counts as "breaks none".
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import dspy

from brain.guidance import describe
from brain.programs import SavedSignature, State, read_state, write_state
from brain.signatures import ANSWER_FORM, Judge

# What a model may write beside its line, in characters; whatever is longer did not understand the question.
LONGEST_ANSWER = 20_000

_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL)
_OBJECT = re.compile(r"\{[^{}]*\}")
_KEY = re.compile(r"""["']labels["']\s*:""", re.IGNORECASE)
_TRAILING_COMMA = re.compile(r",(?=\s*[\]}])")


class Unparsable(Exception):
    """The model's answer is no opinion. Never quotes it."""


class LineAdapter(dspy.Adapter):
    """Fields to short chat messages, and one line of JSON to an opinion: what small models can follow.

    Every value is JSON, so that no message can end its own quotation.
    """

    def format(self, signature: Any, demos: list[Any], inputs: dict[str, Any]) -> list[dict[str, Any]]:
        """Instructions, each demonstration as question and answer, and the question with the form of its answer."""
        outputs = signature.output_fields
        form = ", ".join(f'"{name}": <{field.json_schema_extra["desc"]}>' for name, field in outputs.items())
        messages = [{"role": "system", "content": " ".join(signature.instructions.split())}]
        for demo in demos:
            answer = {name: demo[name] for name in outputs}
            messages.append({"role": "user", "content": _question(signature, demo)})
            messages.append({"role": "assistant", "content": _line(answer)})
        asked = f"{_question(signature, inputs)}\n\n{ANSWER_FORM} {{{form}}}"
        return [*messages, {"role": "user", "content": asked}]

    def parse(self, signature: Any, completion: str) -> dict[str, Any]:
        """The opinion in the completion. Raises Unparsable."""
        labels, confidence = read_answer(completion)
        return {"labels": labels, "confidence": confidence}


class Judging(dspy.Module):
    """Says which of the asked rules a message breaks. One LM call; keeps nothing between calls.

    Called with `rule_titles` (id -> title), `transcript` (dicts of one speaker and text each), `stage` and `candidate`;
    the prediction has `labels`, a sorted list of asked ids, and `confidence` 0..1; `labels` is None when the answer
    cannot be read (take it as `prediction["labels"]`: the attribute is a method of DSPy). Raises dspy.LMError.
    """

    def __init__(self) -> None:
        super().__init__()
        self.judge = dspy.Predict(Judge)
        self.adapter = LineAdapter()

    def forward(self, **inputs: Any) -> dspy.Prediction:
        """For optimizers, which run other programs beside this one under an adapter of their own."""
        try:
            with dspy.context(adapter=self.adapter):
                return _opinion(self.judge(**inputs), inputs["rule_titles"])
        except (Unparsable, dspy.AdapterParseError):
            return _undecided()

    async def aforward(self, **inputs: Any) -> dspy.Prediction:
        """The same, awaited, under the adapter that the caller has set."""
        try:
            return _opinion(await self.judge.acall(**inputs), inputs["rule_titles"])
        except (Unparsable, dspy.AdapterParseError):
            return _undecided()


def _opinion(prediction: Any, rule_titles: Mapping[str, str]) -> dspy.Prediction:
    labels = sorted(asked_labels(prediction["labels"], rule_titles))
    return dspy.Prediction(labels=labels, confidence=prediction["confidence"])


def _undecided() -> dspy.Prediction:
    return dspy.Prediction(labels=None, confidence=0.0)


def asked_labels(labels: list[str], rule_titles: Mapping[str, str]) -> frozenset[str]:
    """The rules that `labels` name, by id or title. Raises Unparsable for a label that names no asked rule.

    Unknown labels are not dropped: what is left would say that the message keeps the rule the model meant.
    """
    known = {_plain(title): rule for rule, title in rule_titles.items()} | {_plain(rule): rule for rule in rule_titles}
    named = [_plain(label) for label in labels]
    if named == ["none"] and "none" not in known:
        return frozenset()
    try:
        return frozenset(known[name] for name in named)
    except KeyError:
        raise Unparsable from None


def read_answer(completion: str) -> tuple[list[str], float]:
    """Labels and confidence in a model's answer, whatever stands around its JSON. Raises Unparsable.

    Two objects that disagree, a broken one, a truncated one or one without confidence are no answer.
    """
    text = _THOUGHT.sub("", completion[: LONGEST_ANSWER + 1])
    found = [match.group() for match in _OBJECT.finditer(text) if _KEY.search(match.group())]
    if len(completion) > LONGEST_ANSWER or not found or len(found) != len(_KEY.findall(text)):
        raise Unparsable
    answers = [_checked(_loaded(each)) for each in found]
    if len({frozenset(labels) for labels, _ in answers}) != 1:
        raise Unparsable
    return answers[0][0], min(confidence for _, confidence in answers)


def _loaded(text: str) -> dict[str, Any]:
    repaired = _TRAILING_COMMA.sub("", text.replace("'", '"'))
    for each in (text, repaired):
        try:
            pairs: list[tuple[str, Any]] = json.loads(each, object_pairs_hook=list)
        except (ValueError, RecursionError):
            continue
        names = [name.lower() for name, _ in pairs]
        if len(set(names)) == len(names):
            return dict(zip(names, (value for _, value in pairs), strict=True))
        break
    raise Unparsable


def _checked(answer: dict[str, Any]) -> tuple[list[str], float]:
    labels = answer["labels"]
    labels = [labels] if isinstance(labels, str) else labels
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise Unparsable
    return labels, _share(answer.get("confidence"))


def _share(value: Any) -> float:
    """A number in 0..1, also written as text or in per cent."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Unparsable
    per_cent = isinstance(value, str) and value.strip().endswith("%")
    try:
        share = float(value.strip().removesuffix("%") if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        raise Unparsable from None
    share = share / 100 if per_cent else share
    if not math.isfinite(share) or not 0 <= share <= 1:
        raise Unparsable
    return share


def _plain(name: str) -> str:
    return "_".join(re.split(r"[\s_-]+", name.strip().casefold()))


def _question(signature: Any, values: Any) -> str:
    return "\n".join(f"{describe(signature, name)} {_line(values[name])}" for name in signature.input_fields)


def _line(value: Any) -> str:
    # A lone surrogate cannot be sent, and DSPy refuses it.
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")


class _Demo(State):
    rule_titles: dict[str, str]
    transcript: list[dict[str, str]]
    stage: Literal["input", "output"]
    candidate: str
    labels: list[str]
    confidence: float = 1.0


class _Predict(State):
    signature: SavedSignature
    demos: list[_Demo]


class _Program(State):
    judge: _Predict


class _Saved(State):
    program: _Program


def load_program(path: Path | None = None) -> Judging:
    """The program saved at `path`, or the one as it was written. Raises ProgramError.

    Only instructions and demonstrations are taken: a state names no model and no address that could be asked instead.
    """
    program = Judging()
    if path is None:
        return program
    state = read_state(path, _Saved, "judge").program.judge
    program.judge.signature = Judge.with_instructions(state.signature.instructions)
    program.judge.demos = [demo.model_dump() for demo in state.demos]
    return program


def save_program(program: Judging, path: Path, about: Mapping[str, Any]) -> None:
    """Writes the program's state as JSON to `path`, whole or not at all, beside what is known `about` it. Raises
    ProgramError."""
    write_state(path, program.dump_state(), about, "judge")
