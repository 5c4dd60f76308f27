"""Memory and processor time of a process and all that it started, from Linux's /proc."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """`pid` and all processes below it."""
    parents = {
        int(path.name): fields(path) for path in Path("/proc").iterdir() if path.name.isdigit()
    }
    found = [pid]
    for each in found:
        found += [child for child, stat in parents.items() if stat and int(stat[1]) == each]
    return found


def processor_seconds(pid: int) -> float:
    """What they used so far, ended children included."""
    stats = (fields(Path("/proc", str(each))) for each in tree(pid))
    return sum(sum(map(int, stat[11:15])) for stat in stats if stat) / _TICKS


def memory(pid: int) -> float:
    """MB that they hold; of pages that several share, each counts its part."""
    kilobytes = 0
    for each in tree(pid):
        try:
            lines = Path("/proc", str(each), "smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kilobytes / 1000


def fields(process: Path) -> list[str]:
    """Those of its `stat` from the state on; none if it ended: proc_pid_stat(5)."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
