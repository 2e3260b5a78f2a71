"""Several processes that serve one port, so that the proxy uses more than one core.

Each worker is a whole proxy with its own socket on the shared port, and listens when it can answer. Its channel says
that, or why it cannot, and closes when it ends, however it ends. Nothing of ours runs in the process that watches them.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType

import click

from brain.loading import loading
from brain.server import GRACE, address, share
from brain.settings import PersonaSettings
from proxy.commands.serving import configure_logging
from proxy.metrics import worker_ended
from proxy.settings import ProxySettings, counting_in

_LOADING = 5.0  # seconds beyond the grace of open turns until a worker that does not end is killed
_PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # seconds before another try when a worker could not start
_READY = ""

log = logging.getLogger("chaperone.workers")


def run_workers(
    settings: ProxySettings, place: socket.socket, ready: Callable[[str], None], persona: PersonaSettings | None = None
) -> None:
    """Serves the proxy with `settings.workers` processes on the port that `place` keeps until SIGINT or SIGTERM;
    `ready` is called with the URL when all of them answer. Raises click.ClickException."""
    configure_logging()
    with ExitStack() as stack:
        stop = stack.enter_context(_stopped())
        counts = stack.enter_context(_counts(settings.data))
        here = settings.model_copy(update={"port": place.getsockname()[1]})
        crew = stack.enter_context(Crew(settings.workers, lambda number: _begun(number, here, persona, counts), counts))
        crew.watch(stop, lambda: ready(address(place)))


@dataclass(slots=True)
class Worker:
    """One process that serves the port. `failed` counts the tries before it that never answered."""

    process: SpawnProcess
    channel: Connection
    failed: int = 0
    ready: bool = False
    why: str = ""


class Crew:
    """The workers by number. One that ends is started again; all end when nobody is left to answer."""

    def __init__(self, count: int, begin: Callable[[int], Worker], counts: Path) -> None:
        self._begin = begin
        self._counts = counts
        self._due: dict[int, float] = {}
        self._announced = False
        self._workers = {number: begin(number) for number in range(1, count + 1)}

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        """Lets every worker finish its open turns, all at the same time."""
        for worker in self._workers.values():
            worker.process.terminate()
        end = time.monotonic() + GRACE + _LOADING
        for worker in self._workers.values():
            worker.process.join(max(0.0, end - time.monotonic()))
            if worker.process.exitcode is None:
                worker.process.kill()
                worker.process.join()

    def watch(self, stop: Connection, ready: Callable[[], None]) -> None:
        """Returns once `stop` can be read; calls `ready` when all answer for the first time. Raises
        click.ClickException when a worker cannot start and no other answers."""
        while True:
            channels = {worker.channel: n for n, worker in self._workers.items() if not worker.channel.closed}
            heard = wait([stop, *channels], self._pause())
            if stop in heard:
                return
            for number in [number for channel, number in channels.items() if channel in heard]:
                self._hear(number)
            self._begin_due()
            if not self._announced and all(worker.ready for worker in self._workers.values()):
                self._announced = True
                ready()

    def _pause(self) -> float | None:
        return max(0.0, min(self._due.values()) - time.monotonic()) if self._due else None

    def _hear(self, number: int) -> None:
        worker = self._workers[number]
        try:
            worker.why = worker.channel.recv()
            worker.ready = worker.why == _READY
        except (EOFError, OSError):
            worker.channel.close()
            self._ended(number, worker)

    def _ended(self, number: int, worker: Worker) -> None:
        worker.process.join()
        served, worker.ready = worker.ready, False
        how = f"worker {number} has ended ({_exit(worker.process.exitcode)})"
        worker_ended(self._counts, worker.process.pid or 0)
        if not served and not (self._announced and any(each.ready for each in self._workers.values())):
            raise click.ClickException(worker.why or f"{how} before it could answer: see above")
        worker.failed = 0 if served else worker.failed + 1
        pause = 0.0 if served else _PAUSES[min(worker.failed, len(_PAUSES)) - 1]
        log.error("%s%s: starting it again%s", how, f", {worker.why}" if worker.why else "",
                  f" in {pause:.0f} s, the others go on" if pause else "")  # fmt: skip
        self._due[number] = time.monotonic() + pause

    def _begin_due(self) -> None:
        for number in [number for number, due in self._due.items() if due <= time.monotonic()]:
            del self._due[number]
            failed = self._workers[number].failed
            self._workers[number] = self._begin(number)
            self._workers[number].failed = failed


def _exit(code: int | None) -> str:
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def _begun(number: int, settings: ProxySettings, persona: PersonaSettings | None, counts: Path) -> Worker:
    # Started afresh, never forked: threads, sockets and SQLite connections do not outlive a fork in one piece.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(number, settings, persona, counts, theirs), daemon=True)
    process.start()
    theirs.close()
    return Worker(process, ours)


def work(
    number: int, settings: ProxySettings, persona: PersonaSettings | None, counts: Path, channel: Connection
) -> None:
    """What a worker does from its start to its end: serve, tell over `channel`, and end with its parent."""
    os.setsid()  # Ctrl-C reaches the parent alone, which ends us when it wants to
    threading.Thread(target=_end_with_parent, daemon=True).start()
    configure_logging(f"worker {number} ")
    # Imported here as the parent of the workers imports this module, and does without the rest.
    with loading():
        from proxy.commands.guarding import guard_port  # noqa: PLC0415

    try:
        with share(settings.host, settings.port) as listener:
            guard_port(settings, listener, lambda: channel.send(_READY), persona, counts)
    except click.ClickException as error:
        channel.send(error.message)
        raise SystemExit(error.exit_code) from None


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _stopped() -> Iterator[Connection]:
    """A connection that can be read once SIGINT or SIGTERM has come."""
    heard, said = multiprocessing.Pipe(duplex=False)

    def stop(signum: int, frame: FrameType | None) -> None:
        said.send(signum)

    before = {signum: signal.signal(signum, stop) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield heard
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


@contextmanager
def _counts(data: Path) -> Iterator[Path]:
    """A folder that the workers count in, gone when they are. Raises click.ClickException."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(prefix="metrics-", dir=data, ignore_cleanup_errors=True)
    except OSError as error:
        raise click.ClickException(f"{data} cannot be written: {error.strerror}") from None
    with folder as name, counting_in(Path(name)):
        yield Path(name)
