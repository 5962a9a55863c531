"""What every input recipe promises."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thermodepth.contracts.contract import Contract, require
from thermodepth.errors import SettingsError
from thermodepth.thermal import NormaliserSettings, normalise
from thermodepth.thermal.normalisers import Normaliser
from thermodepth.types import ThermalUnit

SIZE = (24, 32)


def frames() -> dict[ThermalUnit, NDArray[Any]]:
    """A smooth frame with a hot spot in every unit."""
    rng = np.random.default_rng(0)
    warmth = np.linspace(0.2, 0.6, SIZE[0])[:, None] + 0.02 * rng.normal(size=SIZE)
    warmth[8:12, 10:16] += 0.3
    return {
        ThermalUnit.COUNTS: (7000 + 1500 * warmth).astype(np.uint16),
        ThermalUnit.KELVIN: (270 + 50 * warmth).astype(np.float32),
        ThermalUnit.DISPLAY: (40 + 180 * warmth).clip(0, 255).astype(np.uint8),
    }


def _readable(row: Normaliser) -> dict[ThermalUnit, NDArray[Any]]:
    """The frames in units that it does not refuse in words."""
    settings = NormaliserSettings(name=row.name)
    readable = {}
    for unit, frame in frames().items():
        try:
            normalise(frame, unit, settings)
        except SettingsError:
            continue
        readable[unit] = frame
    require(readable, "it refuses counts, kelvin and 8-bit pictures alike")
    return readable


def _input(row: Normaliser, frame: NDArray[Any], unit: ThermalUnit) -> NDArray[np.float32]:
    return normalise(frame, unit, NormaliserSettings(name=row.name))


def gives_input_of_the_frames_size(row: Normaliser) -> None:
    """It gives float32 of the frame's size in [0, 1], all finite, that depends on the frame."""
    for unit, frame in _readable(row).items():
        values = _input(row, frame, unit)
        require(values.shape == SIZE, f"{list(values.shape)} for a frame of {list(SIZE)}")
        require(values.dtype == np.float32, f"{values.dtype}, expected float32")
        require(np.isfinite(values).all(), f"a frame in {unit} becomes what is not finite")
        require(
            values.min() >= 0 and values.max() <= 1, f"{values.min()} to {values.max()} in {unit}"
        )
        require(np.ptp(values) > 0, f"a frame in {unit} becomes one value")


def flat_and_tiny_frames_are_finite(row: Normaliser) -> None:
    """A frame of one value, and one of one pixel, become finite input."""
    for unit, frame in _readable(row).items():
        for small in (np.full_like(frame, frame[0, 0]), frame[:1, :1]):
            values = _input(row, small, unit)
            right = values.shape == small.shape and np.isfinite(values).all()
            require(right, f"a flat frame of {list(small.shape)} in {unit}: {values.ravel()[:3]}")


def frames_are_left_alone(row: Normaliser) -> None:
    """The raw frame is not written to, and the same frame gives the same input."""
    for unit, frame in _readable(row).items():
        before, first = frame.copy(), _input(row, frame, unit).copy()
        require(np.array_equal(frame, before), f"the frame in {unit} is another one afterwards")
        require(
            np.array_equal(_input(row, frame, unit), first), f"{unit}: another input the next time"
        )


def level_is_declared_rightly(row: Normaliser) -> None:
    """Gain and offset of the raw frame are undone, unless it says that it keeps the level."""
    for unit, frame in _readable(row).items():
        if unit is ThermalUnit.DISPLAY:  # of 8 bits, where a gain rounds
            continue
        raw = frame.astype(np.float32)
        gain, offset = (2.0, 500.0) if unit is ThermalUnit.COUNTS else (1.25, -40.0)
        values, moved = _input(row, raw, unit), _input(row, raw * gain + offset, unit)
        same = float(np.abs(moved - values).mean()) < 0.05 * float(values.std())
        require(
            same is not row.keeps_level,
            f"gain {gain:g} and offset {offset:g} in {unit} {'change nothing' if same else 'reach the input'}"
            f", with keeps_level = {row.keeps_level}",
        )


NORMALISER_CONTRACTS: tuple[Contract[Normaliser], ...] = (
    Contract(gives_input_of_the_frames_size),
    Contract(flat_and_tiny_frames_are_finite),
    Contract(frames_are_left_alone),
    Contract(level_is_declared_rightly),
)
