"""Time of the input recipes, and what each leaves of a scene's contrast beside a hot object.

    OMP_NUM_THREADS=1 python benchmarks/normalisers.py

Milliseconds a frame at two sizes, median of 30, as ratios to the default recipe too. Contrast: a wall with
3 K of structure, then the same wall with a hot object on 7 % of the frame; the share of the wall's
spread in the network's input that is left.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thermodepth.thermal import (
    NORMALISERS,
    NormaliserSettings,
    NormaliserState,
    looks_like_agc,
    normalise,
)
from thermodepth.thermal.radiometry import PlanckConstants
from thermodepth.types import ThermalUnit

SIZES = ((96, 128), (512, 640))
ROUNDS = 30
LEVEL, COUNTS_PER_K = 2934, 43  # at 20 degrees, of the camera below
A65 = PlanckConstants(
    r1=380747.0, b=1428.0, f=1.0, o=88.539
)  # a FLIR A65, as MS2's loaders have it


def wall(size: tuple[int, int], *, hot: bool) -> NDArray[np.uint16]:
    """Counts: slow waves of 3 K and noise of 0.05 K; a block 60 K above it if `hot`."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: size[0], : size[1]] / size[0]
    kelvin = 1.5 * np.sin(9 * x) * np.cos(7 * y) + rng.normal(0, 0.05, size)
    if hot:
        side = int((0.07 * size[0] * size[1]) ** 0.5)
        kelvin[:side, :side] = 60
    return np.rint(LEVEL + COUNTS_PER_K * kelvin).astype(np.uint16)


def milliseconds(raw: NDArray[np.uint16], settings: NormaliserSettings) -> float:
    """Median over the rounds."""
    state, times = NormaliserState(), []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        normalise(raw, ThermalUnit.COUNTS, settings, state)
        times.append(time.perf_counter() - begun)
    return 1e3 * statistics.median(times)


def contrast_left(settings: NormaliserSettings) -> float:
    """Spread of the wall beside a hot object over its spread alone."""
    rows, columns = SIZES[0]
    spreads = []
    for hot in (False, True):
        image = normalise(wall(SIZES[0], hot=hot), ThermalUnit.COUNTS, settings)
        beside: Any = image[rows // 2 :, columns // 2 :]
        spreads.append(float(beside.std()))
    return spreads[1] / spreads[0]


def main() -> None:
    """Print the table."""
    recipes = {
        name: NormaliserSettings.model_validate({"name": name, "planck": A65.tree()})
        for name in NORMALISERS
    }
    times = {
        name: [milliseconds(wall(size, hot=True), settings) for size in SIZES]
        for name, settings in recipes.items()
    }
    print(f"{'ms a frame':18}" + "".join(f"{f'{w}x{h}':>10}" for h, w in SIZES), end="")
    print(f"{'x percentile':>15}{'contrast left':>16}")
    for name, (small, large) in times.items():
        ratio = large / times["percentile"][1]
        left = contrast_left(recipes[name])
        print(f"{name:18}{small:10.2f}{large:10.2f}{ratio:15.2f}{left:15.0%}")
    frame, checks = wall(SIZES[1], hot=True), []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        looks_like_agc(frame)
        checks.append(time.perf_counter() - begun)
    print(f"{'AGC check':18}{'':10}{1e3 * statistics.median(checks):10.2f}")


if __name__ == "__main__":
    main()
