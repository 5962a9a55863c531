"""Expected errors that hold: the head's intervals fitted to held-out scenes.

    python -m thermodepth.inference.error_calibration MODEL DATA FOLDER [SPLIT]

Training does this at its end on the split `val`; the command does it again on a data set of any size, into a
new model folder.

At each level k the head's error exp(q) is multiplied by a factor of the predicted depth D. With the score
s = ln |ln D - ln D*| - q of a pixel, it is covered where s <= ln factor(D). Two steps:

1. The shape. ln factor is a line in ln D between a few knots. Its values have the shares that are covered by
   true distance, by condition and as a whole as near to k as they go, each group weighed by its frames,
   with a penalty on its slopes, for the order of the errors is the head's own and is to stay. What is far
   and was predicted near is missed most; no interval that looks at D alone can know it, so that is
   mended in part only.
2. The size. The whole is moved by the quantile k (1 + 1/n) of s - ln factor(D) over n scenes, in which
   every scene weighs the same, and so does every frame within it.

What is inside at a lower level is inside at a higher one, and counts as such there.

The second step is split-conformal prediction on the quantiles that the head has learnt: Romano, Patterson &
Candes 2019, "Conformalized Quantile Regression" (arXiv 1905.03222), one-sided and in logarithms. Pixels of a
scene are wrong together, so scenes are what is exchangeable: Lee, Barber & Willett 2023, "Distribution-free
inference with hierarchical data" (arXiv 2306.06342), whose weights these are. Its promise, that a pixel of a
new scene of the same kind is covered with at least k, holds up to what the few numbers of the first step
take from the same scenes. It is one of the mean over scenes: no slice is promised.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from thermodepth.data import open_dataset
from thermodepth.data.frames import Dataset
from thermodepth.errors import DataError, SettingsError, UserError, WeightsError
from thermodepth.inference.predictor import Predictor
from thermodepth.model import ErrorCalibration, LoadedModel, load_model, resolve_model
from thermodepth.model.weights import write_variant
from thermodepth.types import ERROR_LEVELS, Sample

#: k (1 + 1/n) stays below 1 at the highest level from here on.
LEAST_UNITS = 9
MOST_FRAMES = 2000
PIXELS = 300  # of a frame, evenly spread over those with truth
KNOTS = 6
_RANGES = 5  # of true distance, equal in ln d
#: On squared slopes of ln factor over ln D. Weaker, the far range is covered a little better, and the order
#: of the pixels is lost: AUSE goes from that of the head to that of a random order.
_PENALTY = 0.003
_PENALTY_OF_FEW = 0.5  # beside it, over the number of scenes
_WHOLE = 5.0  # the weight of all frames together, beside the share that each group has of them
_SOFTNESS = (0.3, 0.1, 0.05)  # of the step at the interval's end, one after the other
_SMALLEST = 1e-6  # a smaller |ln D - ln D*| counts as this one


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldOutPixels:
    """Pixels of held-out frames, a few of each."""

    score: NDArray[np.float64]  # [levels n] ln |ln D - ln D*| - q
    depth_m: NDArray[np.float64]  # [n] predicted
    frame: NDArray[np.intp]  # [n] number of its frame
    unit: NDArray[np.intp]  # [frames] number of each frame's scene
    groups: tuple[NDArray[np.intp], ...]  # [n] each: group of each pixel in one way to cut them


def calibrate_error(
    model: LoadedModel,
    dataset: Dataset,
    split: str,
    *,
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> ErrorCalibration:
    """The factors that make the head's intervals cover, measured on a split that taught nothing.

    Args:
        model: a thermal one with the head `relative_error`; a calibration that it carries is not looked at.
        dataset: with the split.
        split: of at most `MOST_FRAMES` frames, evenly spread, each predicted as `Predictor` does.
        device: as `Predictor` has it.
        progress: called with (frames done, all of them).

    Raises:
        WeightsError: for a model without the head, or one that reads RGB.
        DataError: for a split that is not there or cannot be read, or has truth on fewer than `LEAST_UNITS`
            frames.
    """
    if not model.recipe.model.relative_error:
        raise WeightsError(
            f"model {model.fingerprint}: has no head for the relative error; train one with "
            "model.relative_error=true and losses.relative_error.weight=0.1"
        )
    pixels, unit = _held_out(model, dataset, split, device=device, progress=progress)
    knots_m = _knots(pixels.depth_m)
    factors = fitted_factors(pixels, knots_m)
    return ErrorCalibration(
        knots_m=knots_m,
        factors=factors,
        unit=unit,
        units=int(pixels.unit.max()) + 1,
        frames=pixels.unit.size,
        data=dataset.name,
        data_fingerprint=dataset.fingerprint(),
        split=split,
    )


def _held_out(
    model: LoadedModel,
    dataset: Dataset,
    split: str,
    *,
    device: str,
    progress: Callable[[int, int], None] | None,
) -> tuple[HeldOutPixels, Literal["scenes", "frames"]]:
    """
    Raises:
        DataError: as `calibrate_error`.
    """
    frames = dataset.split(split)
    total = len(frames.sample_ids)
    count = min(total, MOST_FRAMES)
    near_m, far_m = dataset.depth_range_m
    predictor = Predictor(_uncalibrated(model), device=device)
    parts: list[NDArray[np.float64]] = []
    scenes, conditions = [], []
    for number in range(count):
        sample = frames.read(number * total // count, with_rgb=False)
        values = _of_frame(predictor, sample, dataset.depth_range_m)
        if values.size:
            parts.append(values)
            scenes.append(sample.sequence or sample.sample_id)
            conditions.append(sample.condition)
        if progress is not None:
            progress(number + 1, count)
    where = f"{dataset.spec}, split '{split}'"
    if len(scenes) < LEAST_UNITS:
        raise DataError(
            f"{where}: {len(scenes)} frames with truth between {near_m:g} and {far_m:g} m; expected errors "
            f"are calibrated on {LEAST_UNITS} or more"
        )
    unit: Literal["scenes", "frames"] = "scenes"
    if len(set(scenes)) < LEAST_UNITS:
        warnings.warn(
            f"{where}: expected errors are calibrated on {len(scenes)} frames of {len(set(scenes))} scenes. "
            f"With fewer than {LEAST_UNITS} scenes frames are taken for independent, which they are not: "
            "elsewhere the intervals may cover less",
            stacklevel=4,
        )
        unit, scenes = "frames", [str(number) for number in range(len(scenes))]
    sizes = [values.shape[1] for values in parts]
    true_m, depth_m, *score = np.concatenate(parts, axis=1)
    edges = np.geomspace(near_m, far_m, _RANGES + 1)[1:-1]
    by_condition = np.unique(conditions, return_inverse=True)[1].astype(np.intp)
    pixels = HeldOutPixels(
        score=np.stack(score),
        depth_m=depth_m,
        frame=np.repeat(np.arange(len(sizes)), sizes),
        unit=np.unique(scenes, return_inverse=True)[1].astype(np.intp),
        groups=(np.searchsorted(edges, true_m, side="right"), np.repeat(by_condition, sizes)),
    )
    return pixels, unit


def _of_frame(
    predictor: Predictor, sample: Sample, depth_range_m: tuple[float, float]
) -> NDArray[np.float64]:
    """[2 + levels n] true and predicted metres and the scores of a few pixels, evenly spread."""
    near_m, far_m = depth_range_m
    truth = np.full(sample.size, np.nan) if sample.depth_m is None else sample.depth_m
    pixels = np.flatnonzero((truth > near_m) & (truth < far_m))
    if not pixels.size:
        return np.zeros((2 + len(ERROR_LEVELS), 0))
    pixels = pixels[np.linspace(0, pixels.size - 1, min(PIXELS, pixels.size)).astype(np.intp)]
    ((depth_m, _, relative),) = predictor.maps_of([sample])
    true_m = truth.ravel()[pixels].astype(np.float64)
    predicted_m = depth_m.ravel()[pixels].astype(np.float64)
    head = np.log1p(relative.reshape(len(ERROR_LEVELS), -1)[:, pixels].astype(np.float64))
    log_error = np.maximum(np.abs(np.log(predicted_m / true_m)), _SMALLEST)
    return np.vstack([true_m, predicted_m, np.log(log_error) - np.log(head)])


def _uncalibrated(model: LoadedModel) -> LoadedModel:
    """The same model, its head taken at its word."""
    ones = tuple((1.0,) for _ in ERROR_LEVELS)
    plain = ErrorCalibration(
        knots_m=(1.0,),
        factors=ones,
        unit="frames",
        units=1,
        frames=1,
        data="",
        data_fingerprint="",
        split="",
    )
    return replace(model, recipe=model.recipe.model_copy(update={"error_calibration": plain}))


def _knots(depth_m: NDArray[np.float64]) -> tuple[float, ...]:
    """Evenly spread in ln depth over what was predicted; one where all of it is one depth."""
    low, high = np.quantile(depth_m, (0.01, 0.99))
    if high < 1.05 * low:
        return (float(f"{low:.4g}"),)
    return tuple(float(f"{knot:.4g}") for knot in np.geomspace(low, high, KNOTS))


# --- the two steps -------------------------------------------------------------------------------


def fitted_factors(
    pixels: HeldOutPixels, knots_m: tuple[float, ...]
) -> tuple[tuple[float, ...], ...]:
    """`[levels][knots]` factors on the head's errors: shape, then size."""
    units = int(pixels.unit.max()) + 1
    weights = _unit_weights(pixels)
    basis = np.stack(  # [n knots] ln factor of a knot that is 1 while the others are 0
        [np.interp(np.log(pixels.depth_m), np.log(knots_m), row) for row in np.eye(len(knots_m))],
        axis=1,
    )
    spacing = math.log(knots_m[-1] / knots_m[0]) / max(len(knots_m) - 1, 1)
    penalty = (_PENALTY + _PENALTY_OF_FEW / units) / spacing**2 if spacing else 0.0
    factors = []
    inside = np.zeros(pixels.depth_m.size, dtype=np.bool_)  # at the level before
    for level, head in zip(ERROR_LEVELS, pixels.score, strict=True):
        score = np.where(inside, -np.inf, head)
        shape = _shape(score, level, basis, pixels, penalty)
        size = conformal_quantile(score - basis @ shape, weights, level, units=units)
        inside = score <= basis @ (shape + size)
        factors.append(tuple(float(f) for f in np.exp(shape + size)))
    return tuple(factors)


