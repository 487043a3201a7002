"""The measuring itself: each case, at each number of connections, on each subject in turn."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import procfs, wrk
from benchmarks.cases import Case
from benchmarks.wrk import Load

_QUIET_SECONDS = 0.3
_QUIET_CPU = 0.011
"""Seconds of CPU within `_QUIET_SECONDS` that count as rest: one tick of the kernel's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Something that answers the cases."""

    name: str
    url: Callable[[Case], str]
    key: str = "benchmark"
    process: int | None = None
    """The process whose CPU and memory are counted, with its children; None for the mock, asked directly."""
    ledger: Callable[[], int] | None = None
    """Counts the priced rows committed so far, where the subject keeps a ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measurement."""

    case: str
    subject: str
    connections: int
    load: Load
    cpu_ms: float | None = None
    """CPU of the subject for one request, milliseconds; None where the subject has no process of its own."""
    peak_mb: float | None = None
    """Peak resident memory of the subject, megabytes of 2^20 bytes."""
    recorded: int | None = None
    """Priced ledger rows committed meanwhile; None where the subject keeps no ledger."""

    @property
    def faults(self) -> tuple[str, ...]:
        """Why the measurement is invalid, each in a few words; empty for a valid one."""
        found = [f"{count} {kind} errors" for kind, count in self.load.errors.items()]
        if not self.load.requests:
            found.append("no request was answered")
        if self.recorded is not None and self.recorded < self.load.requests:
            found.append(f"{self.load.requests - self.recorded} answers are not in the ledger")
        return tuple(found)


def measure(
    cases: Sequence[Case],
    subjects: Sequence[Subject],
    *,
    connections: Sequence[int],
    seconds: int,
    folder: Path,
    prefix: Sequence[str],
) -> Iterator[Row]:
    """Every combination; the subjects of one case follow each other at once, so that they share the machine's mood."""
    for case in cases:
        body = folder / f"{case.name}.body"
        body.write_bytes(case.body)
        for count in connections:
            for subject in subjects:
                yield _one(case, subject, count, seconds, body, prefix)


def _one(case: Case, subject: Subject, connections: int, seconds: int, body: Path, prefix: Sequence[str]) -> Row:
    def load(duration: int) -> Load:
        return wrk.run(
            subject.url(case),
            body=body,
            content_type=case.content_type,
            key=subject.key,
            connections=connections,
            seconds=duration,
            prefix=prefix,
        )

    seconds = long_enough(load(1), connections, seconds)  # the first load fills connection pools, too
    if subject.process is None:
        return Row(case=case.name, subject=subject.name, connections=connections, load=load(seconds))
    before = settle(subject.process, procfs.cpu_seconds)
    rows_before = subject.ledger() if subject.ledger else 0
    procfs.reset_peak(subject.process)
    seen = load(seconds)
    peak = procfs.peak_megabytes(subject.process)
    used = settle(subject.process, procfs.cpu_seconds) - before
    return Row(
        case=case.name,
        subject=subject.name,
        connections=connections,
        load=seen,
        cpu_ms=used / seen.requests * 1000 if seen.requests else None,
        peak_mb=peak,
        recorded=subject.ledger() - rows_before if subject.ledger else None,
    )


def long_enough(warming: Load, connections: int, seconds: int) -> int:
    """Seconds to measure for: `seconds`, or more where that many would see few requests through.

    Each connection ends with a request cut off, whose CPU counts and which does not; ten answers for each of them keep
    that error small. Six times `seconds` is the most.
    """
    most = 6 * seconds
    if not warming.requests:
        return most
    return min(max(seconds, math.ceil(10 * connections / warming.rate)), most)


def settle(
    process: int,
    read: Callable[[int], float],
    pause: Callable[[float], None] = time.sleep,
    *,
    most_seconds: float = 10,
) -> float:
    """CPU seconds once the process rests, so that work put off until after the answer is counted with it."""
    used = read(process)
    for _ in range(int(most_seconds / _QUIET_SECONDS)):
        pause(_QUIET_SECONDS)
        earlier, used = used, read(process)
        if used - earlier <= _QUIET_CPU:
            break
    return used
