"""`python -m benchmarks`: start everything, check that it answers rightly, measure, write the report."""

import argparse
import contextlib
import datetime
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import machine as machines
from benchmarks import nginx, procfs
from benchmarks.cases import Case, cases
from benchmarks.check import CheckFailed, ask, check
from benchmarks.gateway import Running, gateway
from benchmarks.measure import Row, Subject, measure
from benchmarks.programs import NotReady, alone, free_port, running, wait_ready
from benchmarks.report import GATEWAY, Result, as_json, as_markdown
from benchmarks.wrk import LoadFailed

_RESULTS = Path(__file__).with_name("results")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 when every measurement is valid, 1 when one is not, 2 when it could not be run."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    # Debian keeps nginx where an ordinary account does not look.
    os.environ["PATH"] = os.environ.get("PATH", os.defpath) + ":/usr/sbin"
    if missing := machines.missing():
        print(f"The benchmark needs {', '.join(missing)}: apt-get install nginx-light wrk util-linux", file=sys.stderr)
        return 2
    try:
        result = _run(options.cases, options.connections, options.seconds)
    except (NotReady, CheckFailed, LoadFailed) as error:
        print(f"Nothing was measured. {error}", file=sys.stderr)
        return 2
    out: Path = options.out or _RESULTS / f"{result.date}-{result.machine.slug}.md"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.with_suffix(".md").write_text(as_markdown(result, options.cases))
    out.with_suffix(".json").write_bytes(as_json(result))
    print(f"The report is in {out.with_suffix('.md')}, its figures in {out.with_suffix('.json').name} beside it.")
    return 0 if not any(row.faults for row in result.rows) else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    known = {case.name: case for case in cases()}
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the gateway on this machine.")
    parser.add_argument("--seconds", type=int, default=5, help="length of each measurement (5)")
    parser.add_argument(
        "--connections", type=_counts, default=(1, 16, 64), help="numbers of connections, with commas (1,16,64)"
    )
    parser.add_argument(
        "--only", action="append", choices=sorted(known), help="a case to measure; may be repeated (all of them)"
    )
    parser.add_argument(
        "--out", type=Path, help="the report's file (benchmarks/results/DATE-machine.md, .json beside it)"
    )
    options = parser.parse_args(arguments)
    options.cases = [case for name, case in known.items() if name in (options.only or known)]
    return options


def _counts(text: str) -> tuple[int, ...]:
    return tuple(int(count) for count in text.split(","))


def _run(chosen: Sequence[Case], connections: Sequence[int], seconds: int) -> Result:
    machine = machines.describe()
    cores = machines.split_cores(os.sched_getaffinity(0))
    with alone(), contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="penstock-benchmark-")))
        mock_port, proxy_port = free_port(), free_port()
        _serve(stack, [*cores.load_prefix(), *nginx.mock(folder / "mock", mock_port, chosen)], mock_port, folder)
        command = [*cores.subject_prefix(), *nginx.proxy(folder / "proxy", proxy_port, mock_port)]
        proxy = _serve(stack, command, proxy_port, folder)
        running_gateway = stack.enter_context(gateway(folder / "gateway", mock_port, chosen, cores.subject_prefix()))
        subjects = [
            Subject(name="direct", url=_at(mock_port)),
            Subject(name="nginx", url=_at(proxy_port), process=proxy),
            _gateway_subject(running_gateway),
        ]
        _check(chosen, subjects)
        others, started = procfs.others_seconds(os.getpid()), time.perf_counter()
        rows = []
        for row in measure(
            chosen,
            subjects,
            connections=connections,
            seconds=seconds,
            folder=folder,
            prefix=cores.load_prefix(),
        ):
            _say(row)
            rows.append(row)
        others, taken = procfs.others_seconds(os.getpid()) - others, time.perf_counter() - started
        return Result(
            date=datetime.date.today().isoformat(),
            machine=machine,
            cores=cores,
            seconds=seconds,
            others_cores=max(0.0, others / taken),
            startup=running_gateway.startup,
            rows=tuple(rows),
        )


def _serve(stack: contextlib.ExitStack, command: Sequence[str], port: int, folder: Path) -> int:
    log = folder / "nginx.log"
    process = stack.enter_context(running(command, log))
    wait_ready(process, port, "/", log)
    return process.pid


def _at(port: int) -> Callable[[Case], str]:
    return lambda case: f"http://127.0.0.1:{port}/{case.name}/v1{case.path}"


def _gateway_subject(gateway: Running) -> Subject:
    def url(case: Case) -> str:
        return f"http://127.0.0.1:{gateway.port}/v1{case.path}"

    return Subject(name=GATEWAY, url=url, key=gateway.key, process=gateway.process, ledger=gateway.ledger_rows)


def _check(chosen: Sequence[Case], subjects: Sequence[Subject]) -> None:
    for case in chosen:
        for subject in subjects:
            check(case, ask(case, subject.url(case), subject.key), subject.name, priced=subject.name == GATEWAY)


def _say(row: Row) -> None:
    cpu = "" if row.cpu_ms is None else f"  {row.cpu_ms:8.3f} ms CPU"
    errors = f"  INVALID: {', '.join(row.faults)}" if row.faults else ""
    print(f"{row.case:10} {row.subject:9} {row.connections:4}  {row.load.rate:10,.1f}/s{cpu}{errors}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
