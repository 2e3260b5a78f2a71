"""The base model is read as published, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from guards.errors import TrainingError
from guards.training import base_model

torch = pytest.importorskip("torch", reason="torch is not installed: make train-tools")


def test_a_folder_that_lacks_a_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(TrainingError, match=r"no model\.safetensors"):
        base_model.find(str(tmp_path))


def test_a_package_that_is_not_installed_is_refused_by_name() -> None:
    with pytest.raises(TrainingError, match="no_such_package"):
        base_model.find("no_such_package")


def test_a_folder_is_taken_as_it_is(base: Path) -> None:
    assert base_model.find(str(base)) == base


def test_padding_changes_no_score(base: Path) -> None:
    encoder = base_model.load(base, 3, 2).eval()
    alone = torch.tensor([[2, 5, 6, 3]])
    padded, present = torch.tensor([[2, 5, 6, 3, 0, 0]]), torch.tensor([[1.0, 1, 1, 1, 0, 0]])
    scores, interest = encoder(padded, present)
    whole, whole_interest = encoder(alone, torch.ones(1, 4))
    assert torch.allclose(scores, whole, atol=1e-5)
    assert torch.allclose(interest, whole_interest, atol=1e-5)
    assert torch.allclose(encoder.rest(encoder.first(alone)[0]), whole, atol=1e-5)


def test_fewer_layers_are_the_first_ones(base: Path) -> None:
    whole, cut = base_model.load(base, 3, 2).eval(), base_model.load(base, 2, 2).eval()
    ids = torch.tensor([[2, 5, 6, 3]])
    assert len(cut.layers) == 2
    assert torch.equal(cut.first(ids)[0], whole.first(ids)[0])