def conformal_quantile(
    scores: NDArray[np.float64], weights: NDArray[np.float64], level: float, *, units: int
) -> float:
    """The quantile level (1 + 1/units) of scores [n] whose weights [n] add up to 1.

    With one score of the same weight a unit it is the ceil(level (units + 1))-th smallest, as split-conformal
    prediction has it.
    """
    share = level * (1.0 + 1.0 / units)
    assert share <= 1.0, "too few units for this level"
    order = np.argsort(scores, kind="stable")
    below = np.cumsum(weights[order])
    index = np.searchsorted(below, share * below[-1] * (1 - 1e-12))
    return float(scores[order][min(int(index), scores.size - 1)])


def _unit_weights(pixels: HeldOutPixels) -> NDArray[np.float64]:
    """[n] the same for every scene, within it for every frame, within it for every pixel."""
    frames = np.bincount(pixels.frame)
    scenes = np.bincount(pixels.unit)
    frame_weights = 1.0 / (scenes.size * scenes[pixels.unit] * frames)
    weights: NDArray[np.float64] = frame_weights[pixels.frame]
    return weights


def _shape(
    score: NDArray[np.float64],
    level: float,
    basis: NDArray[np.float64],
    pixels: HeldOutPixels,
    penalty: float,
) -> NDArray[np.float64]:
    """[knots] ln factors under which every group is covered as nearly as it goes."""
    from scipy.optimize import minimize

    knots = basis.shape[1]
    if knots == 1:
        return np.zeros(1)
    cuts = [np.zeros(score.size, dtype=np.intp), *pixels.groups]
    shares = [_frame_shares(cut, pixels.frame) for cut in cuts]
    total = pixels.unit.size
    importance = [frames / total for _, frames in shares]
    importance[0] = np.array([_WHOLE])

    def cost(
        log_factors: NDArray[np.float64], softness: float
    ) -> tuple[float, NDArray[np.float64]]:
        far = np.clip((score - basis @ log_factors) / softness, -50.0, 50.0)
        inside = 1.0 / (1.0 + np.exp(far))
        steps = np.diff(log_factors)
        value, pull = penalty * float((steps * steps).sum()), np.zeros(score.size)
        for cut, (share, _), weight in zip(cuts, shares, importance, strict=True):
            excess = np.bincount(cut, weights=share * inside, minlength=weight.size) - level
            value += float((weight * excess * excess).sum())
            pull += share * (2.0 * weight * excess)[cut]
        slope = basis.T @ (pull * inside * (1.0 - inside) / softness)
        slope[1:] += 2.0 * penalty * steps
        slope[:-1] -= 2.0 * penalty * steps
        return value, slope

    best = np.zeros(knots)
    for softness in _SOFTNESS:
        best = minimize(
            cost, best, args=(softness,), jac=True, method="L-BFGS-B", options={"maxiter": 60}
        ).x
    shape: NDArray[np.float64] = best
    return shape


