"""Metres of one's own camera: what is measured on a result, and the calibration of its predictor.

    raw = predictor.uncalibrated()
    result = raw("yard.png")
    samples = [measure(result, "yard.png", 312, 220, 7.45)]      # pixel, metres by tape or laser
    fit = calibrate(raw, samples, result)
    predictor = predictor.calibrated(fit.calibration)            # or fit.calibration.write(PATH)

Everything is measured on raw depth: a calibration that was fitted to calibrated depth would end at its first
guess, and its samples would mean nothing to the next one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from thermodepth.camera import view_of_focal
from thermodepth.errors import SettingsError
from thermodepth.inference.depth import Depth
from thermodepth.inference.frame_predictor import FramePredictor
from thermodepth.scale_calibration import (
    CalibratedModel,
    CalibrationLens,
    DistanceSample,
    PredictedFrame,
    RefusedSample,
    ScaleCalibration,
    ScaleFit,
    fit_scale,
    point_sample,
)
from thermodepth.scale_calibration.record import SAME_LENS
from thermodepth.scale_calibration.samples import Kind


def predicted_frame(result: Depth, name: str) -> PredictedFrame:
    """A result as samples are taken from it.

    Raises:
        SettingsError: for one that was calibrated.
    """
    if result.scale_calibration is not None:
        raise SettingsError(
            f"{name}: this depth is calibrated already, and samples are taken from the model's own; predict "
            "it with Predictor.uncalibrated()"
        )
    lens = result.lens
    return PredictedFrame(
        name=name,
        depth_m=result.depth_m,
        sky=result.sky,
        intrinsics=None if lens is None else lens.intrinsics,
        distortion=None if lens is None else lens.distortion,
        lens_assumed=lens is not None and lens.assumed,
    )


def measure(
    result: Depth, name: str, x: float, y: float, metres: float, *, kind: Kind = "range"
) -> DistanceSample | RefusedSample:
    """A known distance at a pixel of an uncalibrated result.

    Args:
        result: of the frame.
        name: of the frame.
        x: of the pixel, from the left.
        y: from the top.
        metres: what tape or laser said.
        kind: `range` from the camera to the thing, or `depth` along the optical axis.

    Returns:
        The sample, or why that pixel gives none.

    Raises:
        SettingsError: for a calibrated result, a distance that is none, or a range without a lens.
    """
    return point_sample(predicted_frame(result, name), x, y, metres, kind=kind)


def check_same_lens(first: Depth, result: Depth, name: str) -> None:
    """Refuse a frame through another lens than the first one: one calibration is of one lens.

    Raises:
        SettingsError: with both fields of view.
    """
    views = []
    for each in (first, result):
        if each.lens is None:
            return
        views.append(view_of_focal(each.lens.focal_px, max(each.depth_m.shape)))
    if abs(math.log(views[0] / views[1])) > SAME_LENS:
        raise SettingsError(
            f"{name}: a lens of {views[1]:.1f} degrees along the long side, and the frames before it had "
            f"{views[0]:.1f}; calibrate each lens on its own"
        )


def calibrate(
    predictor: FramePredictor,
    samples: Sequence[DistanceSample],
    result: Depth,
    *,
    previous: ScaleCalibration | None = None,
) -> ScaleFit:
    """A calibration of this model from samples of its raw depth.

    Args:
        predictor: that predicted them.
        samples: through one lens.
        result: of one of their frames, for its size and lens.
        previous: whose samples count too.

    Raises:
        DataError: for samples that cannot be metres, or none.
        SettingsError: for a previous calibration of another model or lens.
    """
    lens = result.lens
    size = result.depth_m.shape[0], result.depth_m.shape[1]
    if previous is not None:
        previous.check_model(predictor.facts.weights_fingerprint, predictor.short_side)
        previous.check_lens(None if lens is None else lens.focal_px, size)
    return fit_scale(
        samples,
        CalibratedModel(
            fingerprint=predictor.facts.weights_fingerprint,
            name=predictor.name,
            short_side=predictor.short_side,
            frame_size=size,
            lens=None
            if lens is None
            else CalibrationLens.from_intrinsics(
                lens.intrinsics, assumed=lens.assumed, distortion=lens.distortion
            ),
        ),
        previous=previous,
    )
