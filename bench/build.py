"""Compiles mock upstream and load driver and writes their corpus, once, into a folder that git ignores.

They are compiled because whatever stands in the measured path and is slower than what is measured would be measured.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.corpus import ROOT, TRAINING, write_corpus

FOLDER = ROOT / "build" / "bench"
_SOURCES = ROOT / "bench"


class BenchError(Exception):
    """What keeps the benchmark from running, for a person to read."""


@dataclass(frozen=True, slots=True)
class Tools:
    """Where the compiled programs and what they read are."""

    mock: Path
    load: Path
    fan: Path
    replies: Path
    persona: Path
    ledger: Path


def built() -> Tools:
    """The tools, built where a source is newer. Raises BenchError without gcc, or when it refuses."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    tools = Tools(
        mock=_compiled("mock"),
        load=_compiled("load"),
        fan=FOLDER / "fan.txt",
        replies=FOLDER / "replies.txt",
        persona=FOLDER / "persona.txt",
        ledger=FOLDER / "ledger",
    )
    sources = [_SOURCES / "corpus.py", TRAINING / "moderation.jsonl", TRAINING / "personas" / "mila.yaml"]
    if _is_stale(tools.persona, sources):
        write_corpus(FOLDER)
    return tools


def _compiled(name: str) -> Path:
    program = FOLDER / name
    if not _is_stale(program, [_SOURCES / f"{name}.c", *_SOURCES.glob("*.h")]):
        return program
    gcc = shutil.which("gcc")
    if gcc is None:
        raise BenchError(
            "gcc is missing: the benchmark compiles its load driver (Debian: apt-get install gcc libc6-dev)"
        )
    command = [gcc, "-O2", "-Wall", "-Wextra", "-o", str(program), str(_SOURCES / f"{name}.c")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"gcc refuses {name}.c:\n{done.stderr}")
    return program


def _is_stale(made: Path, sources: list[Path]) -> bool:
    return not made.is_file() or made.stat().st_mtime < max(source.stat().st_mtime for source in sources)
