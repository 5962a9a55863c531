"""How right `thermodepth calibrate` is: `python benchmarks/metres.py PART [--model MODEL] [--data FOLDER]`

tape      Five distances with 3 % noise at random pixels of rendered streets (`--seeds 570:690`, needs the ray
          caster), 400 draws: how far the scale is off, and how often its 95 % interval holds it. Once with
          depth that is wrong by one factor and nothing else, as the method assumes, and once with what MODEL
          says: of one frame (is the frame's own scale held?) and of five frames (is that of all streets
          held?).
ground    Height and pitch of the same streets, once with depth that is wrong by one factor and once with
          MODEL: the scale against the median of truth over depth on the pixels that were taken for ground;
          apart for streets whose ground is flat.
drone     Of HIT-UAV's pictures, whose names have altitude and pitch: the scale of every frame, and what one
          calibration of all of them says of itself. There is no other truth.
mm5       Calibrated with distances in five frames of one placement of the camera (`--points 5`; truth at
          random pixels with 3 % noise), scored on the other two, beside the untouched model and guessers that
          know the same distances (their median everywhere) or the mean-depth map of that placement.
"""

from __future__ import annotations

import argparse
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thermodepth.camera import pinhole, rays
from thermodepth.data import Dataset, open_dataset
from thermodepth.errors import DataError, UserError
from thermodepth.inference.lens import FrameLens
from thermodepth.inference.metres import predicted_frame
from thermodepth.inference.predictor import Predictor, load
from thermodepth.scale_calibration import (
    CalibratedModel,
    DistanceSample,
    PoseOverGround,
    PredictedFrame,
    fit_scale,
    ground_samples,
    point_sample,
)
from thermodepth.threads import set_thread_policy
from thermodepth.types import Sample, ThermalUnit

DRAWS, POINTS, NOISE = 400, 5, 0.03
FACTOR = 0.8  # of depth that is wrong by one factor alone: scale 1.25
MOST_SCORED = 40  # frames
FAR_M = 30.0  # no tape reaches further
#: Ground is flat where so much of it lies within so few metres of the height 0.
FLAT_SHARE, FLAT_M = 0.9, 0.03
#: HIT-UAV's two zooms, by altitude; found from the length of parked cars.
WIDE_BELOW_M, WIDE_PX, LONG_PX = 75.0, 1350.0, 2000.0

Truth = NDArray[np.float32]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("tape", "ground", "drone", "mm5"))
    parser.add_argument("--model", default="thermal-any")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", default="570:690", help="of rendered streets, FIRST:END")
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--points", type=int, default=POINTS, help="of mm5")
    options = parser.parse_args(arguments)
    set_thread_policy()
    warnings.simplefilter("ignore")
    predictor = load(options.model, device="cpu")
    first, end = (int(part) for part in options.seeds.split(":"))
    if options.part == "tape":
        tape(predictor, range(first, end), draws=options.draws)
    elif options.part == "ground":
        ground(predictor, range(first, end))
    elif options.data is None:
        parser.error(f"{options.part} needs --data FOLDER")
    elif options.part == "drone":
        drone(predictor, options.data)
    else:
        mm5(predictor, options.data, draws=options.draws, count=options.points)


# --- points ----------------------------------------------------------------------------------------


def tape(predictor: Predictor, seeds: range, *, draws: int) -> None:
    """The scale from five points, and how often the interval holds it."""
    samples = [sample for sample, _ in streets(seeds)]
    exact = [(oracle_frame(sample), truth_m(sample)) for sample in samples]
    print(f"five points, {NOISE:.0%} noise, {draws} draws, {len(samples)} rendered streets")
    _line(
        "one factor, one frame", *_draws(exact, draws, frames=1, scales=[1 / FACTOR] * len(exact))
    )
    _line("one factor, five frames", *_draws(exact, draws, frames=POINTS, scales=None))
    said = [(frame_of(predictor, sample), truth_m(sample)) for sample in samples]
    own = [_point_scale(frame, truth, n) for n, (frame, truth) in enumerate(said)]
    _line(f"{predictor.name}, one frame, its own scale", *_draws(said, draws, frames=1, scales=own))
    _line(
        f"{predictor.name}, one frame, the scale of all",
        *_draws(said, draws, frames=1, scales=[_mean_scale(own)] * len(own)),
    )
    _line(
        f"{predictor.name}, five frames, the scale of all",
        *_draws(said, draws, frames=POINTS, scales=[_mean_scale(own)] * len(own)),
    )
    spread = float(np.std(np.log(own), ddof=1))
    print(
        f"{predictor.name}: scale of a frame {_mean_scale(own):.3f}, one sd between frames {spread:.1%}"
    )


