"""The report: figures beside their targets, the machine stated, as Markdown for people and JSON for comparing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from benchmarks.cases import Case
from benchmarks.gateway import Startup
from benchmarks.machine import Cores, Machine
from benchmarks.measure import Row

GATEWAY = "Penstock"
IMPORT_SECONDS = 0.3
READY_SECONDS = 1.5
_MOST_OTHERS_CORES = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Everything one run of the benchmark found out."""

    date: str
    """The day it was run, `2026-01-31`."""
    machine: Machine
    cores: Cores
    seconds: int
    """How long each measurement was to run at least; each row's load holds how long it did."""
    others_cores: float
    """Cores that programs outside the benchmark kept busy while it measured."""
    startup: Startup
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target and the figures it is about."""

    target: str
    limit: str
    measured: str
    met: bool | None
    """None where it was not measured, or not validly."""


def as_json(result: Result) -> bytes:
    return msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n"


def as_markdown(result: Result, cases: Sequence[Case]) -> str:
    """The whole report; only cases that were measured are in it."""
    measured = [case for case in cases if any(row.case == case.name for row in result.rows)]
    parts = [
        f"# Benchmark of {result.date}, {result.machine.processor}, {result.machine.cores} cores",
        *_warnings(result),
        _machine(result),
        "## Targets",
        _table(
            ("Target", "Limit", "Measured", "Met"),
            [
                (verdict.target, verdict.limit, verdict.measured, _MET[verdict.met])
                for verdict in verdicts(result, measured)
            ],
        ),
    ]
    for case in measured:
        parts += [f"## {case.title}", _case_table([row for row in result.rows if row.case == case.name])]
    return "\n\n".join([*parts, _NOTES]) + "\n"


_MET = {True: "yes", False: "**no**", None: "not measured"}

_NOTES = """\
## How to read this

- CPU is user and system time of the subject and its children for one answered request, work after the answer included.
  It is the figure to compare; rates also hold what the load and the mock take on their cores.
- `direct` is the load asking the mock itself: the most that can be measured here. `nginx` is a bare proxy in front of
  the mock. Penstock checks the key, finds the offer, prices the call, keeps the picture and commits a ledger row.
- Peak memory is resident memory, reset before each measurement; it holds what earlier cases left behind.
- Every request of a case is the same, so a picture's file is found to be there already after the first; hashing and
  measuring it happen every time.
- Requests cut off when the time is up have used CPU and are not counted. A measurement runs until there are about ten
  answers for each connection, or six times its seconds, so that this adds little.
- A measurement is invalid when a request failed, for an error is often cheaper than an answer, and when an answer of
  the gateway has no priced row in its ledger afterwards."""


def verdicts(result: Result, cases: Iterable[Case]) -> list[Verdict]:
    """Each target with its figures, startup last."""
    found: list[Verdict] = []
    for case in cases:
        rows = [row for row in result.rows if row.case == case.name and row.subject == GATEWAY]
        if case.target_cpu_ms is not None:
            figures = [(row.connections, row.cpu_ms) for row in rows]
            found.append(_held(f"{case.title}: CPU per request", case.target_cpu_ms, "ms", figures, rows))
        if case.target_peak_mb is not None:
            figures = [(row.connections, row.peak_mb) for row in rows]
            found.append(_held(f"{case.title}: peak memory", case.target_peak_mb, "MB", figures, rows))
    startup = result.startup
    return [
        *found,
        _quick("`import penstock`", IMPORT_SECONDS, startup.import_seconds),
        _quick("Start to ready, existing data", READY_SECONDS, startup.ready_seconds),
        _quick("Start to ready, first start", READY_SECONDS, startup.first_ready_seconds),
    ]


def _held(
    target: str, limit: float, unit: str, figures: Sequence[tuple[int, float | None]], rows: Sequence[Row]
) -> Verdict:
    known = [(count, figure) for count, figure in figures if figure is not None]
    valid = bool(known) and not any(row.faults for row in rows)
    said = ", ".join(f"{_number(figure)} at {count}" for count, figure in known) + " connections" if known else "–"
    met = all(figure <= limit for _, figure in known) if valid else None
    return Verdict(target, f"≤ {limit:g} {unit}", said, met)


def _quick(target: str, limit: float, seconds: float) -> Verdict:
    return Verdict(target, f"< {limit:g} s", f"{seconds:.2f} s", seconds < limit)


def _warnings(result: Result) -> list[str]:
    found = []
    if result.others_cores > _MOST_OTHERS_CORES:
        found.append(
            f"**BUSY machine:** other programs kept {result.others_cores:.2f} cores busy meanwhile. Rates and "
            "latencies say little, and CPU is higher than on a quiet machine."
        )
    invalid = [row for row in result.rows if row.faults]
    if not invalid:
        return found
    lines = [f"- {row.case}, {row.subject}, {row.connections} connections: {', '.join(row.faults)}" for row in invalid]
    return [*found, "\n".join(["**INVALID measurements; do not quote them:**", "", *lines])]


def _machine(result: Result) -> str:
    machine, cores, startup = result.machine, result.cores, result.startup
    pinned = (
        f"the subject on core {_list(cores.subject)}, the mock and the load on {_list(cores.load)}"
        if cores.subject
        else "nothing; there is one core, so every program disturbs the others"
    )
    return "\n".join(
        [
            f"- Machine: {machine.processor}, {machine.cores} cores, {machine.memory_mb:,} MB, Linux {machine.kernel}",
            f"- Programs: Penstock {machine.penstock}, Python {machine.python}, nginx {machine.nginx}, "
            f"wrk {machine.wrk}",
            f"- Pinned: {pinned}",
            f"- Each measurement: {result.seconds} s or longer, after 1 s of warming up",
            f"- Other programs: {result.others_cores:.2f} cores meanwhile; load average at the start "
            f"{machine.load_average:g}",
            f"- Bare `python -c pass`: {startup.python_seconds:.2f} s; `import penstock` includes it",
        ]
    )


def _list(cores: Iterable[int]) -> str:
    return ", ".join(map(str, cores))


def _case_table(rows: Iterable[Row]) -> str:
    head = ("Subject", "Connections", "Requests/s", "p50 ms", "p99 ms", "CPU ms per request", "Peak MB", "Valid")
    return _table(head, [_case_line(row) for row in rows])


def _case_line(row: Row) -> tuple[str, ...]:
    return (
        row.subject,
        str(row.connections),
        f"{row.load.rate:,.0f}" if row.load.rate >= 10 else f"{row.load.rate:.1f}",
        _number(row.load.p50_ms),
        _number(row.load.p99_ms),
        _number(row.cpu_ms),
        "–" if row.peak_mb is None else f"{row.peak_mb:,.0f}",
        f"**INVALID: {', '.join(row.faults)}**" if row.faults else "yes",
    )


def _number(value: float | None) -> str:
    """Three digits that matter; a dash for what is not known."""
    if value is None:
        return "–"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
