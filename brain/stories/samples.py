"""Sample stories, `training_data/stories/*.json`: beats and the prose that the persona makes of them, as typed shapes.

It stands apart as the one reader of these files: they are accepted whole or refused whole, with every problem and its
place. A folder without stories is no problem: they are examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from brain.embedding import Embedding
from guards.errors import PolicyError, Problem

FOLDER = "stories"
Place = Literal["first", "middle", "last"]

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class SampleCharacter(_Shape):
    """Somebody in a sample story."""

    name: Text
    description: str = ""


class SampleBeat(_Shape):
    """One beat with its prose. `asides` are remarks that fit any beat like it; `{who}` in one is whom the beat is
    about."""

    beat: Text
    prose: Text
    asides: tuple[Text, ...] = ()


class SampleStory(_Shape):
    """One story. `arc` are beats that fit any theme like its own; `{theme}` in one is what was asked for."""

    id: Text
    title: Text
    theme: Text
    arc: Annotated[tuple[Text, ...], Field(min_length=3)]
    characters: tuple[SampleCharacter, ...] = ()
    beats: Annotated[tuple[SampleBeat, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Told:
    """A sample beat, the prose before it, and where in its story it stands."""

    so_far: str = field(repr=False)
    sample: SampleBeat = field(repr=False)
    place: Place = "middle"


class Samples:
    """All sample stories, with an index over their beats and themes. Building it embeds each once; then it never
    changes."""

    def __init__(self, stories: Sequence[SampleStory] = ()) -> None:
        self.stories = tuple(stories)
        self._told = [
            Told("\n\n".join(each.prose for each in story.beats[:at]), beat, place_of(at, len(story.beats)))
            for story in self.stories
            for at, beat in enumerate(story.beats)
        ]
        texts = [each.sample.beat for each in self._told] + [story.theme for story in self.stories]
        self._embedding = Embedding(texts)
        rows = self._embedding(texts)
        self._beats, self._themes = rows[: len(self._told)], rows[len(self._told) :]

    def beats_like(self, beat: str, count: int, place: Place) -> list[Told]:
        """The `count` sample beats at that place most like `beat`, best first; fewer where there are fewer."""
        order = (-(self._beats @ self._embedding([beat])[0])).argsort(kind="stable")
        return [self._told[at] for at in order if self._told[at].place == place][:count]

    def story_like(self, theme: str) -> SampleStory | None:
        """The sample story whose theme is most like `theme`; None without stories."""
        if not self.stories:
            return None
        return self.stories[int((self._themes @ self._embedding([theme])[0]).argmax())]


def place_of(index: int, count: int) -> Place:
    """Where beat `index` of `count` stands."""
    if index == 0:
        return "first"
    return "last" if index == count - 1 else "middle"


def read_samples(training_data: Path) -> Samples:
    """The sample stories below `training_data`. Raises PolicyError naming each broken file and place."""
    stories: list[SampleStory] = []
    problems: list[Problem] = []
    for path in sorted((training_data / FOLDER).glob("*.json")):
        try:
            stories.append(SampleStory.model_validate_json(path.read_bytes()))
        except OSError as error:
            problems.append(Problem(str(path), 0, f"cannot be read: {error.strerror}"))
        except ValidationError as error:
            places = ((".".join(map(str, each["loc"])) or "file", each["msg"]) for each in error.errors())
            problems += [Problem(str(path), 0, f"{place}: {told}") for place, told in places]
    if problems:
        raise PolicyError(problems)
    return Samples(stories)