def _draws(
    frames_and_truth: Sequence[tuple[PredictedFrame, Truth]],
    draws: int,
    *,
    frames: int,
    scales: Sequence[float] | None,
) -> tuple[NDArray[np.float64], float]:
    """([draws] ln(scale / true scale), share of intervals that hold it)."""
    random = np.random.default_rng(0)
    errors, held = [], 0
    for _ in range(draws):
        chosen = random.choice(len(frames_and_truth), frames, replace=False)
        places = np.resize(chosen, POINTS)
        points = random_points([frames_and_truth[n] for n in places], random)
        calibration = fit_scale(points, _anonymous(frames_and_truth[chosen[0]][0])).calibration
        scale = 1 / FACTOR if scales is None else scales[chosen[0]]
        assert calibration.interval is not None
        errors.append(math.log(calibration.scale / scale))
        held += calibration.interval[0] <= scale <= calibration.interval[1]
    return np.array(errors), held / draws


def random_points(
    pairs: Sequence[tuple[PredictedFrame, Truth]], random: np.random.Generator
) -> list[DistanceSample]:
    """A point of each, no pixel twice."""
    points: dict[tuple[str, int, int], DistanceSample] = {}
    for pair in pairs:
        point = random_point(*pair, random)
        while point.place in points:
            point = random_point(*pair, random)
        points[point.place] = point
    return list(points.values())


def random_point(
    frame: PredictedFrame, truth: Truth, random: np.random.Generator
) -> DistanceSample:
    """A distance with noise at a random pixel that a person would take."""
    rows, columns = truth.shape
    while True:
        row, column = int(random.integers(rows)), int(random.integers(columns))
        if not truth[row, column] < FAR_M:
            continue
        metres = float(truth[row, column]) * math.exp(NOISE * random.standard_normal())
        point = point_sample(frame, column, row, metres, kind="depth")
        if isinstance(point, DistanceSample):
            return point


def _point_scale(frame: PredictedFrame, truth: Truth, seed: int) -> float:
    """The scale of a frame: the mean over very many points without noise."""
    random = np.random.default_rng([1, seed])
    logs = []
    for _ in range(300):
        point = random_point(frame, truth, random)
        row, column = int(point.y), int(point.x)
        logs.append(math.log(float(truth[row, column]) / point.predicted_m))
    return math.exp(float(np.mean(logs)))


def _mean_scale(scales: Sequence[float]) -> float:
    return math.exp(float(np.mean(np.log(scales))))


def _line(name: str, errors: NDArray[np.float64], held: float) -> None:
    off = np.abs(np.expm1(errors))
    print(
        f"  {name:45} off by {np.median(off):.1%} (median), {math.sqrt(np.mean(errors**2)):.1%} (rms); "
        f"within 2 %: {np.mean(off < 0.02):.0%}; interval holds {held:.1%}"
    )


def _anonymous(frame: PredictedFrame) -> CalibratedModel:
    return CalibratedModel(fingerprint="-", name="", short_side=1, frame_size=frame.size, lens=None)


def truth_m(sample: Sample) -> Truth:
    """`[h w]`."""
    assert sample.depth_m is not None
    return sample.depth_m


def oracle_frame(sample: Sample) -> PredictedFrame:
    """Depth that is wrong by one factor alone."""
    depth_m = np.where(np.isfinite(truth_m(sample)), truth_m(sample) * FACTOR, 300).astype(
        np.float32
    )
    return PredictedFrame(
        name=sample.sample_id,
        depth_m=depth_m,
        sky=np.isnan(truth_m(sample)),
        intrinsics=matrix(sample),
    )


