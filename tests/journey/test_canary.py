"""What a fan or a model says stands in the audit store and nowhere else: in no log, no metric, no other file."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from proxy.audit import FILE, read_records
from proxy.feedback import FILE as FEEDBACK

CHAT = "/v1/chat/completions"
ALLOWED = "canary-allowed-7f3a"
VIOLATING = "canary-violating-51c9"
REPLIED = "canary-replied-e02b"
KEY = "canary-key-88d1"
CANARIES = (ALLOWED, VIOLATING, REPLIED, KEY)


@pytest.fixture
def homes(tmp_path: Path) -> dict[str, str]:
    """Every place a program writes to by itself, made empty."""
    names = ["HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"]
    places = {name: tmp_path / "homes" / name.lower() for name in names}
    for place in places.values():
        place.mkdir(parents=True)
    return {name: str(place) for name, place in places.items()}


def says_so(text: str, where: bytes) -> bool:
    """True when `text` stands in `where`, plain, in UTF-16 or escaped."""
    return any(form in where for form in (text.encode(), text.encode("utf-16-le"), text.encode().hex().encode()))


def files_with(folder: Path, canary: str) -> set[str]:
    found = (path for path in folder.rglob("*") if path.is_file() and says_so(canary, path.read_bytes()))
    return {path.relative_to(folder).as_posix() for path in found}


def ask(url: str, text: str, **more: Any) -> str:
    headers = {"authorization": f"Bearer {KEY}"}
    body = {"model": "m", "messages": [{"role": "user", "content": text}], **more}
    return httpx.post(url + CHAT, json=body, headers=headers, timeout=30).text


def every_kind_of_turn(url: str, upstream: Any, says: Any, raw: Any) -> Iterator[str]:
    """Asks in every way a turn can go; yields what the client was told."""
    bad = f"look at the wombat {REPLIED}"
    for stream in (False, True):
        upstream.replies = [says("fine")]
        yield ask(url, ALLOWED, stream=stream)
        yield ask(url, f"a wombat {VIOLATING}", stream=stream)
        upstream.replies = [says(bad), says(bad), says("flowers")]
        yield ask(url, ALLOWED, stream=stream)
        upstream.replies = [says(bad), raw([bad.encode()], status=500)]
        yield ask(url, ALLOWED, stream=stream)
        for broken in (b"", f'{{"choices": "{ALLOWED}'.encode(), f'{{"{ALLOWED}": 1}}'.encode()):
            for kind in ("text/event-stream", "application/json"):
                upstream.replies = [raw([b"data: " + broken + b"\n\n"], kind=kind)]
                yield ask(url, ALLOWED, stream=stream)
    upstream.replies = [says("fine")]
    yield ask(url, ALLOWED, messages=ALLOWED)
    yield ask(url, ALLOWED, messages=[{"role": [ALLOWED], ALLOWED: ALLOWED}])
    yield ask(url, ALLOWED, deep=[[ALLOWED]] * 9, stream=ALLOWED)
    yield httpx.post(url + CHAT, content=f'{{"messages": "{ALLOWED}'.encode()).text
    yield httpx.post(url + CHAT, content=(f'{{"{ALLOWED}":' * 900 + "1" + "}" * 900).encode()).text
    yield httpx.post(f"{url}/v1/moderations", json={"input": f"{ALLOWED} wombat"}).text
    yield httpx.post(f"{url}/v1/moderations", json={"input": {ALLOWED: 1}}).text


def test_a_canary_appears_in_the_audit_store_and_nowhere_else(
    start: Any,
    upstream: Any,
    says: Any,
    raw: Any,
    make_rules: Callable[..., Path],
    tmp_path: Path,
    homes: dict[str, str],
) -> None:
    running = start("proxy", "--upstream", upstream.url, rules=make_rules(on_input="deflect"), **homes)
    answers = list(every_kind_of_turn(running.url, upstream, says, raw))
    metrics = httpx.get(f"{running.url}/metrics").content
    assert not any(says_so(canary, metrics) for canary in CANARIES)
    assert not any(VIOLATING in answer or REPLIED in answer or "Traceback" in answer for answer in answers)
    store = {f"data/{FILE}", f"data/{FILE}-wal", f"data/{FILE}-shm"}
    while_it_runs = {canary: files_with(tmp_path, canary) for canary in CANARIES}
    running.stop()
    said = running.process.stdout.read().encode()
    assert not any(says_so(canary, said) for canary in CANARIES)
    assert files_with(tmp_path, VIOLATING) == files_with(tmp_path, REPLIED) == {f"data/{FILE}"}
    assert while_it_runs[VIOLATING] <= store
    assert while_it_runs[REPLIED] <= store
    for untold in (ALLOWED, KEY):
        assert while_it_runs[untold] == files_with(tmp_path, untold) == set()
    assert any(VIOLATING in record.body["stages"]["input"][0]["text"] for record in read_records(running.data)
               if record.body["stages"]["input"])  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
def test_a_canary_in_a_turn_whose_upstream_is_down_appears_nowhere_outside_the_store(
    start: Any, make_rules: Callable[..., Path], tmp_path: Path, homes: dict[str, str], stream: bool
) -> None:
    running = start("proxy", "--upstream", "http://127.0.0.1:1/v1", rules=make_rules(), **homes)
    ask(running.url, ALLOWED, stream=stream)
    ask(running.url, f"a wombat {VIOLATING}", stream=stream)
    running.stop()
    assert files_with(tmp_path, ALLOWED) == files_with(tmp_path, KEY) == set()
    assert files_with(tmp_path, VIOLATING) == {f"data/{FILE}"}


def test_a_canary_in_feedback_appears_in_its_store_and_is_gone_when_it_is_erased(
    start: Any, upstream: Any, make_rules: Callable[..., Path], tmp_path: Path, homes: dict[str, str]
) -> None:
    running = start("proxy", "--upstream", upstream.url, rules=make_rules(), **homes)
    talk = [{"role": "user", "content": ALLOWED}, {"role": "assistant", "content": REPLIED}]
    given = {"turn": "t1", "rating": "up", "text": ALLOWED, "messages": talk}
    assert httpx.post(f"{running.url}/v1/feedback", json=given).status_code == 200
    refused = httpx.post(f"{running.url}/v1/feedback", json={**given, "turn": VIOLATING * 20, "rating": VIOLATING})
    assert refused.status_code == 400
    assert not any(says_so(canary, refused.content) for canary in CANARIES)
    store = {f"data/{FEEDBACK}", f"data/{FEEDBACK}-wal", f"data/{FEEDBACK}-shm"}
    assert set() < files_with(tmp_path, ALLOWED) | files_with(tmp_path, REPLIED) <= store
    assert httpx.delete(f"{running.url}/v1/feedback?turn=t1").json()["deleted"] == 1
    assert files_with(tmp_path, ALLOWED) == files_with(tmp_path, REPLIED) == files_with(tmp_path, VIOLATING) == set()


def test_a_canary_said_over_a_socket_appears_in_the_audit_store_and_nowhere_else(
    start: Any, upstream: Any, says: Any, make_rules: Callable[..., Path], tmp_path: Path, homes: dict[str, str]
) -> None:
    running = start("proxy", "--upstream", upstream.url, rules=make_rules(), **homes)
    bad = f"look at the wombat {REPLIED}"
    upstream.replies = [says("fine"), says(bad), says("flowers")]
    with connect(f"{running.url.replace('http', 'ws', 1)}/ws/chat?model={ALLOWED}", proxy=None) as socket:
        socket.send(b"\xff" + ALLOWED.encode())
        socket.send(json.dumps({"type": ALLOWED, ALLOWED: ALLOWED}))
        for text in (ALLOWED, f"a wombat {VIOLATING}"):
            socket.send(json.dumps({"type": "message", "text": text}))
            while json.loads(socket.recv(timeout=30))["type"] != "done":
                pass
    running.stop()
    assert files_with(tmp_path, VIOLATING) == files_with(tmp_path, REPLIED) == {f"data/{FILE}"}
    assert not any(says_so(canary, running.log.read_bytes()) for canary in CANARIES)


DEFECTIVE = """
import sys
from dataclasses import replace
from pathlib import Path
from brain.regenerate import Regenerator
from proxy.app import App, build
from proxy.commands.serving import listen, serve
from proxy.settings import ProxySettings

