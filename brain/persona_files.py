"""Persona files, `personas/*.yaml`: who a persona is, what it keeps to, which model speaks for it, as typed shapes.

It stands apart as the one reader of these files. The folder is accepted whole or refused whole, with every problem of
every file and its line.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from brain.conversations import Conversations, Text, parse_conversations
from brain.settings import known_zone
from brain.yaml_lines import Document, Place, read
from guards.errors import PolicyError, Problem

FOLDER = "personas"
# Also accepted as `model`, whatever the personas are called.
ANY_PERSONA = "persona"


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Stage(_Shape):
    """A stage of getting to know each other: from how many messages on, and what it asks of a reply."""

    name: Text
    messages: int = Field(ge=0)
    guidance: str = ""


class Silence(_Shape):
    """Speaking first: after how many hours without a word, but not after `until`, nor by the fan's clock from the first
    hour of `quiet` to the second. `lines` show the model how, and stand in for it."""

    after: float = Field(gt=0)
    until: float = Field(default=14 * 24, gt=0)
    quiet: tuple[Annotated[int, Field(ge=0, le=23)], Annotated[int, Field(ge=0, le=23)]] = (22, 9)
    lines: tuple[Text, ...] = ()

    @field_validator("quiet")
    @classmethod
    def _is_a_night(cls, quiet: tuple[int, int]) -> tuple[int, int]:
        if quiet[0] == quiet[1]:
            raise ValueError("name two hours that differ, such as [22, 9]: a fan has a night")
        return quiet

    @model_validator(mode="after")
    def _is_a_time(self) -> Silence:
        if self.until <= self.after:
            raise ValueError("until has to be later than after")
        return self


class Remarks(_Shape):
    """How a reply begins where the hour or a silence is worth a word, for who speaks without a language model."""

    up_late: tuple[Text, ...] = ()
    back_already: tuple[Text, ...] = ()
    long_time: tuple[Text, ...] = ()
    good_morning: tuple[Text, ...] = ()


# Said to a fan in distress where no language model answers and the persona's file has no words for it.
DEFAULT_COMFORTS = (
    "I heard that, and it matters to me. Are you safe right now? Please talk to somebody near you, or call a local "
    "helpline; if you are in danger, call the emergency number.",
)
FACT = "{fact}"
DEFAULT_STAGES = (
    Stage(name="ice_breaker", messages=0),
    Stage(name="warming_up", messages=10),
    Stage(name="close", messages=30),
)


def _rising(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    bounds = [stage.messages for stage in stages]
    if not bounds or bounds[0] != 0 or any(left >= right for left, right in itertools.pairwise(bounds)):
        raise ValueError("stages begin at 0 messages, each later than the one before")
    return stages


def _with_fact(lines: tuple[str, ...]) -> tuple[str, ...]:
    if any(line.count(FACT) != 1 for line in lines):
        raise ValueError(f"each line has {FACT} once: what the fan told stands there")
    return lines


def _below(path: str) -> str:
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise ValueError("a path below the training data is needed")
    return path


class PersonaCard(_Shape):
    """Who a persona is. What concerns the model is None or empty where the settings decide.

    The first `core_facts` of `facts` are told in every turn, the others when a turn is about them, all together in at
    most `facts_budget` words. `comforts`, `remarks` and `recalls` are said where no language model speaks: to a fan in
    distress, about the hour or a silence, and to name what the fan has told.
    """

    name: Text
    voice: Text
    conversations: Annotated[Text, AfterValidator(_below)]
    platform: Text = "OnlyFans"
    facts: tuple[Text, ...] = ()
    core_facts: int = Field(default=1, ge=0)
    facts_budget: int = Field(default=90, ge=0)
    boundaries: tuple[Text, ...] = ()
    deflections: tuple[Text, ...] = ()
    comforts: tuple[Text, ...] = DEFAULT_COMFORTS
    remarks: Remarks = Remarks()
    recalls: Annotated[tuple[Text, ...], AfterValidator(_with_fact)] = ()
    stages: Annotated[tuple[Stage, ...], AfterValidator(_rising)] = DEFAULT_STAGES
    silence: Silence | None = None
    several_messages: bool = False
    time_zone: Text | None = None
    lm: Text | None = None
    fallback_lm: Text | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=1)
    n_candidates: int | None = Field(default=None, ge=1, le=8)

    @field_validator("name")
    @classmethod
    def _is_free(cls, name: str) -> str:
        if _model_id(name) == ANY_PERSONA:
            raise ValueError(f"the model name {ANY_PERSONA} stands for the default persona; choose another")
        return name

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str | None) -> str | None:
        return name and known_zone(name)

    @property
    def model_id(self) -> str:
        """The name as a model id on the wire: `mila`."""
        return _model_id(self.name)


@dataclass(frozen=True, slots=True)
class PersonaData:
    """One persona as its two files describe it; `version` changes when either of them does."""

    card: PersonaCard = field(repr=False)
    conversations: Conversations = field(repr=False)
    version: str
    document: Document = field(repr=False)

    def problem(self, key: str, message: str) -> Problem:
        """A problem at the line of `key` in the persona file."""
        return Problem(self.document.file, self.document.line((key,)), f"{key}: {message}")


def read_personas(folder: Path) -> tuple[PersonaData, ...]:
    """The personas of `folder`/personas, in order of their file names. Raises PolicyError with all problems."""
    problems: list[Problem] = []
    found: list[PersonaData] = []
    for path in sorted((folder / FOLDER).glob("*.yaml")):
        try:
            found.append(_read_persona(folder, path))
        except PolicyError as error:
            problems.extend(error.problems)
    problems.extend(_shared_names(found))
    if not found and not problems:
        problems.append(Problem(str(folder / FOLDER), 0, "no persona here: a persona is a .yaml file"))
    if problems:
        raise PolicyError(problems)
    return tuple(found)


def _read_persona(folder: Path, path: Path) -> PersonaData:
    name = path.relative_to(folder).as_posix()
    content = _content(path, name)
    document = read(_decoded(content, name), name)
    card = _card(document)
    try:
        samples = _content(folder / card.conversations, card.conversations)
    except PolicyError as error:
        said = f"conversations: {error.problems[0]}"
        raise PolicyError([Problem(name, document.line(("conversations",)), said)]) from None
    version = hashlib.sha256(b"%d\0" % len(content) + content + samples).hexdigest()[:12]
    return PersonaData(card, parse_conversations(samples, card.conversations), version, document)


def _content(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PolicyError([Problem(name, 0, f"cannot be read: {error.strerror}")]) from None


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise PolicyError([Problem(name, 0, "cannot be read: not UTF-8")]) from None


def _card(document: Document) -> PersonaCard:
    try:
        return PersonaCard.model_validate(document.value)
    except ValidationError as error:
        problems = [
            Problem(document.file, document.line(each["loc"]), _said(each["loc"], each))
            for each in error.errors(include_input=False, include_url=False)
        ]
        raise PolicyError(problems) from None


def _said(place: Place, error: Any) -> str:
    where = ".".join(map(str, place))
    if error["type"] == "extra_forbidden":
        return f"unknown key {where}"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


def _shared_names(found: list[PersonaData]) -> Iterator[Problem]:
    files: dict[str, str] = {}
    for persona in found:
        other = files.setdefault(persona.card.model_id, persona.document.file)
        if other != persona.document.file:
            yield persona.problem("name", f"the model name {persona.card.model_id} is also that of {other}")


def _model_id(name: str) -> str:
    return "-".join(name.lower().split())
