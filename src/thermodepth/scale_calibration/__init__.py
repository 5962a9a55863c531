"""Metres of one's own camera: known distances beside a model's raw depth, and the factor between them.

samples.py         a known distance and the raw depth at its pixel; why a pixel is refused
sample_files.py    distances as they are typed, or listed in CSV and JSON
cells.py           a measured map as a few samples
lidar.py           a depth map or a point list on the frame's pixels
ground.py          height and pitch over flat ground
unit_mistakes.py   samples that are millimetres, or disparities
robust_mean.py     the scale and its interval over frames and samples
correction.py      scale, offset, slope: their formulas and fits
choice.py          which of them predicts samples that were left out
fitting.py         all of that, in order
advice.py          what the evidence carries, in sentences
record.py          metres.json, and whose it is

Numbers only, never torch. Not the calibration of a camera's lens, which is `thermodepth.calibration`.
docs/metres.md has it in plain words.
"""

from thermodepth.scale_calibration.advice import advice, outliers
from thermodepth.scale_calibration.correction import Correction
from thermodepth.scale_calibration.fitting import CalibratedModel, ScaleFit, fit_scale
from thermodepth.scale_calibration.ground import GroundSamples, PoseOverGround, ground_samples
from thermodepth.scale_calibration.record import (
    FILE_NAME,
    CalibrationLens,
    ScaleCalibration,
    calibration_of,
    stored_calibration,
)
from thermodepth.scale_calibration.samples import (
    DistanceSample,
    PredictedFrame,
    RefusedSample,
    point_sample,
)

__all__ = [
    "FILE_NAME",
    "CalibratedModel",
    "CalibrationLens",
    "Correction",
    "DistanceSample",
    "GroundSamples",
    "PoseOverGround",
    "PredictedFrame",
    "RefusedSample",
    "ScaleCalibration",
    "ScaleFit",
    "advice",
    "calibration_of",
    "fit_scale",
    "ground_samples",
    "outliers",
    "point_sample",
    "stored_calibration",
]
