"""Calibrations, as far as frames and matrices give them away."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from thermodepth.doctor.evidence import Evidence
from thermodepth.doctor.facts import Fault
from thermodepth.doctor.finding import Finding, Severity, finding

CALIBRATION = "calibration"

#: Width over height: frames of one view may be scaled, but not squeezed.
ASPECT_TOLERANCE = 0.02

_MEANING = {
    Severity.ERROR: "labels from the RGB view land on the wrong pixels, and points in the wrong place",
    Severity.WARNING: "if it is wrong, labels and points land in the wrong place",
    Severity.NOTE: "what the calibration leaves open",
}


def calibration(evidence: Evidence) -> Iterator[Finding]:
    """Matrices that cannot be, and RGB of another shape that nothing ties to the thermal view."""
    frames = [(frame.name, frame.camera_faults) for frame in evidence.readable]
    for sources in (frames, evidence.subject.calibrations):
        yield from _faults(sources)
    if evidence.subject.is_tree:
        yield from _uncalibrated_folder(evidence)
        return
    odd = []
    for frame in evidence.readable:
        if frame.rgb is None or frame.thermal is None or frame.view is not None:
            continue
        if frame.rgb.look.size != frame.thermal.look.size:
            (h, w), (height, width) = frame.rgb.look.size, frame.thermal.look.size
            odd.append(f"{frame.name}: RGB {w}x{h}, thermal {width}x{height}")
    if odd:
        yield finding(
            CALIBRATION,
            Severity.ERROR,
            f"{len(odd)} RGB pictures have a pixel grid of their own and no calibration",
            odd,
            total=len(evidence.readable),
            meaning="resizing one onto the other is wrong by tens of pixels near the camera",
            remedy="give the intrinsics of both cameras and the pose between them, or register the pictures",
        )


def _faults(sources: Sequence[tuple[str, tuple[Fault, ...]]]) -> Iterator[Finding]:
    names: dict[Fault, list[str]] = defaultdict(list)
    for name, faults in sources:
        for fault in faults:
            names[fault].append(name)
    for (severity, text), where in names.items():
        yield finding(
            CALIBRATION,
            Severity(severity.value),
            text,
            where,
            total=len(sources),
            meaning=_MEANING[Severity(severity.value)],
            remedy="compare with the calibration's own file: units, order of the numbers, size of picture",
        )


def _uncalibrated_folder(evidence: Evidence) -> Iterator[Finding]:
    thermal = {f.thermal.look.size for f in evidence.readable if f.thermal is not None}
    rgb = {f.rgb.look.size for f in evidence.readable if f.rgb is not None}
    if evidence.subject.calibrations or not thermal or not rgb:
        return
    shapes = [{round(w / h / ASPECT_TOLERANCE) for h, w in sizes} for sizes in (thermal, rgb)]
    if not shapes[0] & shapes[1]:
        yield finding(
            CALIBRATION,
            Severity.WARNING,
            "RGB and thermal pictures have different shapes, and no calibration file is there",
            [],
            total=len(evidence.readable),
            meaning="the two are different views: without intrinsics and pose no label can be moved",
            remedy="put the calibration of the two cameras beside the pictures",
        )
