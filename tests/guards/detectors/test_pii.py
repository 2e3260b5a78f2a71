from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guards.detectors.base import BuildProblem, Source
from guards.detectors.pii import PiiDetector
from guards.errors import DetectorError
from guards.fold import fold
from guards.policy import Pii

QUICK = settings(deadline=None, max_examples=60)
Build = Callable[..., PiiDetector]
EXAMPLES = {
    "PHONE_NUMBER": "(415) 555-0132",
    "EMAIL_ADDRESS": "mila@example.com",
    "URL": "https://www.example.com/mila",
    "IP_ADDRESS": "192.168.10.7",
    "CREDIT_CARD": "4111 1111 1111 1111",
    "IBAN_CODE": "DE89370400440532013000",
    "MAC_ADDRESS": "00:1B:44:11:3A:B7",
    "CRYPTO": "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
}
ALONE = """
import socket
asked = []
def refuse(*where, **_):
    asked.append(where)
    raise OSError("no network")
socket.getaddrinfo = socket.socket.connect = refuse
from guards.detectors.base import Source
from guards.detectors.pii import PiiDetector
from guards.fold import fold
from guards.policy import Pii
detector = PiiDetector([Source("r", ("find", 0, "pii"), "full", Pii(pii=["EMAIL_ADDRESS", "URL"]))])
found = list(detector.find(fold("mila@example.co.uk www.example.com")))
print("found" if found else "none", "asked", len(asked))
"""
WORDS = ["well", "tell me more,", "so", "the garden.", "привет", "😏", "\n", "hm"]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> NoReturn:
        raise AssertionError("a detector called out")

    for way in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, way, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="module")
def build(source_of: Callable[..., Source]) -> Build:
    def build(*entities: str, rule: str = "animals", **keys: Any) -> PiiDetector:
        return PiiDetector([source_of(Pii(pii=list(entities), **keys), rule=rule)])

    return build


@pytest.fixture(scope="module")
def contacts(build: Build) -> PiiDetector:
    return build("PHONE_NUMBER", "EMAIL_ADDRESS", "URL")


def found(detector: PiiDetector, text: str) -> set[tuple[str, str]]:
    return {(finding.detector, text[finding.start : finding.end]) for finding in detector.find(fold(text))}


@pytest.mark.parametrize("entity", sorted(EXAMPLES))
def test_an_entity_is_found_without_a_word_to_the_network(build: Build, entity: str) -> None:
    text = f"here you go: {EXAMPLES[entity]} ok"
    assert (f"pii:{entity}", EXAMPLES[entity]) in found(build(entity), text)


@pytest.mark.parametrize("entity", sorted(EXAMPLES))
def test_an_entity_nobody_asked_for_is_not_told(build: Build, entity: str) -> None:
    other = next(name for name in EXAMPLES if name != entity)
    assert {detector for detector, _ in found(build(other), EXAMPLES[entity])} <= {f"pii:{other}"}


@pytest.mark.parametrize("text", ["", "how was your day?", "see you at 7", "so... what else", "@ you", "привет"])
def test_ordinary_text_holds_no_contact(contacts: PiiDetector, text: str) -> None:
    assert found(contacts, text) == set()


@pytest.mark.parametrize("entity", ["PERSON", "LOCATION", "NRP", "NO_SUCH_THING"])
def test_an_entity_that_needs_a_model_is_refused_with_those_there_are(build: Build, entity: str) -> None:
    with pytest.raises(BuildProblem, match=entity) as caught:
        build("URL", entity)
    assert all(known in caught.value.message for known in EXAMPLES)


def test_a_finding_counts_from_the_score_its_entry_asks_for(build: Build) -> None:
    text = EXAMPLES["PHONE_NUMBER"]
    (finding,) = build("PHONE_NUMBER").find(fold(text))
    assert list(build("PHONE_NUMBER", score=finding.score).find(fold(text)))
    assert not list(build("PHONE_NUMBER", score=min(1.0, finding.score + 0.01)).find(fold(text)))


def test_each_rule_has_its_own_score(source_of: Callable[..., Source]) -> None:
    lenient = source_of(Pii(pii=["PHONE_NUMBER"], score=0.1), rule="lenient")
    severe = source_of(Pii(pii=["PHONE_NUMBER"], score=1.0), rule="severe")
    detector = PiiDetector([lenient, severe])
    assert {finding.rule for finding in detector.find(fold(EXAMPLES["PHONE_NUMBER"]))} == {"lenient"}
    assert detector.rules == {"lenient", "severe"}


@QUICK
@given(st.lists(st.sampled_from(WORDS), max_size=400).map(" ".join), st.lists(st.sampled_from(WORDS)).map(" ".join))
@pytest.mark.parametrize("entity", ["PHONE_NUMBER", "EMAIL_ADDRESS", "URL"])
def test_a_long_text_tells_the_exact_place(contacts: PiiDetector, entity: str, before: str, after: str) -> None:
    text = f"{before} my {EXAMPLES[entity]} {after}"
    start = len(before) + 4
    spans = {(f.start, f.end) for f in contacts.find(fold(text)) if f.detector == f"pii:{entity}"}
    assert (start, start + len(EXAMPLES[entity])) in spans


@pytest.mark.parametrize("offset", range(380, 620, 7))
@pytest.mark.parametrize("filler", ["x ", "x"])
@pytest.mark.parametrize("entity", ["PHONE_NUMBER", "EMAIL_ADDRESS"])
def test_a_contact_at_the_edge_of_what_is_read_at_once_is_found_whole(
    contacts: PiiDetector, entity: str, offset: int, filler: str
) -> None:
    before = (filler * 700)[:offset] + " "
    text = before + EXAMPLES[entity] + " " + filler * 500
    spans = {(f.start, f.end) for f in contacts.find(fold(text)) if f.detector == f"pii:{entity}"}
    assert spans == {(len(before), len(before) + len(EXAMPLES[entity]))}


def test_a_process_that_has_nothing_cached_fetches_nothing(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", ALONE],
        env={**os.environ, "TLDEXTRACT_CACHE": str(tmp_path), "HOME": str(tmp_path)},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == ["found", "asked", "0"]


@pytest.mark.parametrize("piece", ["a.", "1.1", "a@", "www.", "a-", "(", "12 "])
def test_long_monotonous_text_is_read_to_its_end(contacts: PiiDetector, piece: str) -> None:
    text = piece * 2_000 + " mila@example.com"
    assert ("pii:EMAIL_ADDRESS", "mila@example.com") in found(contacts, text)


def test_a_recognizer_that_fails_is_told_apart_from_one_that_finds_nothing_and_quotes_no_text(build: Build) -> None:
    class Broken:
        def analyze(self, *_: Any) -> NoReturn:
            raise ValueError("canary")

    detector = build("EMAIL_ADDRESS")
    detector._recognizers["EMAIL_ADDRESS"] = Broken()  # type: ignore[assignment]
    with pytest.raises(DetectorError) as caught:
        list(detector.find(fold("canary@example.com")))
    assert caught.value.detector == "pii:EMAIL_ADDRESS"
    assert "canary" not in str(caught.value)
