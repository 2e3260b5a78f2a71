"""Words of one meaning are one feature, in whatever language, form or spelling."""

from __future__ import annotations

from pathlib import Path

import pytest

from brain.kin import Kin, fold


@pytest.fixture
def kin(tmp_path: Path) -> Kin:
    file = tmp_path / "kin.txt"
    file.write_text("# a table\nme: i yo ich\ndie: die morir sterb* end_it\n", encoding="utf-8")
    return Kin(file)


def test_words_of_one_line_are_one_feature(kin: Kin) -> None:
    assert kin.features("DIE") == kin.features("morir") == [1]


def test_a_star_stands_for_any_ending_and_an_underscore_for_a_space(kin: Kin) -> None:
    assert kin.features("sterbend") == kin.features("end it") == [1]
    assert kin.features("end of it") == []


def test_two_kin_near_each_other_are_a_feature_too_in_their_order(kin: Kin) -> None:
    assert kin.features("ich will sterben") == [0, 1, 3]
    assert kin.features("die, i") == [0, 1, 4]
    assert kin.features("i said that nobody ever wanted to die") == [0, 1]


def test_no_feature_is_beyond_the_size(kin: Kin) -> None:
    assert max(kin.features("die die i i die")) < kin.size == 6


def test_accents_and_curly_apostrophes_do_not_matter() -> None:
    assert fold("Não I’m É") == "nao i'm e"


def test_the_shipped_table_has_no_name_twice() -> None:
    names = Kin().names
    assert len(names) == len(set(names)) > 30
