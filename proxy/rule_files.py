"""From a rules folder to a compiled guard, or to every problem in it with file and line.

A folder is accepted whole or refused whole: it must parse, fit the schema, compile, and pass every example of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from brain.yaml_lines import Document, Place, read
from guards.detectors.base import BuildProblem
from guards.errors import PolicyError, Problem
from guards.examples import failures, leaking_deflections
from guards.guard import Guard
from guards.policy import Lexicon, Policy, Rule, Sense, Settings, Shape

POLICY_FILE = "policy.yaml"
ShapeT = TypeVar("ShapeT", bound=Shape)


def load(folder: Path, *, gate: bool = True, is_judged: bool = True) -> Guard:
    """The guard that `folder` describes, with a judge to ask or none; `gate` also runs its examples. Raises PolicyError
    with all problems."""
    policy, documents = read_policy(folder)
    try:
        guard = Guard(policy, is_judged=is_judged)
    except BuildProblem as first:
        raise PolicyError(list(_build_problems(policy, documents)) or [_built(first, documents)]) from None
    if gate and (problems := _gate(guard, documents)):
        raise PolicyError(problems)
    return guard


def read_policy(folder: Path) -> tuple[Policy, dict[str, Document]]:
    """The policy in `folder`, and each rule's document by rule id. Raises PolicyError with all problems."""
    texts = _texts(folder)
    problems: list[Problem] = []
    documents = {name: document for name in texts if (document := _document(name, texts[name], problems))}
    settings = _parsed(Settings, documents.get(POLICY_FILE), problems)
    rules: dict[str, tuple[Rule, Document]] = {}
    lexicons: dict[str, Lexicon] = {}
    for name, document in documents.items():
        if name.startswith("lexicons/"):
            lexicons[name] = _lexicon(document, problems)
        elif name != POLICY_FILE and (rule := _parsed(Rule, document, problems)):
            if rule.id in rules:
                problems.append(
                    _problem(document, ("id",), f"the rule {rule.id} also stands in {rules[rule.id][1].file}")
                )
            rules[rule.id] = (rule, document)
    if not rules and not problems:
        problems.append(Problem(str(folder), 0, "no rule here: a rule is a .yaml file beside policy.yaml"))
    if problems or settings is None:
        raise PolicyError(problems)
    policy = Policy(
        settings=settings, rules=tuple(rule for rule, _ in rules.values()), lexicons=lexicons, version=_version(texts)
    )
    return policy, {name: document for name, (_, document) in rules.items()}


def _texts(folder: Path) -> dict[str, str]:
    """Every .yaml file of the folder and its lexicons, by path below the folder, in order of their names."""
    if not (folder / POLICY_FILE).is_file():
        raise PolicyError([Problem(str(folder / POLICY_FILE), 0, "missing: a rules folder needs a policy.yaml")])
    texts: dict[str, str] = {}
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("lexicons/*.yaml")]):
        name = path.relative_to(folder).as_posix()
        try:
            texts[name] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PolicyError([Problem(name, 0, f"cannot be read: {type(error).__name__}")]) from None
    return texts


def _version(texts: dict[str, str]) -> str:
    digest = hashlib.sha256()
    for name, text in texts.items():
        digest.update(f"{name}\0{len(text)}\0{text}\0".encode())
    return digest.hexdigest()[:12]


def _document(name: str, text: str, problems: list[Problem]) -> Document | None:
    try:
        return read(text, name)
    except PolicyError as error:
        problems.extend(error.problems)
        return None


def _parsed(shape: type[ShapeT], document: Document | None, problems: list[Problem]) -> ShapeT | None:
    if document is None:
        return None
    try:
        return shape.model_validate(document.value)
    except ValidationError as error:
        problems.extend(_problem(document, _place(e["loc"]), _said(e)) for e in error.errors(include_input=False))
        return None


def _place(loc: tuple[int | str, ...]) -> Place:
    """pydantic's path without the tags it puts in for a kind of find entry: ('find', 0, 'terms', …)."""
    return loc[:2] + loc[3:] if loc[:1] == ("find",) and len(loc) > 3 else loc


def _said(error: Any) -> str:
    where = ".".join(str(step) for step in _place(error["loc"]))
    if error["type"] == "extra_forbidden":
        return f"unknown key {where}"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


def _lexicon(document: Document, problems: list[Problem]) -> Lexicon:
    """The terms of a lexicon file: a list of terms, or name -> list of its forms; a mapping is a term with a sense."""
    value = document.value
    lists: list[tuple[Place, Any]] = [((), value)]
    if isinstance(value, dict):
        lists = [((str(name),), forms) for name, forms in value.items()]
    terms: list[str | Sense] = []
    for place, forms in lists:
        if not isinstance(forms, list) or not forms:
            problems.append(
                _problem(document, place, "a lexicon is a list of terms, or a name with a list of its forms")
            )
            continue
        for number, form in enumerate(forms):
            if isinstance(form, str) and form.strip():
                terms.append(form)
            elif isinstance(form, dict) and "forms" in form:
                terms.extend(_sense(form, document, (*place, number), problems))
            else:
                said = "a term is text (put it in quotes), or a mapping with its forms"
                problems.append(_problem(document, (*place, number), said))
    return tuple(terms)


def _sense(form: dict[str, Any], document: Document, place: Place, problems: list[Problem]) -> Iterator[Sense]:
    try:
        yield Sense.model_validate(form)
    except ValidationError as error:
        for each in error.errors(include_input=False):
            where = next((n for n, step in enumerate(each["loc"]) if step in Sense.model_fields), 0)
            inside = tuple(step for step in each["loc"][where:] if isinstance(step, int) or step in Sense.model_fields)
            unknown = each["type"] == "extra_forbidden"
            said = f"unknown key {each['loc'][-1]}" if unknown else f"{'.'.join(map(str, inside))}: {each['msg']}"
            problems.append(_problem(document, (*place, *(each["loc"] if unknown else inside)), said))


def _build_problems(policy: Policy, documents: dict[str, Document]) -> Iterator[Problem]:
    """What is wrong with each entry compiled by itself: a guard stops at its first."""
    for rule in policy.rules:
        for number, entry in enumerate(rule.find):
            alone = rule.model_copy(update={"find": [entry]})
            try:
                Guard(policy.model_copy(update={"rules": (alone,)}))
            except BuildProblem as problem:
                source = replace(problem.source, place=("find", number, *problem.source.place[2:]))
                yield _built(BuildProblem(source, problem.message), documents)


def _built(problem: BuildProblem, documents: dict[str, Document]) -> Problem:
    return _problem(documents[problem.source.rule], problem.source.place, problem.message)


def _gate(guard: Guard, documents: dict[str, Document]) -> list[Problem]:
    problems = [
        _problem(documents[failure.rule], ("examples", failure.number), failure.message) for failure in failures(guard)
    ]
    for owner, number in leaking_deflections(guard):
        message = f"deflection {number + 1} would itself be withheld"
        if owner in documents:
            problems.append(_problem(documents[owner], ("deflections", number), message))
        else:
            problems.append(Problem(POLICY_FILE, 0, message))
    return problems


def _problem(document: Document, place: Place, message: str) -> Problem:
    return Problem(document.file, document.line(place), message)
