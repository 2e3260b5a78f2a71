"""`chaperone dataset` over real stores: files that can be learnt from, written whole, and nothing overwritten."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from dspy.clients.utils_finetune import TrainDataFormat, validate_data_format
from together.lib.utils import check_file

from proxy.__main__ import main
from proxy.audit import AuditStore, Record
from proxy.feedback import Feedback, FeedbackStore, Said

TIME = "2026-01-02T03:04:05.678+00:00"


@pytest.fixture
def export(tmp_path: Path, make_rules: Callable[..., Path]) -> Callable[..., Result]:
    """export("finetune") writes tmp_path/out from the stores in tmp_path/data."""
    rules = make_rules()

    def run(kind: str, *more: str, out: Path = tmp_path / "out") -> Result:
        places = ["--out", str(out), "--data", str(tmp_path / "data"), "--rules", str(rules)]
        return CliRunner().invoke(main, ["dataset", "--kind", kind, *places, *more])

    return run


def keep(folder: Path, *given: Feedback) -> None:
    store = FeedbackStore(folder / "data")
    for each in given:
        asyncio.run(store.write(each))
    store.close()


def liked(turn: str, fan: str, reply: str, rating: Any = "up") -> Feedback:
    return Feedback(turn, TIME, rating, "m", messages=(Said("user", fan), Said("assistant", reply)))


def test_liked_replies_are_written_and_what_is_left_out_is_told(export: Any, tmp_path: Path) -> None:
    keep(tmp_path, liked("1", "hey", "hey you"), liked("2", "hey", "canary wombat"), liked("3", "a", "b", "down"))
    ran = export("finetune")
    assert ran.exit_code == 0, ran.output
    (line,) = (tmp_path / "out").read_text().splitlines()
    assert json.loads(line)["messages"][-1] == {"role": "assistant", "content": "hey you"}
    assert "written        1  finetune" in ran.output
    assert "1  a reply breaks animals" in ran.output
    assert "1  rated down" in ran.output
    assert "canary" not in ran.output


def test_fine_tuning_files_pass_the_checks_of_those_who_take_them(export: Any, tmp_path: Path) -> None:
    keep(tmp_path, liked("1", "hey", "hey you 🖤"), liked("2", "dinner?", "toast\n\nagain"))
    out = tmp_path / "out.jsonl"
    assert export("finetune", out=out).exit_code == 0
    report = check_file(out)
    assert report["is_check_passed"], report
    assert report["num_samples"] == 2
    validate_data_format([json.loads(line) for line in out.read_text().splitlines()], TrainDataFormat.CHAT)


def test_examples_are_one_json_object_of_conversations(export: Any, tmp_path: Path) -> None:
    keep(tmp_path, liked("1", "hey", "hey you"))
    assert export("examples").exit_code == 0
    (conversation,) = json.loads((tmp_path / "out").read_text())["conversations"]
    assert [turn["role"] for turn in conversation["turns"]] == ["fan", "persona"]


def test_preferences_come_from_feedback_and_from_the_log(export: Any, tmp_path: Path) -> None:
    keep(tmp_path, liked("1", "hey", "hey you"), liked("2", "hey", "hello.", "down"))
    stages = {"input": [{"text": "a wombat?", "action": "steer", "place": "messages[0].content"}],
              "output": [{"text": "my wombat", "action": "regenerate", "place": ""}]}  # fmt: skip
    store = AuditStore(tmp_path / "data")
    body = {"stages": stages, "attempts": [], "final": ["flowers then"]}
    asyncio.run(store.write(Record("t", TIME, "regenerate", "m", None, "v", body)))
    store.close()
    assert export("preferences").exit_code == 0
    rows = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert [row["rejected"][0]["content"] for row in rows] == ["hello.", "my wombat"]


def test_a_file_that_is_there_is_overwritten_only_by_force(export: Any, tmp_path: Path) -> None:
    keep(tmp_path, liked("1", "hey", "hey you"))
    (tmp_path / "out").write_text("mine")
    ran = export("finetune")
    assert ran.exit_code == 1
    assert "--force" in ran.output
    assert (tmp_path / "out").read_text() == "mine"
    assert export("finetune", "--force").exit_code == 0
    assert "hey you" in (tmp_path / "out").read_text()


def test_the_file_is_for_its_owner_alone_and_nothing_lies_beside_it(export: Any, tmp_path: Path) -> None:
    keep(tmp_path, liked("1", "hey", "hey you"))
    assert export("finetune", out=tmp_path / "new" / "out").exit_code == 0
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out"]
    assert stat.S_IMODE((tmp_path / "new" / "out").stat().st_mode) == 0o600


def test_where_there_is_nothing_to_export_no_file_is_written(export: Any, tmp_path: Path) -> None:
    ran = export("examples")
    assert ran.exit_code == 1
    assert "nothing to export" in ran.output
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_is_said_in_words(export: Any, tmp_path: Path) -> None:
    keep(tmp_path, liked("1", "hey", "hey you"))
    (tmp_path / "file").write_text("")
    ran = export("finetune", out=tmp_path / "file" / "out")
    assert ran.exit_code == 1
    assert "cannot be written" in ran.output
    assert "Traceback" not in ran.output


def test_rules_that_cannot_be_used_are_said_in_words(export: Any, tmp_path: Path) -> None:
    keep(tmp_path, liked("1", "hey", "hey you"))
    ran = export("finetune", "--rules", str(tmp_path / "nowhere"))
    assert ran.exit_code == 1
    assert "refused" in ran.output
