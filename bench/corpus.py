"""The corpus of the benchmark: what mock upstream and load driver say, from the harmless rows of the training data.

Each file holds sentences, one a line; the programs vary and mix them (sentences.h), so that no two messages are alike.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from brain.persona_files import read_personas

ROOT = Path(__file__).parent.parent
TRAINING = ROOT / "training_data"
_SENTENCE_END = re.compile(r"(?<=[.!?]) +")
_SHORTEST, _LONGEST = 12, 100  # characters
_MOST_BYTES = 150  # sentences.h has room for 160


def write_corpus(folder: Path) -> None:
    """Writes `fan.txt`, `replies.txt` and `persona.txt` into `folder`."""
    rows = [json.loads(line) for line in (TRAINING / "moderation.jsonl").open(encoding="utf-8")]
    harmless = [row for row in rows if row["lang"] == "en" and not row["labels"]]
    _write(folder / "fan.txt", sentences(row["text"] for row in harmless if _is_ordinary(row, "input")))
    _write(folder / "replies.txt", sentences(row["text"] for row in harmless if _is_ordinary(row, "output")))
    persona = read_personas(TRAINING)[0].card
    written = f"You are {persona.name}. {persona.voice} You chat with fans on {persona.platform}."
    (folder / "persona.txt").write_text(_plain(written) + "\n", encoding="utf-8")


def sentences(texts: Iterable[str]) -> list[str]:
    """The sentences of `texts` that are neither very short nor long, each once, in an order that is always the same."""
    found = sorted({each for text in texts for each in _split(text) if _is_fit(each)})
    random.Random(4).shuffle(found)
    return found


def _is_ordinary(row: dict[str, Any], stage: str) -> bool:
    """Everyday talk of one side; the persona's own replies are ordinary too."""
    register: str = row["register"]
    return bool(row["stage"] == stage and (register.startswith("ordinary") or register == "persona"))


def _split(text: str) -> Iterator[str]:
    for sentence in _SENTENCE_END.split(_plain(text)):
        yield sentence.strip(" ,-'")


def _plain(text: str) -> str:
    """On one line, without what JSON would have to escape."""
    return " ".join(text.replace("\\", " ").replace('"', "'").split())


def _is_fit(sentence: str) -> bool:
    return _SHORTEST <= len(sentence) <= _LONGEST and len(sentence.encode()) <= _MOST_BYTES


def _write(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
