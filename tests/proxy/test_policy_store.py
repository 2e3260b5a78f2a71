"""Rules are edited while the proxy runs: a good edit judges the next turn, a bad one changes nothing and is shown."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guards.errors import PolicyError
from proxy.policy_store import PolicyStore
from proxy.rule_files import load

Eventually = Callable[[Callable[[], Any]], None]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def flagged(proxy: Any, text: str) -> bool:
    reply = proxy.client.post("/v1/moderations", json={"input": text}).json()
    return bool(reply["results"][0]["flagged"])


def ready(proxy: Any) -> dict[str, Any]:
    reply = proxy.client.get("/readyz")
    assert reply.status_code == 200
    body: dict[str, Any] = reply.json()
    return body


def test_a_good_edit_judges_the_next_turn(proxy: Any, eventually: Eventually) -> None:
    before = proxy.post().headers["x-chaperone-policy"]
    assert not flagged(proxy, "a quokka")
    edit(proxy.rules / "animals.yaml", "[wombat]", "[wombat, quokka]")
    eventually(lambda: flagged(proxy, "a quokka"))
    after = proxy.post().headers["x-chaperone-policy"]
    assert after != before
    assert ready(proxy) == {"status": "ready", "policy": after, "problems": []}
    assert proxy.metric(f'chaperone_policy{{version="{after}"}}') == 1
    assert proxy.metric(f'chaperone_policy{{version="{before}"}}') == 0


def test_a_broken_edit_leaves_the_old_rules_in_force_and_is_shown_with_file_and_line(
    proxy: Any, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    version = ready(proxy)["policy"]
    good = (proxy.rules / "animals.yaml").read_text()
    line = 1 + good.splitlines().index("feedback: Answer again without that word.")
    edit(proxy.rules / "animals.yaml", "feedback:", "feedbock:")
    eventually(lambda: ready(proxy)["problems"])
    shown = ready(proxy)
    assert shown["policy"] == version
    assert shown["status"] != "ready"
    assert any(problem.startswith(f"animals.yaml:{line}:") for problem in shown["problems"])
    assert f"animals.yaml:{line}:" in caplog.text
    assert proxy.metric("chaperone_policy_problems") == len(shown["problems"])
    assert flagged(proxy, "a wombat")
    (proxy.rules / "animals.yaml").write_text(good)
    eventually(lambda: ready(proxy)["status"] == "ready")
    assert ready(proxy) == {"status": "ready", "policy": version, "problems": []}


def test_an_edit_of_a_lexicon_comes_into_force(
    begin: Callable[..., Any], make_rules: Callable[..., Path], eventually: Eventually
) -> None:
    folder = make_rules()
    (folder / "lexicons").mkdir()
    (folder / "lexicons" / "animals.yaml").write_text("- wombat\n")
    edit(folder / "animals.yaml", "[wombat]", "lexicons/animals.yaml")
    proxy = begin(rules=folder)
    (folder / "lexicons" / "animals.yaml").write_text("- wombat\n- numbat\n")
    eventually(lambda: flagged(proxy, "a numbat"))
    (folder / "lexicons" / "animals.yaml").unlink()
    eventually(lambda: ready(proxy)["problems"])
    assert flagged(proxy, "a numbat")


def test_deleting_what_is_needed_changes_nothing_and_a_rule_that_is_deleted_is_gone(
    proxy: Any, eventually: Eventually
) -> None:
    policy = (proxy.rules / "policy.yaml").read_text()
    (proxy.rules / "policy.yaml").unlink()
    eventually(lambda: ready(proxy)["problems"])
    assert flagged(proxy, "a wombat")
    rule = (proxy.rules / "animals.yaml").read_text()
    (proxy.rules / "stones.yaml").write_text(rule.replace("animals", "stones").replace("wombat", "granite"))
    (proxy.rules / "animals.yaml").unlink()
    (proxy.rules / "policy.yaml").write_text(policy)
    eventually(lambda: flagged(proxy, "some granite"))
    assert not flagged(proxy, "a wombat")


def test_a_folder_that_is_swapped_for_another_goes_on_being_watched(
    begin: Callable[..., Any], make_rules: Callable[..., Path], eventually: Eventually
) -> None:
    folder = make_rules()
    proxy = begin(rules=folder)
    next_one = folder.with_name("next")
    shutil.copytree(folder, next_one)
    edit(next_one / "animals.yaml", "[wombat]", "[wombat, quokka]")
    folder.rename(folder.with_name("old"))
    eventually(lambda: ready(proxy)["problems"])
    assert flagged(proxy, "a wombat")
    next_one.rename(folder)
    eventually(lambda: flagged(proxy, "a quokka"))
    edit(folder / "animals.yaml", "[wombat, quokka]", "[wombat, dingo]")
    eventually(lambda: flagged(proxy, "a dingo"))


def test_a_reload_that_breaks_on_a_defect_is_shown_and_the_next_one_is_tried(
    make_rules: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_rules()
    broken = [False]

    def brittle(path: Path) -> Any:
        if broken[0]:
            raise ZeroDivisionError
        return load(path)

    store = PolicyStore(folder, brittle)
    first = store.guard
    broken[0] = True
    assert not asyncio.run(store.reload())
    assert store.guard is first
    assert store.problems
    assert "ZeroDivisionError" in caplog.text
    broken[0] = False
    assert asyncio.run(store.reload())
    assert store.problems == ()


def test_reloads_are_logged_when_something_changed(
    make_rules: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    folder = make_rules()
    store = PolicyStore(folder, load)
    assert asyncio.run(store.reload())
    assert caplog.records == []
    make_rules(terms="quokka")
    assert asyncio.run(store.reload())
    assert store.guard.version in caplog.text


def test_a_store_does_not_begin_with_rules_that_are_refused(make_rules: Callable[..., Path]) -> None:
    folder = make_rules()
    (folder / "policy.yaml").unlink()
    with pytest.raises(PolicyError):
        PolicyStore(folder, load)


def test_rules_that_keep_replies_from_going_out_word_by_word_are_named(
    make_rules: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_rules(streaming="adaptive")
    PolicyStore(folder, load)
    assert caplog.records == []
    edit(folder / "animals.yaml", "terms: [wombat]", "pattern: '(\\w+ ){9}wombat|(\\w+ ){12}'")
    PolicyStore(folder, lambda path: load(path, gate=False))
    assert "animals may find something in any words" in caplog.text
