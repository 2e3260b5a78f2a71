"""Sample stories are read whole or refused with every place, and the nearest is found at its place in a story."""

from __future__ import annotations

from pathlib import Path

import pytest

from brain.stories.samples import Samples, place_of, read_samples
from guards.errors import PolicyError

SHIPPED = Path(__file__).parents[3] / "training_data"


def test_a_folder_without_stories_has_none(tmp_path: Path) -> None:
    samples = read_samples(tmp_path)
    assert (samples.stories, samples.beats_like("x", 3, "first"), samples.story_like("x")) == ((), [], None)


def test_every_broken_file_is_named_with_its_place(tmp_path: Path) -> None:
    folder = tmp_path / "stories"
    folder.mkdir()
    (folder / "a.json").write_text('{"id": "a"}', encoding="utf-8")
    (folder / "b.json").write_text("{", encoding="utf-8")
    with pytest.raises(PolicyError) as refused:
        read_samples(tmp_path)
    assert "a.json: beats" in str(refused.value)
    assert "b.json: file" in str(refused.value)


def test_beats_are_found_by_likeness_among_those_at_their_place(samples: Samples) -> None:
    [first, *_] = samples.beats_like("somebody finds a boat", 2, "first")
    assert (first.sample.prose, first.so_far) == ("so ole finds a boat.", "")
    [middle] = samples.beats_like("somebody finds a boat", 2, "middle")
    assert (middle.sample.prose, middle.so_far) == ("and the boat sings.", "so ole finds a boat.")


def test_a_single_beat_is_a_beginning() -> None:
    assert [place_of(at, 3) for at in range(3)] == ["first", "middle", "last"]
    assert place_of(0, 1) == "first"


def test_the_shipped_stories_are_six_to_eight_of_four_to_six_beats_with_two_remarks_each() -> None:
    stories = read_samples(SHIPPED).stories
    assert 6 <= len(stories) <= 8
    assert all(4 <= len(story.beats) <= 6 for story in stories)
    assert all(len(beat.asides) == 2 for story in stories for beat in story.beats)
    proses = [beat.prose for story in stories for beat in story.beats]
    assert len(set(proses)) == len(proses)


def test_a_theme_finds_the_story_most_like_it() -> None:
    story = read_samples(SHIPPED).story_like("a shy little dragon")
    assert story is not None
    assert story.title == "the dragon of shelf three"