def frame_of(predictor: Predictor, sample: Sample) -> PredictedFrame:
    """What the model says, through the frame's own lens."""
    (result,) = predictor.predict(
        [sample.thermal], unit=sample.thermal_unit, lens=[sample.focal_px]
    )
    result = replace(result, lens=FrameLens(intrinsics=matrix(sample)))
    return predicted_frame(result, sample.sample_id)


def matrix(sample: Sample) -> NDArray[np.float64]:
    """`[3 3]`."""
    return sample.intrinsics.astype(np.float64)


# --- ground ----------------------------------------------------------------------------------------


def ground(predictor: Predictor, seeds: range) -> None:
    """The scale from height and pitch against that of the truth on the same pixels."""
    errors: dict[tuple[str, bool], list[float]] = {}
    refused = 0
    for sample, pose in streets(seeds):
        truth = truth_m(sample)
        is_flat = flat_share(truth, sample.intrinsics, pose) >= FLAT_SHARE
        for name, depth in (
            ("one factor", oracle_frame(sample)),
            (predictor.name, frame_of(predictor, sample)),
        ):
            try:
                estimate = ground_samples(depth, pose)
            except UserError:
                refused += 1
                continue
            scale = fit_scale(estimate.samples, _anonymous(depth)).calibration.scale
            with np.errstate(invalid="ignore"):
                ratio = truth[estimate.ground] / depth.depth_m[estimate.ground]
            error = math.log(scale / float(np.nanmedian(ratio)))
            errors.setdefault((name, is_flat), []).append(error)
    print(f"height and pitch, {len(seeds)} rendered streets; refused {refused}")
    for (name, is_flat), values in sorted(errors.items()):
        off = np.abs(np.expm1(values))
        where = "flat ground" if is_flat else "kerbs, pavements, slopes"
        print(
            f"  {name:12} {where:25} {len(values):3} frames: off by {np.median(off):.1%} (median), "
            f"{np.quantile(off, 0.95):.1%} (95 %), {off.max():.1%} (most); within 5 %: "
            f"{np.mean(off < 0.05):.0%}"
        )


def streets(seeds: range) -> Iterator[tuple[Sample, PoseOverGround]]:
    """Rendered streets through a lens of 60 degrees, and where their cameras stand."""
    from thermodepth.synthetic import counts, render_frame

    for seed in seeds:
        frame = render_frame(seed, width=160, height=128, kind="street")
        sample = Sample(
            sample_id=frame.frame_id,
            thermal=counts(frame.apparent_temperature_k, np.random.default_rng(seed)),
            thermal_unit=ThermalUnit.COUNTS,
            intrinsics=frame.intrinsics,
            depth_m=frame.depth_m,
        )
        yield sample, pose_of(frame.world_from_camera)


def flat_share(
    depth_m: NDArray[np.float32], intrinsics: NDArray[np.float32], pose: PoseOverGround
) -> float:
    """How much of the ground is flat, of what is near it and looks 6 degrees or more below the horizon."""
    ray = rays(intrinsics, (depth_m.shape[0], depth_m.shape[1]))
    drop = np.tensordot(pose.down, ray, 1)
    above_m = pose.height_m - depth_m * drop
    low = (drop > math.sin(math.radians(6))) & (np.abs(above_m) < 0.5)
    return float(np.mean(np.abs(above_m[low]) < FLAT_M)) if low.any() else 0.0


def pose_of(world_from_camera: NDArray[np.float64]) -> PoseOverGround:
    """Of a camera `[4 4]` in the world (right, ahead, up), whose ground is at height 0."""
    down = -world_from_camera[2, :3]
    return PoseOverGround(
        height_m=float(world_from_camera[2, 3]),
        pitch_deg=math.degrees(math.asin(down[2])),
        roll_deg=math.degrees(math.atan2(down[0], down[1])),
    )


