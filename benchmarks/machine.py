"""The machine and the programs a figure belongs to: without them it means nothing."""

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

NEEDED = ("nginx", "wrk", "taskset")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the benchmark ran on."""

    processor: str
    cores: int
    """Cores this process may use."""
    memory_mb: int
    kernel: str
    python: str
    penstock: str
    nginx: str
    wrk: str
    load_average: float
    """Over the minute before the first measurement: other work on the machine."""

    @property
    def slug(self) -> str:
        """For a file's name: `amd-epyc-2-cores`."""
        words = re.sub(r"\((?:r|tm)\)|processor|cpu", "", self.processor.lower())
        return f"{'-'.join(re.findall(r'[a-z0-9]+', words)[:4])}-{self.cores}-cores"


@dataclass(frozen=True, slots=True)
class Cores:
    """Which cores the measured program and everything else are kept on; both empty where there is one core."""

    subject: tuple[int, ...]
    load: tuple[int, ...]

    def subject_prefix(self) -> list[str]:
        return _taskset(self.subject)

    def load_prefix(self) -> list[str]:
        return _taskset(self.load)


def missing() -> list[str]:
    """Programs the benchmark needs and this machine does not have."""
    return [name for name in NEEDED if not shutil.which(name)]


def split_cores(available: set[int]) -> Cores:
    """The last core to the measured program, the others to the mock and the load."""
    *load, subject = sorted(available)
    return Cores((subject,), tuple(load)) if load else Cores((), ())


def describe() -> Machine:
    return Machine(
        processor=processor_in(Path("/proc/cpuinfo").read_text()),
        cores=len(os.sched_getaffinity(0)),
        memory_mb=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        kernel=platform.release(),
        python=platform.python_version(),
        penstock=version("penstock"),
        nginx=_first_number(["nginx", "-v"]),
        wrk=_first_number(["wrk", "-v"]),
        load_average=round(os.getloadavg()[0], 2),
    )


def processor_in(cpuinfo: str) -> str:
    """The processor's name in /proc/cpuinfo; the architecture where it names none, as on Arm."""
    match = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return match[1].strip() if match else platform.machine()


def _taskset(cores: tuple[int, ...]) -> list[str]:
    return ["taskset", "-c", ",".join(map(str, cores))] if cores else []


def _first_number(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    match = re.search(r"\d+\.\d+(\.\d+)*", done.stdout + done.stderr)
    return match[0] if match else "unknown"
