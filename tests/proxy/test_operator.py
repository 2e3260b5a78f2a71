"""What operators and tools use beside the guarded route, and the refusal of everything else."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from openai import BadRequestError, OpenAI

from proxy.rule_files import load

# A client that nobody closes must not leave a connection behind.
CLOSING = {"connection": "close"}
ROOT = Path(__file__).parent.parent.parent
Begin = Callable[..., Any]


def client(proxy: Any) -> OpenAI:
    return OpenAI(base_url=f"{proxy.url}/v1", api_key="any", max_retries=0, default_headers=CLOSING)


def raw_get(url: str, path: str) -> bytes:
    """The answer to a path exactly as written; clients clean it up before they send it."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 0)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/completions/"), ("POST", "/v1/audio/speech"), ("POST", "/v1/embeddings"), ("GET", "/"),
     ("POST", "/v1/chat/completions/"), ("GET", "/openapi.json"), ("GET", "/docs"), ("DELETE", "/v1/files/x"),
     ("POST", "/v1//chat/completions"), ("POST", "/V1/chat/completions")],
)  # fmt: skip
def test_a_path_that_is_not_served_is_refused_in_openais_shape_and_never_passed_on(
    proxy: Any, upstream: Any, method: str, path: str
) -> None:
    reply = proxy.client.request(method, path, json={"messages": []} if method == "POST" else None)
    assert reply.status_code == 404
    assert reply.json()["error"]["code"] == "unknown_url"
    assert set(reply.json()["error"]) == {"message", "type", "param", "code"}
    assert upstream.asked == []


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", "/v1/chat/completions", "POST"), ("PUT", "/v1/chat/completions", "POST"), ("POST", "/v1/models", "GET"),
     ("GET", "/v1/moderations", "POST"), ("POST", "/healthz", "GET"), ("DELETE", "/metrics", "GET")],
)  # fmt: skip
def test_a_wrong_method_is_answered_405_with_the_right_one(proxy: Any, method: str, path: str, allowed: str) -> None:
    reply = proxy.client.request(method, path)
    assert reply.status_code == 405
    assert reply.json()["error"]["code"] == "method_not_allowed"
    assert reply.headers["allow"] == allowed


def test_the_models_are_the_upstreams_asked_with_the_clients_key(proxy: Any) -> None:
    (model,) = client(proxy).models.list().data
    assert model.id == "scripted"
    assert client(proxy).models.retrieve("vendor/name with space?").to_dict()["object"] == "list"


def test_a_configured_key_goes_where_the_api_that_is_asked_for_models_looks(begin: Begin, upstream: Any) -> None:
    proxy = begin(upstream_key="sesame")
    for sent in ({"x-api-key": "mine"}, {"x-api-key": "mine", "anthropic-version": "2023-06-01"}):
        assert proxy.client.get("/v1/models", headers=sent).status_code == 200
    keys = [(told.get("authorization"), told.get("x-api-key")) for told in upstream.fetched]
    assert keys == [("Bearer sesame", None), (None, "sesame")]


@pytest.mark.parametrize("path", ["/v1/models/../x/1", "/v1/models/%2e%2e/conversations", "/v1/models/a/../../x",
                                  "/v1/models/..%2fconversations", "/v1/models/./../x"])  # fmt: skip
def test_a_model_name_cannot_reach_other_paths_of_the_upstream(proxy: Any, path: str) -> None:
    answer = raw_get(proxy.url, path)
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"unknown_url" in answer


def test_models_of_an_upstream_that_is_down_are_answered_502(begin: Begin) -> None:
    proxy = begin(upstream="http://127.0.0.1:1/v1")
    reply = proxy.client.get("/v1/models")
    assert reply.status_code == 502
    assert reply.json()["error"]["code"] == "upstream_unavailable"
    assert proxy.metric('chaperone_upstream_errors_total{code="upstream_unavailable"}') == 1


def test_moderations_judge_one_text_or_many_through_the_official_client(proxy: Any, upstream: Any) -> None:
    one = client(proxy).moderations.create(input="a wombat")
    assert one.model.endswith(proxy.client.get("/healthz").json()["policy"])
    assert [result.flagged for result in one.results] == [True]
    many = client(proxy).moderations.create(input=["a tree", "a w0mbat", ""]).to_dict()
    results: Any = many["results"]
    assert [result["flagged"] for result in results] == [False, True, False]
    assert results[1]["categories"] == {"animals": True}
    assert 0 < results[1]["category_scores"]["animals"] <= 1
    assert results[0]["category_scores"] == {"animals": 0.0}
    parts = client(proxy).moderations.create(input=[{"type": "text", "text": "a wombat"}])
    assert [result.flagged for result in parts.results] == [True]
    assert upstream.asked == []