def _frame_shares(
    cut: NDArray[np.intp], frame: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """([n] weight of each pixel in its group, where its frames weigh the same; [g] frames of each group)."""
    groups, frames = int(cut.max()) + 1, int(frame.max()) + 1
    of_both = np.bincount(cut * frames + frame, minlength=groups * frames).reshape(groups, frames)
    counts = (of_both > 0).sum(axis=1).astype(np.float64)
    share = 1.0 / (counts[cut] * of_both[cut, frame])
    return share, counts


# --- the command ---------------------------------------------------------------------------------


def write_calibrated(source: Path, target: Path, calibration: ErrorCalibration) -> None:
    """The model of `source` with another calibration, as a new folder, whole or not at all.

    Raises:
        SettingsError: where something stands there already.
        OutputError: where it cannot be written.
    """
    recipe = load_model(source).recipe.model_copy(update={"error_calibration": calibration})
    write_variant(source, target, recipe)


def main(arguments: Sequence[str]) -> int:
    """Calibrate a model on a data set; 0 when the new folder is written."""
    if len(arguments) not in (3, 4):
        print(
            "usage: python -m thermodepth.inference.error_calibration MODEL DATA FOLDER [SPLIT]",
            file=sys.stderr,
        )
        return 2
    source_name, data, target, *optional = arguments
    split = optional[0] if optional else "val"
    try:
        if Path(target).exists():
            raise SettingsError(f"{target}: is there already; give the name of a new folder")
        source = resolve_model(source_name)
        model, dataset = load_model(source), open_dataset(data)
        refuse_taught(model, dataset, split)
        calibration = calibrate_error(model, dataset, split, progress=_tell)
        write_calibrated(source, Path(target), calibration)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{target}: calibrated on {calibration.units} {calibration.unit} ({data}, {split})")
    print(f"at depths of {', '.join(f'{knot:g}' for knot in calibration.knots_m)} m")
    for level, row in zip(calibration.levels, calibration.factors, strict=True):
        print(f"{level:.0%} factors {', '.join(f'{factor:.2f}' for factor in row)}")
    return 0


def refuse_taught(model: LoadedModel, dataset: Dataset, split: str) -> None:
    """Refuse frames that the model has learnt from, as far as its history says.

    Raises:
        SettingsError: for the training split of the very data set.
    """
    history = model.recipe.history
    if split == "train" and history.get("data_fingerprint") == dataset.fingerprint():
        raise SettingsError(
            f"{dataset.spec}, split 'train': the model has learnt from these frames, and its errors there "
            "are not those on others; name another split, or another data set"
        )


def _tell(done: int, total: int) -> None:
    if done == total or done % max(total // 10, 1) == 0:
        print(f"{done}/{total} frames", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
