"""The try-it page in a real browser, in front of a real proxy; skipped where there is no Chromium."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from proxy.feedback import read_feedback

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0"]  # fmt: skip
KEY = "open-sesame"

pytestmark = pytest.mark.skipif(CHROMIUM is None and "CI_SERVICES" not in os.environ, reason="no Chromium is installed")


class Page:
    """One tab, driven over the browser's own protocol. `problems` are what its console complained of."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.problems: list[str] = []
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    def open(self, url: str) -> None:
        self._call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && document.getElementById('talk')?.children.length")

    def run(self, script: str) -> Any:
        """What a script comes to."""
        told = self._call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def wait(self, condition: str) -> None:
        """Returns once a condition holds."""
        for _ in range(400):
            if self.run(f"Boolean({condition})"):
                return
            self.run("new Promise((done) => setTimeout(done, 25))")
        raise AssertionError(f"what was waited for did not come: {condition}; {self.problems}")

    def say(self, text: str) -> None:
        """Types a message and sends it, and waits for the end of the answer."""
        before = self.run("document.querySelectorAll('.foot').length")
        self.run(f"document.getElementById('text').value = {json.dumps(text)}; document.getElementById('send').click()")
        self.wait(f"document.querySelectorAll('.foot').length > {before}")

    def texts(self, selector: str) -> list[str]:
        """The texts of all that a selector finds."""
        found: list[str] = self.run(f"[...document.querySelectorAll({json.dumps(selector)})].map((e) => e.textContent)")
        return found

    def _call(self, method: str, **given: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": given}))
        while True:
            told = json.loads(self._socket.recv(timeout=30))
            if told.get("id") == number:
                result: dict[str, Any] = told["result"]
                return result
            if told["method"] in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.problems.append(json.dumps(told["params"]))


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    folder = tmp_path / "browser"
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={folder}", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            with connect(tab_of(folder / "DevToolsActivePort"), proxy=None, max_size=None) as socket:
                yield Page(socket)
        finally:
            process.terminate()


def tab_of(file: Path) -> str:
    """The address of the one tab, once the browser has written where it listens."""
    for _ in range(1200):
        if file.is_file() and (port := file.read_text().partition("\n")[0]):
            tabs = httpx.get(f"http://127.0.0.1:{port}/json/list", timeout=30, trust_env=False).json()
            return next(str(tab["webSocketDebuggerUrl"]) for tab in tabs if tab["type"] == "page")
        time.sleep(0.025)
    raise AssertionError("the browser did not start")


@pytest.fixture
def proxy(start: Any, upstream: Any, make_rules: Callable[..., Path]) -> Any:
    return start("proxy", "--upstream", upstream.url, rules=make_rules(), CHAPERONE_OPERATOR_KEY=KEY)


def test_a_reply_streams_into_bubbles_and_a_thumb_stores_what_was_said(
    page: Page, proxy: Any, upstream: Any, says: Any
) -> None:
    upstream.replies = [says(cuts=["long <b>day</b>.", "\n\nand yours?"])]
    page.open(f"{proxy.url}/chat")
    page.say("how was your day?")
    assert page.texts(".fan p") == ["how was your day?"]
    assert page.texts(".persona p") == ["long <b>day</b>.", "and yours?"]
    page.run("document.querySelector('.foot .down').click()")
    page.wait("document.querySelector('.foot .down').ariaPressed === 'true'")
    (stored,) = read_feedback(proxy.data)
    assert stored.rating == "down"
    assert [said.text for said in stored.messages] == ["how was your day?", "long <b>day</b>.\n\nand yours?"]
    page.run("document.querySelector('.foot .down').click()")
    page.wait("document.querySelector('.foot .down').ariaPressed === 'false'")
    assert list(read_feedback(proxy.data)) == []
    assert page.problems == []


def test_an_operator_sees_stage_and_facts_and_the_key_leaves_the_address(
    page: Page, proxy: Any, upstream: Any, raw: Any
) -> None:
    page.open(f"{proxy.url}/chat#operator={KEY}")
    known = {
        "id": "c",
        "messages": 2,
        "stage": "warming up",
        "summary": "",
        "flags": [],
        "emotion": 1.239,
        "facts": [{"text": "<i>Leeds</i>", "turn": "t"}],
    }
    upstream.fetching = raw([json.dumps(known).encode()])
    page.say("hey")
    page.wait("document.querySelector('aside dt')?.textContent === 'stage'")
    assert page.run("location.hash") == ""
    assert page.texts("aside dt") == ["stage", "emotion", "messages", "fact"]
    assert page.texts("aside dd") == ["warming up", "1.24", "2", "<i>Leeds</i>"]


def test_without_the_key_nothing_of_it_is_asked_or_shown(page: Page, proxy: Any, upstream: Any) -> None:
    page.open(f"{proxy.url}/chat")
    page.say("hey")
    assert page.run("document.getElementById('known').hidden")
    page.run("location.hash = 'operator=guess'")
    page.wait("!document.getElementById('known').hidden")
    page.wait("document.getElementById('unknown').textContent.includes('not the operator key')")
    assert page.texts("aside dd") == []
    assert page.run("sessionStorage.getItem('operator')") is None
    assert all("/conversations/" not in path for path in upstream.fetched_paths)
