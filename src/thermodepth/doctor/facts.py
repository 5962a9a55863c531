"""What is kept of a frame once it was read: about 5 kB, from which every check is answered.

Frames are read once and let go. A digest tells whether two pictures are equal, a thumbnail whether
they look alike, quantiles and levels what their numbers can mean. So a hundred thousand frames fit in
memory, and a new check is a function over these facts.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.calibration import Severity as CalibrationSeverity
from thermodepth.data.transform import thumbnail
from thermodepth.types import ThermalUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray

THUMBNAIL = (12, 16)  # rows, columns: noise averages out, objects of a tenth of the view stay
QUANTILES = np.linspace(0, 1, 21)
#: Levels are counted on at most so many pixels, evenly spread: enough to fill any central range.
LEVEL_PIXELS = 1 << 16
QUANTILE_PIXELS = 1 << 14  # a quantile of so many is good to a percent


Fault = tuple[CalibrationSeverity, str]  # of a camera


class Band(StrEnum):
    """What a picture shows."""

    THERMAL = "thermal"
    RGB = "RGB"
    DEPTH = "depth"
    OTHER = "picture"  # a file of a bare folder that nothing gives away


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """What is kept of any picture."""

    size: tuple[int, int]  # rows, columns
    kind: str  # number type and channels, such as "uint16" or "uint8 colour"
    digest: bytes  # of size, type and pixels
    thumbnail: NDArray[np.float16]  # [192] zero mean, length 1; all zero for a flat picture


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ThermalFacts:
    """A thermal frame. Values are in its own unit."""

    look: Look
    unit: ThermalUnit
    low: float
    median: float
    high: float
    levels: int  # distinct values between the 1st and 99th percentile
    gap: float  # nearly the smallest distance (10th percentile) between neighbouring levels
    clipped: tuple[float, float]  # share of pixels at the lowest and the highest value
    telemetry: str = (
        ""  # which rows of the file are words and not picture; the rest is what is looked at
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DepthFacts:
    """A depth map: metres where its data set was opened, stored numbers in a bare folder."""

    look: Look
    in_metres: bool
    valid: float  # share of pixels with a value
    quantiles: NDArray[np.float32]  # [21] of the valid pixels, at `QUANTILES`; empty without any
    highest: float
    at_highest: float  # share of the valid pixels that have exactly the highest value
    integer: bool  # as stored: whole numbers
    cells: NDArray[
        np.float32
    ]  # [192] mean of the values in each cell of a thumbnail; NaN without one


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RgbFacts:
    """An RGB picture."""

    look: Look
    contrast: float  # between the 1st and 99th percentile of all channels
    grey: bool  # the channels are equal


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ViewFacts:
    """The RGB camera's own view, held against the thermal one."""

    later_s: float
    #: {factor on all depths: how much the two depth maps disagree, 0 to 0.5}; empty without truth.
    disagreement: dict[float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameFacts:
    """One frame of a data set, or one file of a bare folder."""

    name: str
    split: str  # "" where there are none
    sequence: str  # the recording; of a file its folder
    index: int  # in its split, or in its folder
    problem: str = ""  # why it could not be read; then all below is None
    thermal: ThermalFacts | None = None
    depth: DepthFacts | None = None
    rgb: RgbFacts | None = None
    other: Look | None = None
    view: ViewFacts | None = None
    camera_faults: tuple[Fault, ...] = ()

    @property
    def looks(self) -> dict[Band, Look]:
        """The pictures that it has."""
        facts_by_band = {Band.THERMAL: self.thermal, Band.RGB: self.rgb, Band.DEPTH: self.depth}
        looks = {band: facts.look for band, facts in facts_by_band.items() if facts is not None}
        return looks if self.other is None else {**looks, Band.OTHER: self.other}


def look_of(picture: NDArray[Any]) -> Look:
    """`[h w]` or `[h w 3]`, NaN where there is no value."""
    height, width = picture.shape[:2]
    kind = f"{picture.dtype}{' colour' if picture.ndim == 3 else ''}"
    digest = hashlib.blake2b(f"{kind} {height} {width}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(picture).data)
    return Look(
        size=(height, width), kind=kind, digest=digest.digest(), thumbnail=_unit_thumbnail(picture)
    )


def _unit_thumbnail(picture: NDArray[Any]) -> NDArray[np.float16]:
    small = thumbnail(picture, THUMBNAIL)
    largest = float(np.abs(small).max())
    small = small - small.mean()
    length = float(np.linalg.norm(small))
    # Rounding leaves a flat picture with a thumbnail of noise, which would be stretched to length 1.
    flat = length <= 1e-5 * max(largest, 1e-9)
    return np.zeros(small.shape, np.float16) if flat else (small / length).astype(np.float16)


def thermal_facts(thermal: NDArray[Any], unit: ThermalUnit, *, telemetry: str = "") -> ThermalFacts:
    """`[h w]` finite values in `unit`, without the rows that `telemetry` names."""
    sample = thermal.ravel()[:: -(-thermal.size // LEVEL_PIXELS)]
    levels, counts = np.unique(sample, return_counts=True)
    below = np.cumsum(counts) / sample.size
    central = levels[(below >= 0.01) & (below - counts / sample.size <= 0.99)].astype(np.float64)
    gaps = np.diff(central)
    low, high = thermal.min(), thermal.max()
    return ThermalFacts(
        look=look_of(thermal),
        unit=unit,
        low=float(low),
        median=float(np.median(sample)),
        high=float(high),
        levels=len(central),
        gap=float(np.quantile(gaps, 0.1)) if gaps.size else 0.0,
        clipped=(float((thermal == low).mean()), float((thermal == high).mean())),
        telemetry=telemetry,
    )


def depth_facts(depth: NDArray[Any], *, in_metres: bool) -> DepthFacts:
    """`[h w]`; NaN, infinity and everything up to 0 are no value."""
    valid = np.isfinite(depth) & (depth > 0)
    values = depth[valid]
    sample = values[:: max(values.size // QUANTILE_PIXELS, 1)]
    quantiles = np.quantile(sample, QUANTILES) if values.size else np.empty(0)
    return DepthFacts(
        look=look_of(np.where(valid, depth, np.nan).astype(np.float32)),
        in_metres=in_metres,
        valid=float(valid.mean()),
        quantiles=quantiles.astype(np.float32),
        highest=float(values.max()) if values.size else 0.0,
        at_highest=float((values == values.max()).mean()) if values.size else 0.0,
        integer=depth.dtype.kind in "ui",
        cells=_cells(depth, valid),
    )


def _cells(depth: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    import cv2

    def mean(values: NDArray[Any]) -> NDArray[Any]:
        small = cv2.resize(values.astype(np.float32), THUMBNAIL[::-1], interpolation=cv2.INTER_AREA)
        return np.asarray(small).ravel()

    sums, share = mean(np.where(valid, depth, 0)), mean(valid)
    cells = np.full(sums.shape, np.nan, np.float32)
    np.divide(sums, share, out=cells, where=share > 1e-6)
    return cells


def rgb_facts(rgb: NDArray[np.uint8]) -> RgbFacts:
    """`[h w 3]` or `[h w]`."""
    below = np.cumsum(np.bincount(rgb[::2, ::2].ravel(), minlength=256))
    low, high = np.searchsorted(below, [0.01 * below[-1], 0.99 * below[-1]])
    grey = rgb.ndim == 2 or bool((rgb == rgb[..., :1]).all())
    return RgbFacts(look=look_of(rgb), contrast=float(high - low), grey=grey)
