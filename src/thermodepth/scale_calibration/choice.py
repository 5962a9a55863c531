"""Which form of correction the samples can carry: the one that predicts samples it was not fitted to.

Every form is fitted without one frame (with samples of fewer than three frames: without one sample) and asked
for what was left out. An offset or a slope is taken where its mean |ln(corrected / measured)| is smaller than
the scale's by a tenth, and the difference over what was left out lies above zero by its t interval. Of a
camera that a factor puts right, at most two of a hundred calibrations still take one of them; with one
standard error in the place of the interval it would be four to ten.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thermodepth.scale_calibration.correction import FORMS, Correction, Form, fitted
from thermodepth.scale_calibration.robust_mean import LEVEL

LEAST_SAMPLES = 8  # for a second number to be tried at all
LEAST_SPREAD = 2.0  # furthest over nearest of the raw depths
LEAST_FRAMES = 3  # to leave frames out instead of samples
LEAST_GAIN = 0.1  # of the scale's error
#: Of what is left out by turns; more samples than that are left out several at a time.
MOST_FOLDS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class FormChoice:
    """The correction, and what was tried beside it."""

    correction: Correction
    #: Form -> mean |ln(corrected / measured)| of what was left out; empty where only a scale was tried.
    left_out_errors: dict[Form, float]
    reason: str  # why no other form was tried; empty where they were


def choose_form(
    predicted_m: NDArray[np.float64],
    measured_m: NDArray[np.float64],
    frames: Sequence[str],
    *,
    whole_frames: bool = False,
) -> FormChoice:
    """The correction for raw and measured depths `[n]`.

    Args:
        predicted_m: raw.
        measured_m: along the optical axis.
        frames: `[n]` the frame of each sample.
        whole_frames: the samples of a frame are one measurement, such as a lidar's sweep, so that frames are
            left out or nothing is.
    """
    scale = fitted("scale", predicted_m, measured_m)
    assert scale is not None, "a factor always exists"
    groups = np.unique(np.asarray(frames), return_inverse=True)[1]
    reason = _too_little(predicted_m, int(groups.max()) + 1, whole_frames)
    if reason:
        return FormChoice(correction=scale, left_out_errors={}, reason=reason)
    if groups.max() + 1 < LEAST_FRAMES:
        groups = np.arange(groups.size)
    groups = groups % MOST_FOLDS
    errors: dict[Form, NDArray[np.float64]] = {}
    for form in FORMS:
        left_out = _left_out_errors(form, predicted_m, measured_m, groups)
        if left_out is not None:
            errors[form] = left_out
    best = min(
        (f for f in errors if f == "scale" or _is_better(errors[f], errors["scale"])),
        key=lambda form: float(errors[form].mean()),
    )
    correction = fitted(best, predicted_m, measured_m)
    return FormChoice(
        correction=correction or scale,
        left_out_errors={form: float(each.mean()) for form, each in errors.items()},
        reason="",
    )


def _too_little(predicted_m: NDArray[np.float64], frames: int, whole_frames: bool) -> str:
    if predicted_m.size < LEAST_SAMPLES:
        return f"an offset or a slope is tried from {LEAST_SAMPLES} samples on"
    spread = float(predicted_m.max() / predicted_m.min())
    if spread < LEAST_SPREAD:
        return (
            f"the furthest sample is {spread:.2g} times as far as the nearest: too close together for an "
            f"offset or a slope, which take {LEAST_SPREAD:g} times"
        )
    if whole_frames and frames < LEAST_FRAMES:
        return f"an offset or a slope of sweeps or of ground is tried from {LEAST_FRAMES} frames on"
    return ""


def _left_out_errors(
    form: Form,
    predicted_m: NDArray[np.float64],
    measured_m: NDArray[np.float64],
    groups: NDArray[np.intp],
) -> NDArray[np.float64] | None:
    """`[g]` mean error of each group under the fit to all others; None where one of them has no fit."""
    errors = []
    for group in range(int(groups.max()) + 1):
        out = groups == group
        correction = fitted(form, predicted_m[~out], measured_m[~out])
        if correction is None:
            return None
        ratio = correction.corrected(predicted_m[out]) / measured_m[out]
        errors.append(float(np.abs(np.log(ratio)).mean()))
    return np.array(errors)


def _is_better(errors: NDArray[np.float64], reference: NDArray[np.float64]) -> bool:
    from scipy.special import stdtrit

    gain = reference - errors
    standard_error = float(gain.std(ddof=1)) / math.sqrt(gain.size)
    least = float(stdtrit(gain.size - 1, 0.5 + LEVEL / 2)) * standard_error
    return bool(gain.mean() > max(least, LEAST_GAIN * float(reference.mean())))
