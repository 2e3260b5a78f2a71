"""What follows a withheld reply: another attempt within its budget, else a line that passes the same rules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.audit import read_records

Begin = Callable[..., Any]
OWN = "let's talk about you instead"


def answer(proxy: Any) -> str:
    content: str = proxy.post().json()["choices"][0]["message"]["content"]
    return content


@pytest.fixture
def rules_with(make_rules: Callable[..., Path]) -> Callable[..., Path]:
    """rules_with("old", "new") are the rules of make_rules with every `old` in their files replaced."""

    def edited(old: str, new: str, **options: Any) -> Path:
        folder = make_rules(**options)
        assert any(old in path.read_text() for path in folder.iterdir())
        for path in folder.iterdir():
            path.write_text(path.read_text().replace(old, new))
        return folder

    return edited


@pytest.mark.parametrize(
    ("old", "new", "attempts"),
    [("attempts: 2", "attempts: 1", 1), ("attempts: 2", "attempts: 0", 0), ("attempts: 2", "attempts: 5", 2),
     ("action: regenerate", "action: regenerate, attempts: 1", 1), ("action: regenerate", "action: deflect", 0)],
)  # fmt: skip
def test_a_turn_is_repaired_as_often_as_both_its_rule_and_the_policy_allow(
    begin: Begin, rules_with: Callable[..., Path], upstream: Any, says: Any, old: str, new: str, attempts: int
) -> None:
    proxy = begin(rules=rules_with(old, new))
    upstream.replies = [says("a wombat")]
    assert answer(proxy) == OWN
    assert len(upstream.asked) == 1 + attempts
    (record,) = read_records(proxy.data)
    assert (record.action, len(record.body["attempts"])) == ("deflect", attempts)


@pytest.mark.parametrize(("usage", "attempts"), [({"prompt_tokens": 90, "completion_tokens": 9}, 2), (None, 1)])
def test_no_attempt_is_made_once_those_before_it_took_the_tokens_of_the_policy(
    begin: Begin, rules_with: Callable[..., Path], upstream: Any, says: Any, usage: Any, attempts: int
) -> None:
    """Where the upstream counts nothing, the length of what was said is counted."""
    proxy = begin(rules=rules_with("attempts: 2", "attempts: 2, tokens: 100"))
    upstream.replies = [says("a wombat"), says("a wombat " * 100, extra={"usage": usage})]
    assert answer(proxy) == OWN
    (record,) = read_records(proxy.data)
    assert len(record.body["attempts"]) == attempts


def test_attempts_that_fail_at_the_upstream_count_and_are_named(proxy: Any, upstream: Any, says: Any, raw: Any) -> None:
    upstream.replies = [says("a wombat"), raw([b"busy"], status=503), raw([b"{}"]), says("never asked")]
    assert answer(proxy) == OWN
    (record,) = read_records(proxy.data)
    assert [attempt["error"] for attempt in record.body["attempts"]] == ["upstream_503", "empty"]


def test_a_repair_past_its_deadline_is_cancelled_and_deflected(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, says: Any, raw: Any
) -> None:
    proxy = begin(rules=make_rules(deadline=0.3))
    upstream.replies = [says("a wombat"), raw([], hang=True)]
    assert answer(proxy) == OWN
    assert upstream.left.acquire(timeout=10)
    (record,) = read_records(proxy.data)
    assert [attempt["error"] for attempt in record.body["attempts"]] == ["deadline"]


def test_a_rule_without_lines_of_its_own_uses_the_policys(
    begin: Begin, rules_with: Callable[..., Path], upstream: Any, says: Any
) -> None:
    proxy = begin(rules=rules_with(f'deflections: ["{OWN}"]', "deflections: []"))
    upstream.replies = [says("a wombat")]
    assert answer(proxy) == "tell me about your day"


def test_the_platforms_name_is_filled_into_a_line(
    begin: Begin, rules_with: Callable[..., Path], upstream: Any, says: Any
) -> None:
    proxy = begin(rules=rules_with(OWN, "stay here on {platform}"))
    upstream.replies = [says("a wombat")]
    assert answer(proxy) == "stay here on OnlyFans"


def test_a_line_that_would_complete_a_violation_behind_what_was_released_is_not_used(
    begin: Begin, rules_with: Callable[..., Path], upstream: Any, says: Any, piece: Callable[[str], bytes]
) -> None:
    folder = rules_with("[wombat]", "[wombat, well lets]", on_output="deflect")
    (folder / "animals.yaml").write_text((folder / "animals.yaml").read_text().replace(OWN, "lets talk"))
    proxy = begin(rules=folder)
    upstream.replies = [says("I am fine and well.\nA wombat")]
    text = proxy.text(stream=True)
    assert "lets talk" not in text
    assert "tell me about your day" in text


def test_a_line_is_joined_to_what_was_released_as_one_text(
    begin: Begin, make_rules: Callable[..., Path], upstream: Any, says: Any
) -> None:
    proxy = begin(rules=make_rules(on_output="deflect"))
    upstream.replies = [says("All is well. A wombat")]
    proxy.text(stream=True)
    (record,) = read_records(proxy.data)
    assert record.body["final"] == [f"All is well. {OWN}"]
