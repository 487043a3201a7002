"""What a process and its children have used, read from /proc: CPU time and peak memory.

Linux only. Readings are taken before and after a load; processes that ended meanwhile are in their parent's figures.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_ROOT = Path("/proc")


@dataclass(frozen=True, slots=True)
class Stat:
    """The part of /proc/PID/stat that is used here."""

    parent: int
    ticks: int
    """User and system time of the process and of its ended children, in clock ticks."""


def parse_stat(text: str) -> Stat:
    """One line of /proc/PID/stat (proc_pid_stat(5)). The command's name may hold spaces and brackets."""
    fields = text[text.rindex(")") + 2 :].split()
    return Stat(parent=int(fields[1]), ticks=sum(int(field) for field in fields[11:15]))


def parse_peak(text: str) -> int:
    """`VmHWM` of /proc/PID/status, in kilobytes of 1024 bytes; 0 where there is none (a process that has ended)."""
    for line in text.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def parse_busy(text: str) -> int:
    """Clock ticks that programs of this machine, and the host in its place, took of all cores, from /proc/stat.

    Interrupts are left out: they carry the loopback traffic of whoever is measured.
    """
    user, nice, system, _idle, _wait, _interrupts, _soft, steal = (int(field) for field in text.split()[1:9])
    return user + nice + system + steal


def others_seconds(process: int) -> float:
    """CPU that everything outside this process and its children has taken since the machine started."""
    return parse_busy(_read(_ROOT / "stat")) / TICKS_PER_SECOND - cpu_seconds(process)


def cpu_seconds(process: int) -> float:
    """User and system time of a process and everything below it."""
    return sum(stat.ticks for _, stat in _tree(process)) / TICKS_PER_SECOND


def peak_megabytes(process: int) -> float:
    """Peak resident memory since `reset_peak`, of a process and everything below it.

    The sum of the single peaks: pages that two processes share count twice.
    """
    return sum(parse_peak(_read(_ROOT / str(member) / "status")) for member, _ in _tree(process)) / 1024


def reset_peak(process: int) -> None:
    """Start the peak anew from what is resident now (`5` to /proc/PID/clear_refs, proc_pid_clear_refs(5))."""
    for member, _ in _tree(process):
        (_ROOT / str(member) / "clear_refs").write_text("5")


def _tree(process: int) -> Iterator[tuple[int, Stat]]:
    stats: dict[int, Stat] = {}
    for entry in _ROOT.iterdir():
        if entry.name.isdigit() and (text := _read(entry / "stat")):
            stats[int(entry.name)] = parse_stat(text)
    members = [process] if process in stats else []
    for member in members:  # grows while it is read: children, then theirs
        yield member, stats[member]
        members.extend(child for child, stat in stats.items() if stat.parent == member)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
