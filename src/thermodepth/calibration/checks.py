"""What goes wrong with calibration files, looked for before numbers are made from one.

A wrong unit, a matrix that goes the other way, intrinsics of another resolution: none of them raises, all
of them shift labels by tens of pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.calibration.projection import (
    DISTANCES_M,
    angle_deg,
    field_of_view_deg,
    overlap,
)
from thermodepth.calibration.types import RGB, THERMAL, Calibration, Camera, inverse
from thermodepth.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

ORTHONORMAL = 1e-3  # files round to four digits
LONGEST_BASELINE_M, SHORTEST_BASELINE_M = 5.0, 0.001
WIDEST_ANGLE_DEG = 60.0
NARROWEST_VIEW_DEG, WIDEST_VIEW_DEG = 10.0, 150.0
SQUARE_PIXELS = 0.05  # fx and fy may differ by this much
CLEARLY_MORE = 0.10  # shared view, as a share of all pixels


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"  # nothing made with it can be right
    WARNING = "warning"  # probably wrong
    NOTE = "note"  # worth knowing


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was noticed: of a camera, or of two."""

    severity: Severity
    about: str
    text: str


def check_calibration(calibration: Calibration) -> list[Finding]:
    """All that is noticed, worst first."""
    findings = [Finding(Severity.NOTE, "file", note) for note in calibration.notes]
    findings += [Finding(Severity.WARNING, "file", doubt) for doubt in calibration.doubts]
    for camera in calibration.cameras.values():
        findings += _camera_findings(camera)
    for name, moved in calibration.from_reference.items():
        findings += _rotation_findings(name, moved)
    broken = any(finding.severity is Severity.ERROR for finding in findings)
    if {THERMAL, RGB} <= set(calibration.from_reference):
        findings += _baseline_findings(calibration.rgb_from_thermal)
        if not broken:
            findings += _view_findings(calibration)
    elif {THERMAL, RGB} <= set(calibration.cameras):
        text = "the file does not say where the two cameras sit"
        findings.append(Finding(Severity.ERROR, f"{THERMAL}, {RGB}", text))
    order = list(Severity)
    return sorted(findings, key=lambda finding: order.index(finding.severity))


def require_sound(calibration: Calibration) -> None:
    """Refuse a calibration that nothing right can come of.

    Raises:
        DataError: with the first finding of the severity `error`.
    """
    for finding in check_calibration(calibration):
        if finding.severity is Severity.ERROR:
            raise DataError(f"{calibration.source}: {finding.about}: {finding.text}")


def _camera_findings(camera: Camera) -> Iterator[Finding]:
    k = camera.intrinsics
    fx, fy, cx, cy = (float(k[at]) for at in ((0, 0), (1, 1), (0, 2), (1, 2)))
    if abs(fx / fy - 1) > SQUARE_PIXELS:
        text = f"fx {fx:.1f} and fy {fy:.1f} px differ by {100 * abs(fx / fy - 1):.0f} %"
        text += "; pixels are square on nearly every camera. Was the picture stretched?"
        yield Finding(Severity.WARNING, camera.name, text)
    if k[0, 1] != 0:
        yield Finding(Severity.WARNING, camera.name, f"skew {k[0, 1]:.3g} px is ignored elsewhere")
    if camera.distortion:
        values = ", ".join(f"{value:.4g}" for value in camera.distortion.coefficients)
        coefficients = values or "no coefficients"
        text = f"lens distortion ({camera.distortion.model}: {coefficients}) is given and not applied here; "
        yield Finding(Severity.WARNING, camera.name, text + "pictures must be undistorted first")
    if camera.size is None:
        text = "the file does not say how large its pictures are"
        yield Finding(Severity.NOTE, camera.name, text)
        return
    width, height = camera.size
    if not (0 <= cx <= width and 0 <= cy <= height):
        text = (
            f"the principal point ({cx:.0f}, {cy:.0f}) lies outside {width}x{height}; the matrix "
        )
        text += f"looks like one of pictures of about {2 * cx:.0f}x{2 * cy:.0f}"
        yield Finding(Severity.ERROR, camera.name, text)
    elif _is_for_another_size(cx / width, cy / height):
        text = (
            f"the principal point ({cx:.0f}, {cy:.0f}) lies far from the middle of {width}x{height}"
        )
        text += f"; is the matrix one of pictures of about {2 * cx:.0f}x{2 * cy:.0f}?"
        yield Finding(Severity.WARNING, camera.name, text)
    across, down = field_of_view_deg(camera)
    if not NARROWEST_VIEW_DEG <= min(across, down) <= max(across, down) <= WIDEST_VIEW_DEG:
        text = f"sees {across:.1f} x {down:.1f} degrees; cameras of such rigs see "
        text += f"{NARROWEST_VIEW_DEG:.0f} to {WIDEST_VIEW_DEG:.0f}. Is the focal length in pixels?"
        yield Finding(Severity.WARNING, camera.name, text)


