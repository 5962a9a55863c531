"""The process of one contestant of `bench`: it opens a model, then predicts a frame for every line.

<- {"model": ..., "runtime": ..., "threads": n, "short_side": n}   -> {}
<- {"size": [rows, columns]}   -> {"wall_s": ..., "cpu_s": ..., "peak_mb": ...}, or {"error": ...}
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thermodepth.errors import UserError
from thermodepth.threads import set_thread_policy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from thermodepth.inference.frame_predictor import FramePredictor


def main() -> None:
    """Answer until the line ends."""
    first = json.loads(sys.stdin.readline())
    set_thread_policy(first["threads"])
    warnings.simplefilter("ignore")  # of lens and size, which say nothing of speed
    try:
        predictor = _opened(first)
    except UserError as error:
        _say({"error": str(error)})
        return
    _say({})
    for line in sys.stdin:
        rows, columns = json.loads(line)["size"]
        try:
            _say(_answer(predictor, (rows, columns)))
        except UserError as error:
            _say({"error": str(error)})


def _opened(first: dict[str, Any]) -> FramePredictor:
    from thermodepth.runtime.loading import open_predictor

    return open_predictor(
        first["model"],
        runtime=first["runtime"],
        device="cpu",
        short_side=first["short_side"],
        threads=first["threads"],
    )


def _answer(predictor: FramePredictor, size: tuple[int, int]) -> dict[str, float | None]:
    frame = _frame(size, predictor.frame_unit.value)
    before_cpu, before = time.process_time(), time.perf_counter()
    predictor.predict([frame], unit=predictor.frame_unit)
    wall_s, cpu_s = time.perf_counter() - before, time.process_time() - before_cpu
    return {"wall_s": wall_s, "cpu_s": cpu_s, "peak_mb": _peak_mb()}


@lru_cache(maxsize=8)
def _frame(size: tuple[int, int], unit: str) -> NDArray[np.generic]:
    """A warm ground under a cold sky, with noise."""
    import numpy as np

    rows = np.linspace(0, 1, size[0])[:, None]
    shares = 0.4 + 0.15 * rows + np.random.default_rng(0).normal(0, 0.002, size)
    match unit:
        case "kelvin":
            return (260 + 60 * shares).astype(np.float32)
        case "display":
            return np.rint(255 * shares).astype(np.uint8)
    return np.rint(16383 * shares).astype(np.uint16)


def _peak_mb() -> float | None:
    """Of this process, where Linux tells: `getrusage` begins with what the parent held."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    kilobytes = next(line for line in lines.splitlines() if line.startswith("VmHWM:")).split()[1]
    return int(kilobytes) * 1024 / 1e6


def _say(reply: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
