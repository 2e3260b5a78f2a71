"""A saved program is read strictly, written whole, and named in its errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from brain.programs import ProgramError, SavedSignature, State, read_state, write_state


class Saved(State):
    program: SavedSignature


def test_what_is_written_is_read_and_nothing_that_is_not_declared(tmp_path: Path) -> None:
    path = tmp_path / "new" / "it.json"
    write_state(path, {"instructions": "Höre zu.", "lm": {"model": "elsewhere"}}, {"seed": 3}, "judge")
    found = read_state(path, Saved, "judge")
    assert found.model_dump() == {"program": {"instructions": "Höre zu."}}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("content", "said"),
    [("{", "Invalid JSON"), ('{"program": {}}', "instructions: Field"), ('{"program": {"instructions": 1}}', "string")],
)
def test_what_is_no_program_is_refused_by_name_and_place(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "it.json"
    path.write_text(content)
    with pytest.raises(ProgramError, match=rf"no saved program of the judge: .*{said}"):
        read_state(path, Saved, "judge")


def test_a_place_that_cannot_be_read_or_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="cannot be read"):
        read_state(tmp_path, Saved, "judge")
    (tmp_path / "file").write_text("")
    with pytest.raises(ProgramError, match="cannot be written"):
        write_state(tmp_path / "file" / "it.json", {}, {}, "judge")
