"""How many pixels that fly between two surfaces are left out of a cloud, and how many others with them.

    thermodepth data render --out cameras --scenes 40/0/0 --cameras many --size 320x256 --seed 77000000
    python benchmarks/flying_pixels.py cameras [--model thermal-any] [--split train]

A pixel flies where the predicted depth lies in the middle half of its surroundings (13x13 pixels, which
differ by 20 % or more), and the true depth does not, near a true step of 20 % from one pixel to the next.
Solid is what is farther than six pixels from every such step. For each threshold of `outputs/flying.py` the
share is printed that is left out: of the flying pixels, of the solid ones, and of those beyond 15 m.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from thermodepth.data import open_dataset
from thermodepth.errors import UserError
from thermodepth.inference.predictor import load
from thermodepth.outputs import flying_pixels
from thermodepth.threads import set_thread_policy

STEPS = (0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2)
REACH, FAR_M = 6, 15.0
_TRUE_STEP, _SURROUNDINGS = np.log(1.2), np.log(1.2)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data")
    parser.add_argument("--model", default="thermal-any")
    parser.add_argument("--split", default="train")
    options = parser.parse_args(arguments)
    set_thread_policy(1)
    try:
        measure(options)
    except UserError as error:
        sys.exit(f"flying_pixels: {error}")


def measure(options: argparse.Namespace) -> None:
    """Every frame of the split."""
    frames = open_dataset(f"synthetic:{options.data}").split(options.split)
    predictor = load(options.model)
    counts = np.zeros((len(STEPS), 3), np.int64)
    totals = np.zeros(3, np.int64)
    for index in range(len(frames.sample_ids)):
        sample = frames.read(index, with_rgb=False)
        assert sample.depth_m is not None
        depth = predictor.predict(
            [sample.thermal], unit=sample.thermal_unit, lens=[sample.focal_px]
        )[0]
        flying, solid = flying_and_solid(depth.depth_m, sample.depth_m)
        kinds = [
            kind & depth.has_depth for kind in (flying, solid, solid & (sample.depth_m > FAR_M))
        ]
        totals += [int(kind.sum()) for kind in kinds]
        for row, step in enumerate(STEPS):
            left_out = flying_pixels(depth, step=step)
            counts[row] += [int((kind & left_out).sum()) for kind in kinds]
    print(f"{options.model}, {len(frames.sample_ids)} frames\n")
    print(f"| threshold | flying | solid | solid beyond {FAR_M:g} m |\n|---|---|---|---|")
    for step, row in zip(STEPS, counts / totals, strict=True):
        print(f"| {step:g} | {row[0]:.0%} | {row[1]:.1%} | {row[2]:.1%} |")


def flying_and_solid(
    depth_m: NDArray[Any], truth_m: NDArray[Any]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """`[h w]` each, of predicted and true metres, NaN where there is no truth."""
    known = np.isfinite(truth_m)
    truth, log_depth = np.log(np.where(known, truth_m, 1)), np.log(depth_m)
    steps = _within(truth, known, 1)
    jumps = (steps[1] - steps[0] > _TRUE_STEP) & known
    window = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)
    near_jump = cv2.dilate(jumps.astype(np.uint8), window) > 0
    low, high = _within(truth, known, REACH)
    place = (truth - low) / np.maximum(high - low, 1e-6)
    low, high = _within(log_depth, np.ones_like(known), REACH)
    predicted = (log_depth - low) / np.maximum(high - low, 1e-6)
    flying = known & near_jump & (np.abs(place - 0.5) > 0.35) & (np.abs(predicted - 0.5) < 0.25)
    return flying & (high - low > _SURROUNDINGS), known & ~near_jump


def _within(
    values: NDArray[Any], known: NDArray[np.bool_], reach: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The least and the largest known value around each pixel."""
    window = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    low = cv2.erode(np.where(known, values, 1e9).astype(np.float32), window)
    high = cv2.dilate(np.where(known, values, -1e9).astype(np.float32), window)
    return low, high


if __name__ == "__main__":
    main()
