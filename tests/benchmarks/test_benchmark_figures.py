"""What is read from wrk and from /proc."""

import pytest

from benchmarks.measure import Row, long_enough, settle
from benchmarks.procfs import parse_busy, parse_peak, parse_stat
from benchmarks.wrk import Load, LoadFailed, parse

_FIGURES = (
    'figures {"requests": 4000, "duration_us": 2000000, "bytes": 4096000, "p50_us": 420, "p99_us": 4736, '
    '"max_us": 9000, "errors": {"connect": 0, "read": 0, "write": 0, "timeout": 0, "status": %d}}'
)


def _wrk(status_errors: int = 0) -> str:
    return f"Running 2s test @ http://127.0.0.1:1/v1\n  1 threads and 16 connections\n{_FIGURES % status_errors}\n"


def _row(load: Load, recorded: int | None = None) -> Row:
    return Row(case="chat", subject="Penstock", connections=16, load=load, recorded=recorded)


def test_wrk_figures_are_read_in_requests_per_second_and_milliseconds() -> None:
    load = parse(_wrk())
    assert (load.requests, load.rate, load.p50_ms, load.p99_ms) == (4000, 2000.0, 0.42, 4.736)


def test_a_load_without_errors_is_valid() -> None:
    assert _row(parse(_wrk())).faults == ()


def test_a_single_refused_request_makes_a_load_invalid() -> None:
    load = parse(_wrk(status_errors=1))
    assert _row(load).faults == ("1 status errors",)


def test_a_load_without_an_answer_is_invalid() -> None:
    load = parse(_wrk().replace('"requests": 4000', '"requests": 0'))
    assert _row(load).faults == ("no request was answered",)


@pytest.mark.parametrize(
    ("recorded", "faults"),
    [(None, ()), (4000, ()), (4064, ()), (3998, ("2 answers are not in the ledger",))],
)
def test_an_answer_without_a_ledger_row_makes_a_load_invalid(recorded: int | None, faults: tuple[str, ...]) -> None:
    assert _row(parse(_wrk()), recorded).faults == faults


@pytest.mark.parametrize("output", ["", "unable to connect to 127.0.0.1:1 Connection refused\n"])
def test_wrk_that_ends_without_figures_is_reported_with_what_it_said(output: str) -> None:
    with pytest.raises(LoadFailed, match=output.strip() or "nothing"):
        parse(output)


@pytest.mark.parametrize("name", ["penstock", "nginx: worker", "odd) name (x"])
def test_a_stat_line_is_read_whatever_the_command_is_called(name: str) -> None:
    stat = parse_stat(f"4711 ({name}) S 12 4711 4711 0 -1 4194560 2210 8 0 0 150 25 7 3 20 0 5 0 991 1 2\n")
    assert stat.parent == 12
    assert stat.ticks == 150 + 25 + 7 + 3


def test_a_machine_is_busy_with_programs_and_its_host_but_not_with_interrupts() -> None:
    text = "cpu  1000 20 300 99999 77 5 6 4 0 0\ncpu0 500 10 150 50000 40 2 3 2 0 0\nintr 12\n"
    assert parse_busy(text) == 1000 + 20 + 300 + 4


def test_the_peak_is_read_in_kilobytes() -> None:
    assert parse_peak("Name:\tpenstock\nVmPeak:\t  900000 kB\nVmHWM:\t  123456 kB\nVmRSS:\t  100000 kB\n") == 123456


def test_a_process_that_has_ended_has_no_peak() -> None:
    assert parse_peak("Name:\tpenstock\nState:\tZ (zombie)\n") == 0


@pytest.mark.parametrize(
    ("requests", "connections", "seconds"), [(5000, 64, 5), (64, 64, 10), (20, 64, 30), (0, 1, 30), (100, 1, 5)]
)
def test_a_measurement_runs_until_few_of_its_requests_are_cut_off(
    requests: int, connections: int, seconds: int
) -> None:
    warming = Load(requests=requests, seconds=1.0, p50_ms=1.0, p99_ms=1.0)
    assert long_enough(warming, connections, 5) == seconds


def test_cpu_is_read_once_the_process_rests() -> None:
    readings = iter([1.0, 1.5, 1.75, 1.75, 9.0])
    assert settle(1, lambda _: next(readings), pause=lambda _: None) == 1.75


def test_waiting_for_rest_has_an_end() -> None:
    readings = iter(range(1000))
    assert settle(1, lambda _: float(next(readings)), pause=lambda _: None, most_seconds=3.0) == 10.0