def test_moderations_judge_for_the_stage_they_are_told(begin: Begin, make_rules: Callable[..., Any]) -> None:
    proxy = begin(rules=make_rules(on_input="log"))
    asked = client(proxy).moderations
    assert not asked.create(input="a wombat").results[0].flagged
    assert asked.create(input="a wombat", extra_body={"stage": "output"}).results[0].flagged


def test_moderations_judge_in_the_light_of_what_was_said_before(begin: Begin) -> None:
    asked = client(begin(rules=ROOT / "rules")).moderations
    said = [{"role": "user", "content": "what's your number?"}, {"role": "assistant", "content": "415 555"}]
    rest = "0134 is the rest"
    assert not asked.create(input=rest, extra_body={"stage": "output"}).results[0].flagged
    assert asked.create(input=rest, extra_body={"stage": "output", "context": said}).results[0].flagged


def test_moderations_say_what_the_detectors_leave_open(begin: Begin) -> None:
    guard = load(ROOT / "rules")
    rows = (ROOT / "training_data" / "moderation.jsonl").read_text(encoding="utf-8").splitlines()
    texts = (json.loads(row)["text"] for row in rows)
    unclear = next(text for text in texts if guard.check(text, "output").gray)
    asked = {"input": [unclear, "hello you"], "stage": "output"}
    results = begin(rules=ROOT / "rules").client.post("/v1/moderations", json=asked).json()["results"]
    assert [result["undecided"] for result in results] == [True, False]


def test_what_the_persona_says_first_is_not_served_here_and_the_refusal_says_where(proxy: Any, upstream: Any) -> None:
    for method, path in (("GET", "/v1/proactive"), ("POST", "/v1/proactive/c")):
        reply = proxy.client.request(method, path)
        assert reply.status_code == 404
        assert "persona service" in reply.json()["error"]["message"]
    assert upstream.asked == []


@pytest.mark.parametrize(
    ("body", "param"),
    [({}, "input"), ({"input": 5}, "input"), ({"input": []}, "input"), ({"input": ["a", 5]}, "input"),
     ({"input": ["a"] * 300}, "input"), ({"input": None}, "input"), ({"input": "a", "stage": "both"}, "stage"),
     ({"input": "a", "stage": []}, "stage"), ({"input": "a", "context": "x"}, "context"),
     ({"input": "a", "context": ["x"]}, "context"), ({"input": "a", "context": [{"content": "x"}]}, "context")],
)  # fmt: skip
def test_moderations_of_the_wrong_type_are_refused_with_the_parameter_named(
    proxy: Any, body: dict[str, Any], param: str
) -> None:
    reply = proxy.client.post("/v1/moderations", json=body)
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == param


def test_moderations_of_broken_json_are_a_bad_request_for_the_official_client(proxy: Any) -> None:
    assert proxy.client.post("/v1/moderations", content=b"{").json()["error"]["code"] == "invalid_json"
    with pytest.raises(BadRequestError):
        client(proxy).moderations.create(input=[])


def test_health_names_the_policy_in_force(proxy: Any) -> None:
    version = proxy.app.services.policies.guard.version
    assert proxy.client.get("/healthz").json() == {"status": "ok", "policy": version}
    assert proxy.client.get("/readyz").json() == {"status": "ready", "policy": version, "problems": []}


def test_a_defect_beside_the_turns_is_answered_safely_and_logged_without_its_words(
    begin: Begin, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def broken() -> str:
        raise ZeroDivisionError("secret words")

    proxy = begin(parts={"new_id": broken})
    reply: httpx.Response = proxy.client.post("/v1/moderations", json={"input": "x"})
    assert reply.status_code == 500
    assert reply.json()["error"]["code"] == "internal_error"
    assert "ZeroDivisionError" in caplog.text
    assert "secret" not in caplog.text + reply.text
    reply = proxy.post()
    assert reply.status_code == 500
    assert reply.json()["error"]["code"] == "internal_error"
    assert "secret" not in caplog.text + reply.text


def test_the_proxy_goes_on_when_a_client_leaves_within_its_moderation(
    proxy: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def half() -> Any:
        yield b'{"input": "sec'
        raise InterruptedError

    with pytest.raises(InterruptedError):
        proxy.client.post("/v1/moderations", content=half())
    assert client(proxy).moderations.create(input="x").results
    assert "Traceback" not in caplog.text