def drone(predictor: Predictor, folder: Path) -> None:
    """The scale of every picture that names its altitude and pitch."""
    samples: list[DistanceSample] = []
    print(f"{predictor.name}: altitude and pitch of {folder}")
    for path in sorted(folder.glob("*.jpg")):
        _, altitude, pitch, *_ = (float(part) for part in path.stem.split("_"))
        focal_px = WIDE_PX if altitude < WIDE_BELOW_M else LONG_PX
        result = predictor(path, focal_px=focal_px)
        rows, columns = result.depth_m.shape
        camera = pinhole(focal_px, columns, rows).astype(np.float64)
        frame = predicted_frame(replace(result, lens=FrameLens(intrinsics=camera)), path.name)
        try:
            estimate = ground_samples(frame, PoseOverGround(height_m=altitude, pitch_deg=pitch))
        except UserError as error:
            print(f"  {path.name}: refused, {str(error).partition(': ')[2][:60]}...")
            continue
        scale = fit_scale(estimate.samples, _anonymous(frame)).calibration.scale
        print(f"  {path.name}: scale {scale:.2f}; {estimate.share:.0%} of the frame is one level")
        samples += estimate.samples
    calibration = fit_scale(samples, _anonymous(frame)).calibration
    print(f"  all: {calibration}")


# --- MM5 -------------------------------------------------------------------------------------------


def mm5(predictor: Predictor, folder: Path, *, draws: int, count: int) -> None:
    """Calibrated on one placement, scored on the other two."""
    dataset = open_dataset(f"mm5:{folder}")
    frames = {name: list(_read(dataset, name)) for name in ("test", "train", "val")}
    said = {
        name: [(frame_of(predictor, sample), truth_m(sample)) for sample in samples]
        for name, samples in frames.items()
    }
    print(f"{predictor.name} on MM5, {count} points in {POINTS} frames, {draws} draws")
    print("AbsRel of the placements that were not calibrated on")
    for place, pairs in said.items():
        others = [pair for name, each in said.items() if name != place for pair in each]
        print(f"  calibrated on {place}: {_scored(pairs, others, draws, count)}")


def _read(dataset: Dataset, split: str) -> Iterator[Sample]:
    frames = dataset.split(split)
    for number in range(len(frames.sample_ids)):
        yield frames.read(number, with_rgb=False)


def _scored(
    pairs: Sequence[tuple[PredictedFrame, Truth]],
    others: Sequence[tuple[PredictedFrame, Truth]],
    draws: int,
    count: int,
) -> str:
    random = np.random.default_rng(0)
    scores: dict[str, list[float]] = {"calibrated": [], "constant": []}
    scales, refused, forms = [], 0, 0
    shown = others[:: max(len(others) // MOST_SCORED, 1)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pixels that never have a truth
        mean_map = np.nanmean([truth for _, truth in pairs], axis=0)
    mean_map = np.where(np.isnan(mean_map), np.nanmedian(mean_map), mean_map)
    untouched = np.mean([abs_rel(frame.depth_m, truth) for frame, truth in shown])
    by_map = np.mean([abs_rel(mean_map, truth) for _, truth in shown])
    for _ in range(draws):
        chosen = random.choice(len(pairs), POINTS, replace=False)
        points = random_points([pairs[n] for n in np.resize(chosen, count)], random)
        try:
            calibration = fit_scale(points, _anonymous(pairs[0][0])).calibration
        except DataError:
            refused += 1
            continue
        scales.append(calibration.scale)
        forms += calibration.correction.form != "scale"
        constant = np.full(mean_map.shape, np.median([point.depth_m for point in points]))
        errors = [abs_rel(calibration.corrected(frame.depth_m), truth) for frame, truth in shown]
        scores["calibrated"].append(float(np.mean(errors)))
        scores["constant"].append(float(np.mean([abs_rel(constant, truth) for _, truth in shown])))
    parts: Mapping[str, float] = {
        "untouched": float(untouched),
        **{name: float(np.mean(values)) for name, values in scores.items()},
        "mean-depth map": float(by_map),
    }
    listing = ", ".join(f"{name} {value:.3f}" for name, value in parts.items())
    return f"{listing}; scale {np.median(scales):.2f}, an offset or slope in {forms}, refused {refused}"


def abs_rel(depth_m: NDArray[np.floating], truth: Truth) -> float:
    """Mean of |D - D*| / D*."""
    valid = np.isfinite(truth)
    return float(np.mean(np.abs(depth_m[valid] - truth[valid]) / truth[valid]))


if __name__ == "__main__":
    main()