def _is_for_another_size(x: float, y: float) -> bool:
    """Both far to the same side: a scaled picture. A crop moves one, or each its own way."""
    return max(x, y) < 0.3 or min(x, y) > 0.7


def _rotation_findings(name: str, moved: Matrix) -> Iterator[Finding]:
    turn = moved[:3, :3]
    off = float(np.abs(turn @ turn.T - np.eye(3)).max())
    if off > ORTHONORMAL:
        text = f"its 3x3 part is no rotation (R R^T differs from the identity by {off:.2g})"
        yield Finding(Severity.ERROR, name, text)
    elif np.linalg.det(turn) < 0:
        text = "its rotation mirrors (determinant -1); an axis has the wrong sign"
        yield Finding(Severity.ERROR, name, text)


def _baseline_findings(rgb_from_thermal: Matrix) -> Iterator[Finding]:
    both = f"{THERMAL}, {RGB}"
    baseline_m = float(np.linalg.norm(rgb_from_thermal[:3, 3]))
    if baseline_m > LONGEST_BASELINE_M:
        guess = f"millimetres ({baseline_m / 1000:.3f} m)"
        if baseline_m / 100 <= LONGEST_BASELINE_M:
            guess += f" or centimetres ({baseline_m / 100:.3f} m)"
        text = f"{baseline_m:.1f} m apart; looks like {guess}. Write metres into the file"
        yield Finding(Severity.ERROR, both, text)
    elif 0 < baseline_m < SHORTEST_BASELINE_M:
        text = (
            f"{baseline_m * 1e6:.0f} micrometres apart; looks like metres divided by 1000 once too "
        )
        yield Finding(Severity.WARNING, both, text + f"often ({baseline_m * 1000:.3f} m)")
    turned = angle_deg(rgb_from_thermal)
    if turned > WIDEST_ANGLE_DEG:
        text = f"turned by {turned:.0f} degrees; are the axes of both right, down, ahead?"
        yield Finding(Severity.WARNING, both, text)


def _view_findings(calibration: Calibration) -> Iterator[Finding]:
    thermal, rgb = calibration.thermal, calibration.rgb
    if thermal.size is None or rgb.size is None:
        return
    both = f"{THERMAL}, {RGB}"
    moved = calibration.rgb_from_thermal
    forward, backward = (
        [overlap(thermal, rgb, matrix, distance_m=distance) for distance in DISTANCES_M]
        for matrix in (moved, inverse(moved))
    )
    if max(forward) == 0:
        text = "RGB sees nothing of the thermal view at any distance"
        yield Finding(Severity.ERROR, both, text)
    if np.mean(backward) > np.mean(forward) + CLEARLY_MORE:
        text = (
            f"RGB sees {100 * np.mean(forward):.0f} % of the thermal view, but "
            f"{100 * np.mean(backward):.0f} % were the matrix read the other way; does it go from "
            f"{RGB} to {THERMAL}?"
        )
        yield Finding(Severity.WARNING, both, text)
