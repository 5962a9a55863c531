"""Calibration files of RGB-thermal rigs: read safely, in one convention, and checked for what goes wrong.

calibration = read_calibration(Path("calib.npy"))
calibration.thermal.intrinsics, calibration.rgb_from_thermal
findings = check_calibration(calibration)
"""

from thermodepth.calibration.checks import (
    Finding,
    Severity,
    check_calibration,
    require_sound,
)
from thermodepth.calibration.registry import FORMATS, find_calibration, read_calibration
from thermodepth.calibration.types import RGB, THERMAL, Calibration, Camera, Distortion

__all__ = [
    "FORMATS",
    "RGB",
    "THERMAL",
    "Calibration",
    "Camera",
    "Distortion",
    "Finding",
    "Severity",
    "check_calibration",
    "find_calibration",
    "read_calibration",
    "require_sound",
]
