"""Gray messages over real sockets: a scripted model judges, and the turn waits for it, or does without it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from proxy.audit import read_records

GRAY = """
id: animals
title: Meeting in person
stages: {input: {action: steer}, output: {action: deflect}}
find:
  - terms: [wombat]
  - {classifier: meetup, clear: 0.3, block: 1.0, on_timeout: STATED}
feedback: Answer again without that.
deflections: ["let's talk about you instead"]
examples: [{block: the wombat here}, {allow: an ordinary sentence}]
"""
MEETING = "i could swing by your place after work on friday"
BREAKS = json.dumps({"labels": ["animals"], "confidence": 0.9})
BREAKS_NONE = json.dumps({"labels": [], "confidence": 0.9})
DEFLECTION = "let's talk about you instead"


@pytest.fixture
def judge(upstream: Any) -> Iterator[Any]:
    """Another scripted model beside the one behind the proxy."""
    other = type(upstream)()
    yield other
    other.close()


@pytest.fixture
def ask(start: Any, upstream: Any, judge: Any, make_rules: Any) -> Any:
    """ask(stated="allow", stream=False, deadline=2.0): one turn whose reply is gray, through a proxy with a judge."""

    def one(*, stated: str = "allow", stream: bool = False, deadline: float = 2.0, lm: str = "openai/judge") -> Any:
        rules: Path = make_rules()
        (rules / "animals.yaml").write_text(GRAY.replace("STATED", stated), encoding="utf-8")
        with (rules / "policy.yaml").open("a", encoding="utf-8") as policy:
            policy.write(f"judge: {{deadline: {deadline}, per_turn: 2}}\n")
        env = {"CHAPERONE_LM": lm, "CHAPERONE_LM_BASE_URL": judge.url} if lm else {}
        running = start("proxy", "--upstream", upstream.url, rules=rules, **env)
        body = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": "what a day"}]}
        reply = httpx.post(f"{running.url}/v1/chat/completions", json=body, timeout=60)
        assert reply.status_code == 200
        return running, reply.text

    return one


@pytest.mark.parametrize("stream", [False, True])
def test_a_reply_that_the_judge_finds_wrong_is_withheld(
    ask: Any, upstream: Any, judge: Any, says: Any, stream: bool
) -> None:
    upstream.replies = [says(f"It rained. {MEETING}. Good night.")]
    judge.replies = [says(BREAKS)]
    running, answer = ask(stream=stream)
    assert "swing by" not in answer
    assert DEFLECTION in answer
    (record,) = read_records(running.data)
    assert record.action == "deflect"
    assert "swing by" in json.dumps(judge.asked[0])


@pytest.mark.parametrize("stream", [False, True])
def test_a_reply_that_the_judge_clears_arrives_as_it_was(
    ask: Any, upstream: Any, judge: Any, says: Any, stream: bool
) -> None:
    upstream.replies = [says(MEETING)]
    judge.replies = [says(BREAKS_NONE)]
    running, answer = ask(stream=stream)
    assert MEETING in answer
    assert not list(read_records(running.data))


@pytest.mark.parametrize(("stated", "arrives"), [("allow", True), ("block", False)])
def test_a_judge_that_is_late_leaves_it_to_the_rule(
    ask: Any, upstream: Any, judge: Any, says: Any, raw: Any, stated: str, arrives: bool
) -> None:
    upstream.replies = [says(MEETING)]
    judge.replies = [raw([], hang=True)]
    _, answer = ask(stated=stated, deadline=0.3)
    assert (MEETING in answer) is arrives
    assert (DEFLECTION in answer) is not arrives


@pytest.mark.parametrize(("stated", "arrives"), [("allow", True), ("block", False)])
def test_without_a_language_model_the_rule_decides(
    ask: Any, upstream: Any, judge: Any, says: Any, stated: str, arrives: bool
) -> None:
    upstream.replies = [says(MEETING)]
    _, answer = ask(stated=stated, lm="")
    assert (MEETING in answer) is arrives
    assert not judge.asked
