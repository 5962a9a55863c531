"""From samples to a calibration: mistaken units refused, the scale with its interval, the form they carry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from thermodepth.errors import DataError
from thermodepth.scale_calibration.choice import FormChoice, choose_form
from thermodepth.scale_calibration.record import (
    MOST_SAMPLES,
    CalibrationLens,
    FitRecord,
    ScaleCalibration,
)
from thermodepth.scale_calibration.robust_mean import robust_mean
from thermodepth.scale_calibration.samples import WHOLE_FRAMES, DistanceSample
from thermodepth.scale_calibration.unit_mistakes import refuse_unit_mistakes


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedModel:
    """Whose raw depth is calibrated."""

    fingerprint: str
    name: str
    short_side: int
    frame_size: tuple[int, int]  # rows, columns
    lens: CalibrationLens | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleFit:
    """A calibration, and how its form was chosen."""

    calibration: ScaleCalibration
    choice: FormChoice
    frames_differ: bool  # by more than the samples within them


def fit_scale(
    samples: Sequence[DistanceSample],
    model: CalibratedModel,
    *,
    previous: ScaleCalibration | None = None,
) -> ScaleFit:
    """Fit all samples anew.

    Args:
        samples: the new ones; at a pixel that has one already the new one counts.
        model: whose predictions they hold.
        previous: a calibration whose samples count too.

    Raises:
        DataError: for no samples, too many, two of one pixel, or samples that are no metres.
    """
    _refuse_twins(samples)
    by_place = {sample.place: sample for sample in previous.samples} if previous else {}
    by_place |= {sample.place: sample for sample in samples}
    all_samples = tuple(by_place.values())
    if not all_samples:
        raise DataError("no sample to calibrate with")
    if len(all_samples) > MOST_SAMPLES:
        raise DataError(f"{len(all_samples)} samples, at most {MOST_SAMPLES}; give fewer frames")
    predicted_m = np.array([sample.predicted_m for sample in all_samples])
    measured_m = np.array([sample.depth_m for sample in all_samples])
    frames = [sample.frame for sample in all_samples]
    refuse_unit_mistakes(predicted_m, measured_m)
    estimate = robust_mean(np.log(measured_m / predicted_m), frames)
    whole = any(sample.source in WHOLE_FRAMES for sample in all_samples)
    half_width = None if whole and len(set(frames)) == 1 else estimate.half_width
    scale = math.exp(estimate.value)
    interval = None
    if half_width is not None and half_width < math.log(1e6):
        interval = (scale * math.exp(-half_width), scale * math.exp(half_width))
    choice = choose_form(predicted_m, measured_m, frames, whole_frames=whole)
    fit = FitRecord(
        samples=len(all_samples), scale=scale, form=choice.correction.form, interval=interval
    )
    calibration = ScaleCalibration(
        model=model.fingerprint,
        model_name=model.name,
        short_side=model.short_side,
        frame_size=model.frame_size,
        lens=model.lens,
        scale=scale,
        interval=interval,
        correction=choice.correction,
        left_out_errors={str(form): error for form, error in choice.left_out_errors.items()},
        samples=all_samples,
        history=(*(previous.history if previous else ()), fit),
    )
    return ScaleFit(calibration=calibration, choice=choice, frames_differ=estimate.frames_differ)


def _refuse_twins(samples: Sequence[DistanceSample]) -> None:
    """Two distances of one pixel are a mistake; nothing says which of them holds."""
    first: dict[tuple[str, int, int], DistanceSample] = {}
    for sample in samples:
        other = first.setdefault(sample.place, sample)
        if other is not sample:
            raise DataError(
                f"{sample.frame}, pixel ({int(sample.x)}, {int(sample.y)}): given twice, with "
                f"{other.distance_m:g} and {sample.distance_m:g} m; a second reading of one point is no "
                "second sample"
            )
