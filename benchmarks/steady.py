"""How steady a video is before and after, and what that costs: flicker, lag, cuts, on rendered sequences.

    thermodepth data render --out sequences --scenes 8/0/0 --sequence 24 --size 320x256 --seed 88000000
    python benchmarks/steady.py sequences [--model thermal-any] [--frames 24] [--json OUT.json]

    still        the first view of each sequence again and again, under fresh noise of the same camera
    moving       the sequence itself
    flicker      still: mean |ln D - ln D'| to the frame before; moving: the same of ln D - ln D*, so that
                 what the truth does is no flicker. From the fifth frame on, without sky
    structure    the same of structure, as a share of its spread in the first frame
    hot          by how much ln D of the rest of a still scene changes, mean, when a block 60 K warmer than
                 the scene enters: a quarter of the rows and columns, upper left
    lag          frames by which the truth has to be shifted for ln D to follow it best: the greatest
                 correlation over time, each pixel about its own mean, of pixels whose truth changes by 15 %
    cut          from each sequence to the next: whether it is noticed, and the largest difference of the
                 first frame behind it from the unfiltered one
    ms           of the steadying alone, CPU time

`as it is` is the model frame by frame, `memory` with an input range that remembers, `steady` with the filter
too.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thermodepth.errors import DataError, UserError
from thermodepth.files import write_json
from thermodepth.inference.depth import Depth
from thermodepth.inference.predictor import Predictor, load
from thermodepth.synthetic.sensors.sequence import raw
from thermodepth.synthetic.storage.pack import IndexRow, Pack
from thermodepth.thermal import NormaliserState
from thermodepth.threads import set_thread_policy
from thermodepth.types import FrameEvent, ThermalUnit
from thermodepth.video import SteadySettings, SteadyVideo

FIRST = 4  # frames that are left out: the filter has to begin somewhere
LEAST_CHANGE = np.log(1.15)  # of the truth of a pixel whose lag is looked at
FARTHEST, STEP = 4.0, 0.1  # frames
WARMER_K = 60.0
WAYS = ("as it is", "memory", "steady")


@dataclass(slots=True)
class Shot:
    """Frames that follow each other."""

    counts: list[NDArray[np.uint16]]
    truth_m: list[NDArray[np.float32]]
    focal_px: float


@dataclass(slots=True)
class Results:
    """Of one way, over sequences."""

    still: list[float] = field(default_factory=list)
    moving: list[float] = field(default_factory=list)
    structure: list[float] = field(default_factory=list)
    hot: list[float] = field(default_factory=list)
    lag: list[float] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sequences", type=Path)
    parser.add_argument("--model", default="thermal-any")
    parser.add_argument("--frames", type=int, default=24, help="of a still scene")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    set_thread_policy(1)
    try:
        measure(options)
    except UserError as error:
        sys.exit(f"steady: {error}")


def measure(options: argparse.Namespace) -> None:
    """Every sequence, still and moving, and the cuts between them."""
    pack = Pack.open(options.sequences)
    predictor = load(options.model)
    ways = {way: Results() for way in WAYS}
    shots = []
    for rows in _sequences(pack):
        moving = _moving(pack, rows)
        for way, results in ways.items():
            for shot in (_still(pack, rows[0], options.frames), moving):
                _score(results, shot, predictor, way, is_still=shot is not moving)
            results.hot.append(_hot_change(_still(pack, rows[0], 8, hot_from=7), predictor, way))
        shots.append(moving)
    noticed, ghost = _cuts(shots, predictor)
    record: dict[str, Any] = {"model": options.model, "sequences": len(shots), "ways": {}}
    print(f"{options.model}, {len(shots)} sequences of {len(shots[0].counts)} frames\n")
    print("| | flicker, still | of structure | hot | flicker, moving | lag, frames | ms a frame |")
    print("|---|---|---|---|---|---|---|")
    for way, results in ways.items():
        still, structure, hot, moving = (
            float(np.mean(values))
            for values in (results.still, results.structure, results.hot, results.moving)
        )
        lags = [lag for lag in results.lag if np.isfinite(lag)]
        mean, largest = float(np.mean(lags)), float(np.max(lags))
        ms = float(np.mean(results.ms))
        print(
            f"| {way} | {still:.2%} | {structure:.2%} | {hot:.1%} | {moving:.2%} | {mean:.1f}, at most "
            f"{largest:.1f} | {ms:.0f} |"
        )
        record["ways"][way] = {
            "still": still,
            "structure": structure,
            "hot": hot,
            "moving": moving,
            "lag": lags,
            "ms": ms,
        }
    print(f"\ncuts: {noticed} of {len(shots)} noticed; first frame behind one off by {ghost:g}")
    false = sum(_false_cuts(shot) for shot in shots)
    print(f"cuts where there is none: {false} in {sum(len(s.counts) for s in shots)} frames")
    if options.json is not None:
        write_json(options.json, {**record, "noticed": noticed, "ghost": ghost, "false": false})


def _sequences(pack: Pack) -> Iterator[list[IndexRow]]:
    """
    Raises:
        DataError: for a rendering of single frames.
    """
    names = dict.fromkeys(row.sequence for row in pack.rows if row.sequence)
    if not names:
        raise DataError("no sequences: render with --sequence")
    for name in names:
        yield sorted((r for r in pack.rows if r.sequence == name), key=lambda row: row.time_s)


def _counts(
    pack: Pack, row: IndexRow, frame_id: str, time_s: float, kelvin: Any
) -> NDArray[np.uint16]:
    sensor = pack.header.sensor
    return raw(
        kelvin, sequence=row.sequence, frame_id=frame_id, time_s=time_s, draw=0, settings=sensor
    )


def _still(pack: Pack, row: IndexRow, count: int, *, hot_from: int | None = None) -> Shot:
    kelvin = pack.kelvin(row.frame_id)
    hot = kelvin.copy()
    hot[_block(hot.shape)] = kelvin.max() + WARMER_K
    counts = []
    for n in range(count):
        scene = kelvin if hot_from is None or n < hot_from else hot
        time_s = row.time_s + n / 10
        counts.append(_counts(pack, row, f"{row.frame_id}-{n}", time_s, scene))
    truth_m = pack.depth_m(row.frame_id)
    focal_px = float(pack.intrinsics(row.frame_id)[0, 0])
    return Shot(counts=counts, truth_m=[truth_m] * count, focal_px=focal_px)


def _block(shape: tuple[int, ...]) -> tuple[slice, slice]:
    return np.s_[: shape[0] // 4, : shape[1] // 4]


def _hot_change(shot: Shot, predictor: Predictor, way: str) -> float:
    """From the frame before the last to the last, in which the block is."""
    depths, _ = predictions(shot, predictor, way)
    change = np.abs(np.log(depths[-1].depth_m / depths[-2].depth_m))
    change[_block(change.shape)] = np.nan
    change[~np.isfinite(shot.truth_m[0])] = np.nan
    return float(np.nanmean(change))


def _moving(pack: Pack, rows: Sequence[IndexRow]) -> Shot:
    return Shot(
        counts=[_counts(pack, r, r.frame_id, r.time_s, pack.kelvin(r.frame_id)) for r in rows],
        truth_m=[pack.depth_m(r.frame_id) for r in rows],
        focal_px=float(pack.intrinsics(rows[0].frame_id)[0, 0]),
    )


def predictions(shot: Shot, predictor: Predictor, way: str) -> tuple[list[Depth], float]:
    """Of every frame, and the mean milliseconds of steadying one."""
    steady, state = SteadyVideo(), NormaliserState(memory=SteadySettings().memory)
    results, seconds = [], 0.0
    for counts in shot.counts:
        begun = time.process_time()
        if way == "steady":
            steady.look(counts, ThermalUnit.COUNTS)
            state = steady.state
        seconds += time.process_time() - begun
        depth = predictor.predict(
            [counts],
            unit=ThermalUnit.COUNTS,
            state=None if way == "as it is" else state,
            lens=[shot.focal_px],
        )[0]
        begun = time.process_time()
        results.append(steady.filter(depth) if way == "steady" else depth)
        seconds += time.process_time() - begun
    return results, 1e3 * seconds / len(results)


def _score(results: Results, shot: Shot, predictor: Predictor, way: str, *, is_still: bool) -> None:
    depths, ms = predictions(shot, predictor, way)
    truth = np.log(np.stack(shot.truth_m))
    log_depth = np.log(np.stack([depth.depth_m for depth in depths]))
    solid = np.isfinite(truth).all(axis=0)
    error = (log_depth - truth)[FIRST:, solid]
    flicker = float(np.abs(np.diff(error, axis=0)).mean())
    results.ms.append(ms)
    if not is_still:
        results.moving.append(flicker)
        results.lag.append(lag_of(log_depth[:, solid], truth[:, solid]))
        return
    results.still.append(flicker)
    structure = np.stack([depth.structure for depth in depths])
    change = np.abs(np.diff(structure[FIRST:, solid], axis=0)).mean()
    results.structure.append(float(change / structure[0].std()))


def lag_of(log_depth: NDArray[Any], truth: NDArray[Any]) -> float:
    """Frames; NaN where the truth hardly changes.

    Args:
        log_depth: `[frames pixels]` ln metres, as predicted.
        truth: `[frames pixels]` the same of the truth.
    """
    changes = np.ptp(truth, axis=0) > LEAST_CHANGE
    if changes.sum() < 100:
        return float("nan")
    log_depth, truth = log_depth[:, changes], truth[:, changes]
    frames = np.arange(FIRST, len(truth))  # a shift of `FARTHEST` finds truth before all of them
    about_mean = log_depth[frames] - log_depth[frames].mean(axis=0)
    best = (-2.0, 0.0)
    for shift in np.arange(0, FARTHEST + STEP / 2, STEP):
        below = np.floor(frames - shift).astype(int)
        share = (frames - shift - below)[:, None]
        above = np.minimum(below + 1, len(truth) - 1)
        shifted = truth[below] * (1 - share) + truth[above] * share
        shifted = shifted - shifted.mean(axis=0)
        norm = np.sqrt(np.square(about_mean).sum() * np.square(shifted).sum())
        best = max(best, (float((about_mean * shifted).sum() / norm), float(shift)))
    return best[1]


def _cuts(shots: Sequence[Shot], predictor: Predictor) -> tuple[int, float]:
    """How many cuts are noticed, and the largest difference behind one, in ln metres."""
    noticed, ghost = 0, 0.0
    for before, behind in zip(shots, [*shots[1:], shots[0]], strict=True):
        both = Shot([*before.counts[-6:], behind.counts[0]], [], before.focal_px)
        steady, plain = (predictions(both, predictor, way)[0][-1] for way in ("steady", "as it is"))
        noticed += steady.event is FrameEvent.CUT
        ghost = max(ghost, float(np.abs(np.log(steady.depth_m / plain.depth_m)).max()))
    return noticed, ghost


def _false_cuts(shot: Shot) -> int:
    steady = SteadyVideo()
    verdicts = [steady.look(counts, ThermalUnit.COUNTS) for counts in shot.counts]
    return sum(verdict.event is FrameEvent.CUT for verdict in verdicts)


if __name__ == "__main__":
    main()