class Brittle(Regenerator):
    async def regenerate(self, **given):
        raise ZeroDivisionError(given["rejected"])

settings = ProxySettings(upstream=sys.argv[1], rules=Path(sys.argv[2]), data=Path(sys.argv[3]))
app = App(settings, replace(build(settings).services, regenerator=Brittle(clock=lambda: 0.0)))
listener = listen("127.0.0.1", 0)
serve(app, listener, lambda: print(listener.getsockname()[1], flush=True))
"""


def test_a_canary_in_a_turn_that_meets_a_defect_appears_nowhere_outside_the_store(
    upstream: Any, says: Any, make_rules: Callable[..., Path], tmp_path: Path, homes: dict[str, str]
) -> None:
    command = [sys.executable, "-c", DEFECTIVE, upstream.url, str(make_rules()), str(tmp_path / "data")]
    upstream.replies = [says(f"All is well. A wombat {REPLIED}")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=homes) as process:
        assert process.stdout is not None
        url = f"http://127.0.0.1:{process.stdout.readline().strip()}"
        answers = [ask(url, ALLOWED, stream=stream) for stream in (False, True)]
        process.terminate()
        said, logged = process.communicate(timeout=30)
    assert all("internal_error" in answer for answer in answers)
    assert "ZeroDivisionError" in logged
    assert not any(canary in said + logged + "".join(answers) for canary in CANARIES)
    assert files_with(tmp_path, REPLIED) == {f"data/{FILE}"}
    assert files_with(tmp_path, ALLOWED) == set()
