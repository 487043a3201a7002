"""Starts one simulator by hand and keeps it until Ctrl-C."""

import argparse
import importlib
import threading

from tests.simulators import SIMULATORS
from tests.simulators.base import Simulator


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.simulators", description=__doc__)
    parser.add_argument("name", choices=sorted(SIMULATORS))
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    asked = parser.parse_args()
    module, name = SIMULATORS[asked.name]
    simulator: Simulator = getattr(importlib.import_module(module), name)(port=asked.port)
    with simulator:
        print(f"{asked.name} is simulated at {simulator.url} with the key {simulator.keys[0]}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print(f"{len(simulator.calls)} calls; stopped")


if __name__ == "__main__":
    main()
