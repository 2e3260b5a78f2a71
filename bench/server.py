"""A server under test from its start to its end: on a CPU of its own, its cold start, its CPU time, its memory."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.build import BenchError
from bench.drive import CHAT
from bench.processes import cpu_seconds, cpus, free_port, pinned, resident_megabytes, waited_seconds
from bench.systems import Launch, System

_FIRST = [{"role": "user", "content": "good morning you"}]
_GRACE = 5.0  # seconds to end in


@dataclass(frozen=True, slots=True)
class Server:
    """A server that has answered its first turn, `cold` seconds after it was started; `pid` is None for the mock."""

    url: str
    headers: list[str]
    cold: float | None
    pid: int | None

    def cpu(self) -> float:
        """CPU seconds so far."""
        return cpu_seconds(self.pid) if self.pid else 0.0

    def waited(self) -> float:
        """Seconds so far that it has waited for its CPU."""
        return waited_seconds(self.pid) if self.pid else 0.0

    def memory(self) -> float | None:
        """Resident megabytes."""
        return resident_megabytes(self.pid) if self.pid else None


@contextlib.contextmanager
def serving(system: System, upstream: int, where: set[int] | None = None) -> Iterator[Server]:
    """`system` running as long as the context, on the CPUs `where`. Raises BenchError when it does not come up."""
    if system.command is None:
        yield Server(f"http://127.0.0.1:{upstream}{CHAT}", [], None, None)
        return
    with tempfile.TemporaryDirectory(prefix="chaperone-bench-") as folder:
        at = Launch(upstream, free_port(), Path(folder))
        command = system.command(at)
        log = Path(folder) / "log"
        with log.open("wb") as out:
            began = time.perf_counter()
            process = subprocess.Popen(
                pinned(where or cpus()[1], command), cwd=folder, env=_environment(system), stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        try:
            _await_first(process, system, at, log)
            cold = time.perf_counter() - began
            yield Server(f"http://127.0.0.1:{at.port}{CHAT}", system.headers(at), cold, process.pid)
        finally:
            _end(process)


def _environment(system: System) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHAPERONE_")}
    return {**kept, **system.environment}


def _await_first(process: subprocess.Popen[bytes], system: System, at: Launch, log: Path) -> None:
    headers = system.headers(at)
    end = time.perf_counter() + system.patience
    while time.perf_counter() < end and process.poll() is None:
        if system.announces in log.read_text(errors="replace") and _answers(at.port, system.model, headers):
            return
        time.sleep(0.01)
    raise BenchError(f"{system.name} did not answer:\n{_last_lines(log)}")


def _answers(port: int, model: str, headers: list[str]) -> bool:
    """True once a whole turn is answered 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    named = dict(header.split(": ", 1) for header in headers)
    try:
        body = json.dumps({"model": model, "messages": _FIRST})
        connection.request("POST", CHAT, body, {"content-type": "application/json", **named})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _last_lines(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:])


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and whatever it started: they are a session of their own."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
            break
