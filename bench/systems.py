"""The rows of the table: how each server is started in front of the mock, and what keeps one from taking part.

A peer is looked for where bench/peers/README.md has it: below $CHAPERONE_PEERS, else ~/.cache/chaperone-peers.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.corpus import ROOT
from bench.rule_folders import RULES, switched_off, without_transformer

PEERS = ROOT / "bench" / "peers"
DIRECT, BARE, OFF, LIGHT, FULL = (
    "direct", "bare pass-through", "chaperone, guards off", "chaperone, no transformer", "chaperone, everything on",
)  # fmt: skip
OURS = (OFF, LIGHT, FULL)


@dataclass(frozen=True, slots=True)
class Launch:
    """What a row is told: the mock's port, its own, and a folder of its own to write into."""

    upstream: int
    port: int
    folder: Path

    @property
    def base(self) -> str:
        """The upstream's base URL, with its /v1."""
        return f"http://127.0.0.1:{self.upstream}/v1"


@dataclass(frozen=True, slots=True)
class System:
    """One row. `command` is None for the upstream itself; `missing` says why it cannot run here, `""` when it can.

    `guards` says what it looks for, as the numbers mean little without.
    """

    name: str
    command: Callable[[Launch], list[str]] | None
    guards: str
    missing: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    headers: Callable[[Launch], list[str]] = lambda _: []
    patience: float = 90.0  # seconds until its first answer
    announces: str = ""  # what it prints once all of it answers, where its first answer does not say so
    model: str = "mock-60-0"  # what that is asked of


def systems() -> list[System]:
    """Every row in the order of the table."""
    return [
        System(DIRECT, None, "none: the mock upstream itself"),
        System("nginx", _nginx, "none", "" if shutil.which("nginx") else "not installed (Debian: nginx-light)"),
        System(BARE, _bare, "none"),
        System(OFF, _chaperone(switched_off), "none: every rule off"),
        System(LIGHT, _chaperone(without_transformer), "terms, patterns, phrases, Presidio"),
        System(FULL, _chaperone(lambda _: RULES), "all five rules as shipped"),
        *peers(),
    ]


def peers() -> list[System]:
    """Other people's servers, each with a guard that needs no model: a few words, before and behind the model."""
    home = Path(os.environ.get("CHAPERONE_PEERS") or Path.home() / ".cache" / "chaperone-peers")
    litellm, portkey = (
        home / "litellm/bin/litellm",
        home / "portkey/node_modules/@portkey-ai/gateway/build/start-server.js",
    )
    nemo, llm_guard = home / "nemo/bin/nemoguardrails", home / "llm-guard/bin/python"
    key = ["authorization: Bearer none"]
    return [
        System(
            "LiteLLM", lambda at: _litellm(litellm, at), "content filter: 3 words, 1 pattern", _missing(litellm),
            {"LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}, lambda _: key,
        ),
        System(
            "Portkey", lambda at: ["node", str(portkey), f"--port={at.port}", "--headless"], "contains: 3 words",
            _missing(portkey), {"TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost"}, lambda at: [*key, _portkey_config(at)],
        ),
        System("NeMo Guardrails", lambda at: _nemo(nemo, at), "regex rails: 1 pattern", _missing(nemo),
               {"OPENAI_API_KEY": "none", "NEMO_GUARDRAILS_TELEMETRY_ENABLED": "0", "DO_NOT_TRACK": "1"}),
        System("LLM Guard", lambda at: _llm_guard(llm_guard, at), "BanSubstrings: 3 words, Regex: 1 pattern",
               _missing(llm_guard)),
    ]  # fmt: skip


def _missing(program: Path) -> str:
    return "" if program.exists() else "not installed (bench/peers/README.md)"


def _chaperone(rules: Callable[[Path], Path]) -> Callable[[Launch], list[str]]:
    def command(at: Launch) -> list[str]:
        made = rules(at.folder / "rules")
        return [*chaperone(at), "--rules", str(made)]

    return command


def chaperone(at: Launch) -> list[str]:
    """The proxy as it is shipped, in front of the mock."""
    program = str(Path(sys.executable).with_name("chaperone"))
    return [program, "proxy", "--upstream", at.base, "--port", str(at.port), "--data", str(at.folder / "data")]


def _bare(at: Launch) -> list[str]:
    words = ["-m", "uvicorn", "--app-dir", str(ROOT), "bench.passthrough:app", "--port", str(at.port)]
    settings = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    return ["env", f"BENCH_UPSTREAM=http://127.0.0.1:{at.upstream}", sys.executable, *words, *settings]


def _nginx(at: Launch) -> list[str]:
    written = (PEERS / "nginx.conf").read_text(encoding="utf-8")
    for mark, value in (("FOLDER", at.folder), ("UPSTREAM", at.upstream), ("PORT", at.port)):
        written = written.replace(f"@{mark}@", str(value))
    (at.folder / "nginx.conf").write_text(written, encoding="utf-8")
    return [str(shutil.which("nginx")), "-p", str(at.folder), "-c", "nginx.conf", "-e", "error.log"]


def _litellm(program: Path, at: Launch) -> list[str]:
    words = [
        "--config",
        str(PEERS / "litellm.yaml"),
        "--host",
        "127.0.0.1",
        "--port",
        str(at.port),
        "--num_workers",
        "1",
    ]
    return ["env", f"BENCH_UPSTREAM={at.base}", str(program), *words]


def _nemo(program: Path, at: Launch) -> list[str]:
    folder = at.folder / "rails" / "bench"
    folder.mkdir(parents=True)
    written = (PEERS / "nemo.yml").read_text(encoding="utf-8").replace("@UPSTREAM@", at.base)
    (folder / "config.yml").write_text(written, encoding="utf-8")
    words = ["server", "--config", str(folder.parent), "--default-config-id", "bench", "--port", str(at.port)]
    return [str(program), *words, "--disable-chat-ui"]


def _llm_guard(python: Path, at: Launch) -> list[str]:
    return ["env", f"BENCH_UPSTREAM={at.base}", str(python), str(PEERS / "llm_guard_proxy.py"), str(at.port)]


def _portkey_config(at: Launch) -> str:
    """Portkey takes what it is to do from a header of the request."""
    config = json.loads((PEERS / "portkey.json").read_text(encoding="utf-8"))
    return "x-portkey-config: " + json.dumps({**config, "custom_host": at.base}, separators=(",", ":"))
