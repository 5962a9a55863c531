"""Raw thermal frames and the recipe that turns them into network input.

A raw frame is counts whose gain and offset drift with the camera's own temperature, or kelvin, or an
8-bit picture after the camera's gain control. The recipe is data: it is stored with every model and
applied again at prediction, so training and use can never disagree silently. What each recipe costs is
in the survey of the field: a per-image percentile is the common choice; min-max loses contrast to one
hot pixel; a fixed range keeps temperature meaning and does not flicker in video.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from thermodepth.config import Settings
from thermodepth.errors import DataError, SettingsError
from thermodepth.files import read_raster
from thermodepth.types import ThermalUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The span below which a frame counts as flat: stretching less would only show sensor noise.
#: 12 counts is what camera gain controls use as a floor; at 45 counts per kelvin it is 0.27 K.
MIN_SPAN = {ThermalUnit.COUNTS: 12.0, ThermalUnit.KELVIN: 0.27, ThermalUnit.DISPLAY: 4.0}


class NormaliserSettings(Settings):
    """How raw values become the network's [0, 1] input."""

    name: Literal["percentile", "min_max", "fixed_range"] = "percentile"
    low_percentile: float = Field(1.0, ge=0, lt=50)
    high_percentile: float = Field(99.0, gt=50, le=100)
    range_low: float = 0.0  # `fixed_range` only, in the unit of the raw frame
    range_high: float = 16383.0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.range_low >= self.range_high:
            raise ValueError(
                f"range_low {self.range_low} must be below range_high {self.range_high}"
            )
        return self


def _percentile(
    raw: NDArray[np.float32], unit: ThermalUnit, settings: NormaliserSettings
) -> NDArray[np.float32]:
    low, high = _percentiles(raw, settings.low_percentile, settings.high_percentile)
    return _stretch(raw, low, high, MIN_SPAN[unit])


def _min_max(
    raw: NDArray[np.float32], unit: ThermalUnit, settings: NormaliserSettings
) -> NDArray[np.float32]:
    del settings
    return _stretch(raw, float(raw.min()), float(raw.max()), MIN_SPAN[unit])


def _fixed_range(
    raw: NDArray[np.float32], unit: ThermalUnit, settings: NormaliserSettings
) -> NDArray[np.float32]:
    del unit
    return _stretch(raw, settings.range_low, settings.range_high, 0.0)


NORMALISERS: dict[
    str,
    Callable[[NDArray[np.float32], ThermalUnit, NormaliserSettings], NDArray[np.float32]],
] = {
    "percentile": _percentile,
    "min_max": _min_max,
    "fixed_range": _fixed_range,
}


def normalise(
    thermal: NDArray[Any], unit: ThermalUnit, settings: NormaliserSettings
) -> NDArray[np.float32]:
    """A raw frame `[h w]` as network input `[h w]` in [0, 1]."""
    return NORMALISERS[settings.name](thermal.astype(np.float32), unit, settings)


def _percentiles(raw: NDArray[np.float32], low: float, high: float) -> tuple[float, float]:
    """Nearest-rank percentiles by selection: half the time of interpolated ones, and in the data."""
    last = raw.size - 1
    ranks = (round(last * low / 100), round(last * high / 100))
    part = np.partition(raw, ranks, axis=None)
    return float(part[ranks[0]]), float(part[ranks[1]])


def _stretch(
    raw: NDArray[np.float32], low: float, high: float, min_span: float
) -> NDArray[np.float32]:
    span = max(high - low, min_span)
    centre = (high + low) / 2
    stretched = (raw - np.float32(centre)) * np.float32(1 / span) + np.float32(0.5)
    return np.clip(stretched, 0, 1, out=stretched)


def read_thermal(
    path: Path, *, expect: ThermalUnit | None = None
) -> tuple[NDArray[Any], ThermalUnit]:
    """A raw thermal frame `[h w]` and what its values mean, judged by its number type.

    8-bit is a picture after gain control, wider whole numbers are counts (returned as uint16),
    floating point is kelvin (returned as float32).

    Raises:
        DataError: naming the file when it is broken, in colour, flat, not finite, or not in the unit
            that `expect` asks for.
    """
    raw = read_raster(path)
    if raw.ndim == 3:
        if (raw == raw[..., :1]).all():
            raw = raw[..., 0]  # grey stored as three equal channels
        else:
            raise DataError(
                f"{path}: a colour picture, expected one thermal channel. False-colour pictures have "
                "lost the temperature order; export the raw 14/16-bit frame"
            )
    unit = thermal_unit(raw, str(path))
    if expect is ThermalUnit.COUNTS and unit is ThermalUnit.DISPLAY:
        raise DataError(
            f"{path}: 8-bit where raw counts are meant. This is a picture after the camera's gain "
            "control; record the 14/16-bit stream instead"
        )
    if expect is not None and unit is not expect:
        raise DataError(f"{path}: {raw.dtype} is read as {unit}, where {expect} is meant")
    native = {ThermalUnit.COUNTS: np.uint16, ThermalUnit.KELVIN: np.float32}
    return raw.astype(native.get(unit, raw.dtype), copy=False), unit


def thermal_unit(raw: NDArray[Any], name: str) -> ThermalUnit:
    """What an array's number type says its values are.

    Raises:
        DataError: for a type or content that no thermal camera writes.
    """
    if raw.ndim != 2 or raw.size == 0:
        raise DataError(f"{name}: shape {raw.shape}, expected one thermal frame [h w]")
    if raw.dtype.kind in "uif" and raw.max() == raw.min():
        raise DataError(f"{name}: every pixel is {raw.max():g}: a closed shutter or a dead frame")
    if raw.dtype == np.uint8:
        return ThermalUnit.DISPLAY
    if raw.dtype.kind in "ui":
        if raw.min() < 0 or raw.max() > 65535:
            raise DataError(
                f"{name}: values {raw.min()}..{raw.max()}, expected 16-bit counts 0..65535"
            )
        return ThermalUnit.COUNTS
    if raw.dtype.kind == "f":
        if not np.isfinite(raw).all():
            raise DataError(f"{name}: holds values that are not finite")
        if raw.min() < 100 or raw.max() > 3000:
            raise DataError(
                f"{name}: values {raw.min():g}..{raw.max():g}; floating-point frames are read as "
                "kelvin (100..3000). Add 273.15 to degrees Celsius, or store counts as uint16"
            )
        return ThermalUnit.KELVIN
    raise DataError(f"{name}: number type {raw.dtype}, expected uint8, uint16 or float32")


def display(thermal: NDArray[Any], unit: ThermalUnit) -> NDArray[np.uint8]:
    """A raw frame `[h w]` as an 8-bit grey picture for people: 1 to 99 percentile, hot is white."""
    stretched = normalise(thermal, unit, NormaliserSettings())
    return np.rint(stretched * 255).astype(np.uint8)


def check_compatible(
    settings: NormaliserSettings, unit: ThermalUnit, *, trained_on: ThermalUnit
) -> None:
    """Refuse a frame whose unit a fixed-range recipe cannot read.

    Raises:
        SettingsError: a fixed range in one unit says nothing about another.
    """
    if settings.name == "fixed_range" and unit is not trained_on:
        raise SettingsError(
            f"this model maps the fixed range {settings.range_low:g}..{settings.range_high:g} "
            f"{trained_on} to its input and cannot read a frame in {unit}"
        )
