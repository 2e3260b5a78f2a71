"""The application as it is assembled: what it will not start with, what it does at the start and leaves at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from guards.errors import PolicyError
from guards.policy import Classifier
from proxy.app import build
from proxy.audit import AuditError, AuditStore, Record, read_records
from proxy.settings import ProxySettings

ROOT = Path(__file__).parents[2]

Eventually = Callable[[Callable[[], Any]], None]


def test_it_is_not_built_with_rules_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError):
        build(ProxySettings(rules=tmp_path, data=tmp_path / "data"))


def test_it_is_not_built_without_a_place_for_its_records(tmp_path: Path, make_rules: Callable[..., Path]) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(AuditError):
        build(ProxySettings(rules=make_rules(), data=tmp_path / "data"))


def test_records_past_their_retention_are_erased_when_it_starts(
    tmp_path: Path, begin: Callable[..., Any], eventually: Eventually
) -> None:
    today = datetime.now(UTC)
    store = AuditStore(tmp_path / "data")
    for turn, days in (("old", 8), ("young", 6)):
        time = (today - timedelta(days=days)).isoformat(timespec="milliseconds")
        asyncio.run(store.write(Record(turn, time, "log", "m", None, "v", {})))
    store.close()
    begin(retention_days=7)
    eventually(lambda: [record.turn for record in read_records(tmp_path / "data")] == ["young"])


def test_a_store_that_cannot_be_cleaned_does_not_keep_it_from_serving(
    tmp_path: Path, begin: Callable[..., Any], make_rules: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    store = AuditStore(tmp_path / "data")
    store.close()
    proxy = begin(rules=make_rules(), parts={"audit": store})
    assert proxy.post().status_code == 200
    assert "retention" in caplog.text


def test_a_turn_that_is_open_at_the_end_is_recorded_before_the_store_closes(
    begin: Callable[..., Any], upstream: Any, raw: Any, piece: Callable[[str], bytes]
) -> None:
    proxy = begin()
    upstream.replies = [raw([piece("All is well. ")], kind="text/event-stream", hang=True)]
    body = {"messages": [{"role": "user", "content": "a wombat"}], "stream": True}
    with proxy.client.stream("POST", "/v1/chat/completions", json=body) as reply:
        arriving = reply.iter_raw()
        next(arriving)
        proxy.stop_serving()
    assert [record.action for record in read_records(proxy.data)] == ["steer"]


def test_the_upstreams_key_replaces_the_clients(begin: Callable[..., Any], upstream: Any) -> None:
    begin(upstream_key="sesame").client.post(
        "/v1/chat/completions",
        json={"messages": [{"role": "user", "content": "x"}]},
        headers={"authorization": "Bearer mine"},
    )
    assert upstream.headers[0]["authorization"] == "Bearer sesame"


def test_the_clients_key_is_forwarded_where_there_is_no_other(proxy: Any, upstream: Any) -> None:
    proxy.client.headers["authorization"] = "Bearer mine"
    proxy.post()
    assert upstream.headers[0]["authorization"] == "Bearer mine"


@pytest.mark.parametrize(
    ("environment", "judges"),
    [
        ({}, False),
        ({"TOGETHER_API_KEY": "k"}, False),
        ({"CHAPERONE_LM": "groq/some-model", "GROQ_API_KEY": "k"}, True),
        ({"CHAPERONE_JUDGE_LM": "groq/some-model", "GROQ_API_KEY": "k"}, True),
        ({"CHAPERONE_LM": "groq/some-model", "GROQ_API_KEY": "k", "CHAPERONE_JUDGE_LM": "off"}, False),
        ({"CHAPERONE_LM": "offline"}, False),
    ],
)
def test_messages_go_to_a_judge_only_where_somebody_named_its_model(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    judges: bool,
) -> None:
    for name in ("CHAPERONE_LM", "CHAPERONE_JUDGE_LM", "TOGETHER_API_KEY", "GROQ_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    app = build(ProxySettings(rules=ROOT / "rules", data=tmp_path / "data"))
    app.services.audit.close()
    assert (app.services.judge is not None) is judges
    entries = [entry for rule in app.services.policies.guard.policy.rules for entry in rule.find]
    assert any(isinstance(entry, Classifier) and entry.judge == "gray" for entry in entries) is judges
