"""What a whole process costs, from the first import to the last file: `python benchmarks/startup.py`.

CPU seconds (user and system, the least of a few runs: what others do on the machine only adds) and peak
memory of `predict` of one frame of 640x512, of `--help`, and of the imports behind them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile

MEGABYTE = 1000 / 1.024  # of ru_maxrss, which is in KiB on Linux
#: Counts of a warm ground under a cold sky, with warm boxes. Written by a process of its own: what this one
#: holds is the least peak that it could measure.
FRAME = """
import sys
from pathlib import Path
import numpy as np
from thermodepth.files import encode_png

random = np.random.default_rng(0)
counts = np.linspace(7000, 9000, 512)[:, None] + random.normal(0, 12, (512, 640))
for _ in range(6):
    top, left = random.integers(200, 400), random.integers(40, 560)
    counts[top : top + 60, left : left + 50] += 700
Path(sys.argv[1]).write_bytes(encode_png(np.rint(counts).astype(np.uint16)))
"""


def main() -> None:
    """Print one line a call."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="thermal-small")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        frame = f"{name}/frame.png"
        cost(["-c", FRAME, frame])
        predict = ["-m", "thermodepth", "predict", frame, "--model", options.model]
        calls = {
            "python -c pass": ["-c", "pass"],
            "thermodepth --help": ["-m", "thermodepth", "--help"],
            "thermodepth study run --help": ["-m", "thermodepth", "study", "run", "--help"],
            "import thermodepth": ["-c", "import thermodepth"],
            "import torch": ["-c", "import torch"],
            "predict one frame": [*predict, "--out", f"{name}/depth"],
            "predict one frame, --no-view": [*predict, "--out", f"{name}/bare", "--no-view"],
        }
        for label, call in calls.items():
            runs = [cost(call) for _ in range(options.runs)]
            seconds, peak = min(r[0] for r in runs), max(r[1] for r in runs)
            print(f"{label:30} {seconds:6.2f} CPU s   {peak:6.0f} MB")


def cost(call: list[str]) -> tuple[float, float]:
    """(CPU seconds, megabytes at its peak) of one fresh interpreter, without its children.

    Raises:
        CalledProcessError: when it fails.
    """
    process = subprocess.Popen(
        [sys.executable, *call], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, call)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / MEGABYTE


if __name__ == "__main__":
    main()
