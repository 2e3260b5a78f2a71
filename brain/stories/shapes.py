"""Stories as `/v1/stories` reads and writes them: JSON in, what is to be told; what was told, JSON out.

It stands apart as shapes and pure functions: nothing here knows HTTP, DSPy or a language model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from brain.stories.beats import MAX_BEATS, Character
from guards.errors import MalformedRequest

Json = dict[str, Any]
Mode = Literal["whole", "sequential", "interactive"]
Temperature = Annotated[float, Field(ge=0, le=2)]
MAX_PROSE = 100_000
_Beat = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
_Prose = Annotated[str, StringConstraints(max_length=MAX_PROSE)]
_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class BeatIn(_Shape):
    """One beat: what happens, and how freely it is told (`temperature`, 0 to 2)."""

    text: _Beat = Field(repr=False)
    temperature: Temperature | None = None


def _as_beat(value: Any) -> Any:
    return {"text": value} if isinstance(value, str) else value


class CharacterIn(_Shape):
    """Somebody who may appear."""

    name: _Name = Field(repr=False)
    description: Annotated[str, StringConstraints(max_length=1000)] = Field(default="", repr=False)


class StoryIn(_Shape):
    """The body of POST /v1/stories.

    `so_far` is prose that the story goes on from, `guidance` a note about how to tell it, `past_prose` a version that
    was not wanted. `max_tokens` bounds each beat. `user` and `metadata` are accepted and not read.
    """

    beats: list[Annotated[BeatIn, BeforeValidator(_as_beat)]] = Field(min_length=1, max_length=MAX_BEATS, repr=False)
    mode: Mode = "whole"
    stream: bool = False
    model: str = "persona"
    characters: Annotated[list[CharacterIn], Field(max_length=40)] = Field(default=[], repr=False)
    temperature: Temperature | None = None
    max_tokens: Annotated[int, Field(ge=1, le=4000)] | None = None
    passes: Literal[1, 2] = 1
    so_far: _Prose = Field(default="", repr=False)
    guidance: Annotated[str, StringConstraints(max_length=MAX_PROSE)] = Field(default="", repr=False)
    past_prose: _Prose = Field(default="", repr=False)
    user: str | None = None
    metadata: Json | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _fits_its_mode(self) -> Self:
        own = any(beat.temperature is not None for beat in self.beats)
        if self.mode == "whole" and own and len(self.beats) > 1:
            raise ValueError(
                "a beat has a temperature of its own in the modes sequential and interactive; in the mode whole all "
                "beats are written at once: set temperature for the story"
            )
        if self.mode == "interactive" and self.passes == 2:
            raise ValueError("passes: 2 edits a finished story, in the modes whole and sequential")
        if self.past_prose and len(self.beats) > 1:
            raise ValueError("past_prose is an unwanted version of one beat: send that beat alone")
        return self

    def brief(self) -> Brief:
        """What is to be told."""
        return Brief(
            beats=tuple(each.text for each in self.beats),
            temperatures=tuple(
                self.temperature if each.temperature is None else each.temperature for each in self.beats
            ),
            characters=tuple(Character(each.name, each.description) for each in self.characters),
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            passes=self.passes,
            so_far=self.so_far,
            guidance=self.guidance,
            past_prose=self.past_prose,
        )


class BeatAction(_Shape):
    """The body of POST /v1/stories/{id}/beats/{index}.

    `accept` takes the proposed beat, with `prose` instead of it where that is given, and has the next one proposed;
    `regenerate` has this one written in another way. `temperature` is that of the beat to be written.
    """

    action: Literal["accept", "regenerate"]
    temperature: Temperature | None = None
    prose: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)] | None = Field(
        default=None, repr=False
    )
    guidance: Annotated[str, StringConstraints(max_length=MAX_PROSE)] = Field(default="", repr=False)
    past_prose: _Prose = Field(default="", repr=False)
    stream: bool = False
    user: str | None = None
    metadata: Json | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _has_what_it_means(self) -> Self:
        if self.prose is not None and self.action != "accept":
            raise ValueError("prose stands in for a beat that is accepted: use it with action accept")
        return self


@dataclass(frozen=True, slots=True)
class Brief:
    """What is to be told. `temperatures` has one entry a beat; None is the service's own. `past_prose` is a version of
    the beat to be written that was not wanted."""

    beats: tuple[str, ...] = field(repr=False)
    temperatures: tuple[float | None, ...] = ()
    characters: tuple[Character, ...] = field(default=(), repr=False)
    temperature: float | None = None
    max_tokens: int | None = None
    passes: int = 1
    so_far: str = field(default="", repr=False)
    guidance: str = field(default="", repr=False)
    past_prose: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Narrator:
    """Who tells: the persona's name, how it talks, and where."""

    name: str
    voice: str
    platform: str


_In = TypeVar("_In", bound=_Shape)


def read(kind: type[_In], body: bytes) -> _In:
    """The request of this kind in a JSON body. Raises MalformedRequest naming the first place that is wrong."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise MalformedRequest("the body is not valid JSON", code="invalid_json") from None
        place = ".".join(map(str, first["loc"])) or "body"
        told = _TOLD.get((first["type"], place), first["msg"].removeprefix("Value error, "))
        raise MalformedRequest(f"{place}: {told}", param=place) from None


_TOLD = {
    ("too_short", "beats"): "at least one beat is needed",
    ("too_long", "beats"): f"a story has at most {MAX_BEATS} beats: tell the rest as another, with so_far",
}


def joined(proses: Sequence[str]) -> str:
    """The story of these beats, one paragraph each; beats without prose are passed over."""
    return "\n\n".join(prose for prose in proses if prose)


def story_json(id_: str, mode: Mode, beats: Sequence[str], proses: Sequence[str]) -> Json:
    """A told story."""
    told = [{"beat": beat, "prose": prose} for beat, prose in zip(beats, proses, strict=True)]
    return {"id": id_, "mode": mode, "beats": told, "prose": joined(proses)}
