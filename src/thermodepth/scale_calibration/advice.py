"""What a calibration can carry, in sentences: by the amount of evidence, and what is odd about it."""

from __future__ import annotations

import numpy as np

from thermodepth.scale_calibration.fitting import ScaleFit
from thermodepth.scale_calibration.robust_mean import (
    LEAST_FOR_INTERVAL,
    LEAST_FOR_LIMIT,
    LIMIT,
    SMALLEST_SPREAD,
    deviation,
    limited,
)
from thermodepth.scale_calibration.samples import WHOLE_FRAMES
from thermodepth.scale_calibration.unit_mistakes import likely_per_metre

NEAR_EACH_OTHER = 1.5  # furthest over nearest sample
MOST_NAMED = 5
DISAGREEMENT = 0.2  # spread of the residuals, from which one factor does not make a model right


def advice(fit: ScaleFit) -> list[str]:
    """Sentences for whoever calibrated, the most important first."""
    return [*_amount(fit), *_range(fit), *_form(fit), *_oddities(fit)]


def outliers(fit: ScaleFit) -> list[int]:
    """Numbers, from 0, of the samples that are so far from the others that their weight is limited."""
    residual = np.log1p(fit.calibration.residuals)
    if residual.size < LEAST_FOR_LIMIT:
        return []
    reach = LIMIT * max(deviation(residual), SMALLEST_SPREAD)
    return [int(n) for n in np.flatnonzero(np.abs(residual - np.median(residual)) > reach)]


def _amount(fit: ScaleFit) -> list[str]:
    samples = fit.calibration.samples
    count, frames = len(samples), len({sample.frame for sample in samples})
    whole = any(sample.source in WHOLE_FRAMES for sample in samples)
    if whole and frames == 1:
        return [
            "all samples are of one frame and one sweep, and wrong together: no interval; give more frames, "
            "of other places"
        ]
    if count < LEAST_FOR_INTERVAL:
        noun = "sample" if count == 1 else "samples"
        return [
            f"{count} {noun}: a scale without an interval, as wrong as its one reading; measure five or "
            "more, near and far, in several frames"
        ]
    lines = []
    if count < 5:
        lines.append(
            f"{count} samples: the interval is wide because they are few; five make it useful"
        )
    if frames == 1:
        lines.append(
            "all samples are of one frame: the interval is about this scene, and another one may be off by "
            "more; measure in several places"
        )
    elif frames == 2:
        lines.append("two frames say little of how frames differ; measure in a third one")
    elif fit.frames_differ:
        lines.append(
            "the frames differ by more than the samples within them: other frames narrow the interval, more "
            "samples in these do not"
        )
    return lines


def _range(fit: ScaleFit) -> list[str]:
    depths = [sample.depth_m for sample in fit.calibration.samples]
    near, far = min(depths), max(depths)
    if len(depths) > 1 and far < NEAR_EACH_OTHER * near:
        return [
            f"all samples lie between {near:.3g} and {far:.3g} m: they say nothing of other distances; add "
            "one much nearer and one much further"
        ]
    return []


def _form(fit: ScaleFit) -> list[str]:
    errors, correction = fit.choice.left_out_errors, fit.choice.correction
    if fit.choice.reason:
        return [fit.choice.reason] if len(fit.calibration.samples) > 2 else []
    listing = ", ".join(f"{form} {error:.1%}" for form, error in errors.items())
    if correction.form == "scale":
        return [
            "a scale alone: an offset or a slope has to be better by a tenth, and by more than its noise, on "
            f"samples that it was not fitted to (errors there: {listing})"
        ]
    near, far = correction.range_m
    return [
        f"taken is the {correction.form}: {correction}, for it predicts samples better that it was not "
        f"fitted to (mean error {listing}); nearer than {near:.3g} and further than {far:.3g} m of raw "
        "depth, where nobody measured, the factor stays what it is there"
    ]


def _oddities(fit: ScaleFit) -> list[str]:
    calibration = fit.calibration
    lines = [_outlier_line(fit, number) for number in outliers(fit)[:MOST_NAMED]]
    residual = limited(np.log1p(calibration.residuals))
    spread = float(residual.std(ddof=1)) if residual.size > 2 else 0.0
    if spread > DISAGREEMENT:
        lines.append(
            f"after calibration samples are off by {spread:.0%} (one standard deviation): what is left is "
            "the model's own error, which no calibration mends; fine-tune on frames of this camera"
        )
    if calibration.interval is not None and calibration.interval[0] <= 1 <= calibration.interval[1]:
        lines.append(
            "a scale of 1 lies inside the interval: these samples do not show that metres were off"
        )
    if any(sample.source == "lidar" for sample in calibration.samples):
        note = likely_per_metre(calibration.scale)
        lines += [note] if note else []
    if calibration.lens is not None and calibration.lens.assumed:
        lines.append(
            "nobody stated the lens: the scale makes up for it, and holds for frames of this lens alone"
        )
    return lines


def _outlier_line(fit: ScaleFit, number: int) -> str:
    sample = fit.calibration.samples[number]
    reason = "the model is wrong there, or the measurement"
    if sample.source == "point":
        reason = "a slip of the tape, or the wrong pixel?"
    return (
        f"sample {number + 1} ({sample}) is off by {fit.calibration.residuals[number]:+.0%}, far from the "
        f"others, and its weight is limited: {reason}"
    )
