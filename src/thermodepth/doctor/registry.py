"""CHECKS: one row a fault that is looked for. A new one is a function over `Evidence` and a row here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from thermodepth.doctor import (
    check_bands,
    check_cameras,
    check_depth,
    check_files,
    check_placements,
    check_repeats,
    check_splits,
    check_thermal,
    check_timing,
)
from thermodepth.doctor.evidence import Evidence
from thermodepth.doctor.finding import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One row."""

    name: str
    looks_for: str
    find: Callable[[Evidence], Iterable[Finding]]


CHECKS: dict[str, Check] = {
    check.name: check
    for check in (
        Check(
            name=check_files.OPENS,
            looks_for="a data set that its reader refuses as a whole",
            find=check_files.opens,
        ),
        Check(
            name=check_files.READABLE,
            looks_for="truncated, damaged or empty files, and frames that their reader refuses",
            find=check_files.readable,
        ),
        Check(
            name=check_repeats.DUPLICATES,
            looks_for="frames whose pictures are equal to the last bit",
            find=check_repeats.duplicates,
        ),
        Check(
            name=check_repeats.FROZEN,
            looks_for="a picture that stands still while time goes on",
            find=check_repeats.frozen,
        ),
        Check(
            name=check_splits.LEAKS,
            looks_for="recordings or pictures that are in two splits",
            find=check_splits.leaks,
        ),
        Check(
            name=check_splits.LOOK_ALIKES,
            looks_for="frames that look alike, in one split or across two",
            find=check_splits.look_alikes,
        ),
        Check(
            name=check_placements.PLACEMENTS,
            looks_for="test frames whose depth a look-up of training frames knows: one camera placement",
            find=check_placements.placements,
        ),
        Check(
            name=check_thermal.GAIN_CONTROL,
            looks_for="8-bit or stretched thermal pictures that are taken for counts",
            find=check_thermal.gain_control,
        ),
        Check(
            name=check_thermal.TELEMETRY,
            looks_for="rows of telemetry above or below the picture",
            find=check_thermal.telemetry,
        ),
        Check(
            name=check_thermal.TEMPERATURE,
            looks_for="kelvin that cannot be",
            find=check_thermal.temperature,
        ),
        Check(
            name=check_thermal.BAD_PIXELS,
            looks_for="dead columns and rows, stuck, dead and hot pixels",
            find=check_thermal.bad_pixels,
        ),
        Check(
            name=check_depth.DEPTH_SCALE,
            looks_for="depth that was read at a wrong scale",
            find=check_depth.scale,
        ),
        Check(
            name=check_depth.DEPTH_HOLES,
            looks_for="depth maps without values, with very few, or with 65535 for none",
            find=check_depth.holes,
        ),
        Check(
            name=check_bands.SIZES,
            looks_for="a size or number type that changes within the set",
            find=check_bands.sizes,
        ),
        Check(
            name=check_bands.RGB,
            looks_for="RGB pictures that are missing or show nothing",
            find=check_bands.rgb,
        ),
        Check(
            name=check_timing.STAMPS,
            looks_for="time stamps that go back, stand still, leave gaps or do not fit the pictures",
            find=check_timing.stamps,
        ),
        Check(
            name=check_timing.SKEW,
            looks_for="time between the exposures of the two cameras",
            find=check_timing.skew,
        ),
        Check(
            name=check_cameras.CALIBRATION,
            looks_for="a calibration that is absent or cannot be, where RGB has a view of its own",
            find=check_cameras.calibration,
        ),
    )
}
