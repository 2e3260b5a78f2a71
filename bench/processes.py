"""What the machine is asked: which CPU a program runs on, what a process tree has cost, which port is free.

Linux alone: everything is read from /proc.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def cpus() -> tuple[set[int], set[int]]:
    """One CPU for mock and driver, one for the server under test; the same one where there is no second."""
    usable = sorted(os.sched_getaffinity(0))
    return {usable[0]}, {usable[-1]}


def pinned(where: set[int], command: Sequence[object]) -> list[str]:
    """`command` so started that it and its children stay on the CPUs `where`."""
    return ["taskset", "-c", ",".join(map(str, sorted(where))), *map(str, command)]


def tree(root: int) -> list[int]:
    """`root` and all its descendants."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (fields := _stat(int(folder.name))):
            children[int(fields[1])].append(int(folder.name))
    found, todo = [], [root]
    while todo:
        found.append(todo.pop())
        todo += children[found[-1]]
    return found


def cpu_seconds(root: int) -> float:
    """User and system time of the process tree at `root` so far, with that of its children that have ended."""
    return sum(sum(map(int, fields[11:15])) for pid in tree(root) if (fields := _stat(pid))) / _TICK


def waited_seconds(pid: int) -> float:
    """How long the first thread of a process has been ready to run and did not, as others had its CPU."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


def resident_megabytes(root: int) -> float:
    """Memory of the process tree at `root`, pages shared between its processes counted once for each."""
    pages = 0
    for pid in tree(root):
        with contextlib.suppress(OSError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * _PAGE / 2**20


def busy_seconds() -> float:
    """CPU time that anything on the machine has taken so far."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return (sum(fields) - fields[3] - fields[4]) / _TICK


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; none when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []
