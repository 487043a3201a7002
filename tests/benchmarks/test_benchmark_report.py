"""The report: what it says, and what it must not hide."""

import json

import pytest

from benchmarks.cases import Case
from benchmarks.gateway import Startup
from benchmarks.machine import Cores, Machine, processor_in, split_cores
from benchmarks.measure import Row
from benchmarks.report import Result, as_json, as_markdown, verdicts
from benchmarks.wrk import Load

_CHAT = Case(
    name="chat",
    title="Chat",
    path="/chat/completions",
    content_type="application/json",
    body=b"{}",
    reply=b"{}",
    target_cpu_ms=0.35,
    target_peak_mb=400,
)
_OTHER = Case(name="other", title="Never measured", path="/", content_type="application/json", body=b"", reply=b"")


def _row(subject: str = "Penstock", *, cpu_ms: float | None = 0.3, errors: dict[str, int] | None = None) -> Row:
    load = Load(requests=2000, seconds=2.0, p50_ms=0.42, p99_ms=4.7, errors=errors or {})
    return Row(case="chat", subject=subject, connections=64, load=load, cpu_ms=cpu_ms, peak_mb=120.0)


def _result(*rows: Row, ready: float = 0.9, others: float = 0.02, cores: Cores | None = None) -> Result:
    return Result(
        date="2026-01-31",
        machine=Machine(
            processor="AMD EPYC 9B14 96-Core Processor",
            cores=2,
            memory_mb=24000,
            kernel="6.1.0",
            python="3.11.7",
            penstock="0.1.0",
            nginx="1.22.1",
            wrk="4.1.0",
            load_average=0.1,
        ),
        cores=cores or Cores((1,), (0,)),
        seconds=2,
        others_cores=others,
        startup=Startup(python_seconds=0.02, import_seconds=0.03, first_ready_seconds=1.2, ready_seconds=ready),
        rows=rows,
    )


def _verdict(result: Result, target: str) -> tuple[str, bool | None]:
    found = next(verdict for verdict in verdicts(result, [_CHAT]) if target in verdict.target)
    return found.measured, found.met


@pytest.mark.parametrize(("cpu_ms", "met"), [(0.3, True), (0.35, True), (0.36, False), (None, None)])
def test_cpu_is_held_against_its_target(cpu_ms: float | None, met: bool | None) -> None:
    assert _verdict(_result(_row(cpu_ms=cpu_ms)), "CPU")[1] is met


def test_only_the_gateway_is_held_to_targets() -> None:
    assert _verdict(_result(_row("nginx", cpu_ms=9.0)), "CPU") == ("–", None)


def test_a_target_is_missed_when_one_number_of_connections_misses_it() -> None:
    assert _verdict(_result(_row(cpu_ms=0.3), _row(cpu_ms=0.4)), "CPU") == (
        "0.300 at 64, 0.400 at 64 connections",
        False,
    )


def test_an_invalid_measurement_meets_no_target() -> None:
    assert _verdict(_result(_row(errors={"status": 3})), "CPU")[1] is None


def test_a_slow_start_misses_its_target() -> None:
    assert _verdict(_result(ready=1.6), "existing data") == ("1.60 s", False)


def test_an_invalid_measurement_is_named_before_any_figure() -> None:
    text = as_markdown(_result(_row(errors={"status": 3, "timeout": 1})), [_CHAT])
    warning = text.index("- chat, Penstock, 64 connections: 3 status errors, 1 timeout errors")
    assert warning < text.index("## Targets")
    assert "**INVALID: 3 status errors, 1 timeout errors** |" in text


def test_a_busy_machine_is_told_before_any_figure() -> None:
    text = as_markdown(_result(_row(), others=0.8), [_CHAT])
    assert text.index("**BUSY machine:** other programs kept 0.80 cores busy") < text.index("## Targets")
    assert "BUSY" not in as_markdown(_result(_row()), [_CHAT])


def test_a_valid_report_warns_of_nothing() -> None:
    assert "INVALID" not in as_markdown(_result(_row()), [_CHAT])


def test_the_report_states_the_machine_and_what_ran_where() -> None:
    text = as_markdown(_result(_row()), [_CHAT])
    assert "AMD EPYC 9B14 96-Core Processor, 2 cores, 24,000 MB, Linux 6.1.0" in text
    assert "Penstock 0.1.0, Python 3.11.7, nginx 1.22.1, wrk 4.1.0" in text
    assert "the subject on core 1, the mock and the load on 0" in text


def test_one_core_is_said_to_be_shared() -> None:
    assert "there is one core" in as_markdown(_result(_row(), cores=Cores((), ())), [_CHAT])


def test_a_row_shows_its_figures_and_a_dash_for_what_is_not_known() -> None:
    text = as_markdown(_result(_row(), _row("direct", cpu_ms=None)), [_CHAT])
    assert "| Penstock | 64 | 1,000 | 0.420 | 4.70 | 0.300 | 120 | yes |" in text
    assert "| direct | 64 | 1,000 | 0.420 | 4.70 | – | 120 | yes |" in text


def test_a_case_that_was_not_measured_is_not_in_the_report() -> None:
    assert "Never measured" not in as_markdown(_result(_row()), [_CHAT, _OTHER])


def test_the_json_holds_every_figure() -> None:
    document = json.loads(as_json(_result(_row())))
    assert document["rows"][0]["load"]["p99_ms"] == 4.7
    assert document["startup"]["ready_seconds"] == 0.9
    assert document["machine"]["nginx"] == "1.22.1"


@pytest.mark.parametrize(
    ("available", "subject", "load"), [({0}, (), ()), ({0, 1}, (1,), (0,)), ({2, 3, 5}, (5,), (2, 3))]
)
def test_the_measured_program_has_a_core_of_its_own_where_there_are_two(
    available: set[int], subject: tuple[int, ...], load: tuple[int, ...]
) -> None:
    assert split_cores(available) == Cores(subject, load)


def test_a_report_is_named_after_its_machine() -> None:
    assert _result().machine.slug == "amd-epyc-9b14-96-2-cores"


def test_the_processor_is_read_by_its_name() -> None:
    assert processor_in("processor\t: 0\nmodel name\t: AMD EPYC\n\nmodel name\t: AMD EPYC\n") == "AMD EPYC"
