"""How long a person waits for `--help`, and what imports cost: `python benchmarks/startup.py`."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 7
CALLS = {
    "python -c pass": ["-c", "pass"],
    "thermodepth --help": ["-m", "thermodepth", "--help"],
    "thermodepth study run --help": ["-m", "thermodepth", "study", "run", "--help"],
    "import thermodepth": ["-c", "import thermodepth"],
    "import torch": ["-c", "import torch"],
}


def seconds(call: list[str]) -> float:
    """The median wall time of a few fresh processes."""
    taken = []
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run([sys.executable, *call], check=True, capture_output=True)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


if __name__ == "__main__":
    bare = seconds(CALLS["python -c pass"])
    for name, call in CALLS.items():
        taken = seconds(call)
        print(f"{name:30} {taken:6.2f} s   {taken / bare:5.1f} x a bare interpreter")
