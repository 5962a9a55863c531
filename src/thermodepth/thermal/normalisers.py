"""Raw values to network input: the settings of a recipe, and one row of NORMALISERS for every recipe.

What each recipe costs is in the survey of the field: a per-image percentile is the common choice; min-max
loses contrast to one hot pixel; a fixed range or temperature window keeps what temperature means and
does not flicker in video, but wants a camera whose counts stay where they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from thermodepth.config import Settings
from thermodepth.errors import SettingsError, unknown
from thermodepth.extensions.registry import Registry
from thermodepth.thermal.fields import local_range
from thermodepth.thermal.radiometry import PlanckConstants, kelvin_of_counts
from thermodepth.thermal.units import MIN_SPAN
from thermodepth.types import ThermalUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray

FULL_SCALE_14_BIT = 2.0**14
#: Raised when the arithmetic of a recipe changes, so that models of before are refused, not misread.
RECIPE_VERSION = 1


class NormaliserSettings(Settings):
    """How raw values become the network's [0, 1] input. A field says which recipes read it."""

    version: int = RECIPE_VERSION
    name: str = "percentile"  # a row of NORMALISERS
    #: `percentile`, `moving_percentile` and `clahe`.
    low_percentile: float = Field(1.0, ge=0, lt=50)
    high_percentile: float = Field(99.0, gt=50, le=100)
    #: `fixed_range`, in the unit of the raw frame.
    range_low: float = 0.0
    range_high: float = 16383.0
    #: `temperature`. Frames in counts want the camera's constants, frames in kelvin do not.
    window_low_k: float = Field(263.15, ge=0)
    window_high_k: float = Field(313.15, gt=0)
    planck: PlanckConstants | None = None
    #: `moving_percentile`: the weight of what came before, a frame.
    memory: float = Field(0.9, ge=0, lt=1)
    #: `clahe` and `local_fields`: how far contrast may be raised (0: not at all), in how many tiles
    #: to a side.
    clahe_clip: float = Field(2.0, ge=0, le=100)
    clahe_tiles: int = Field(8, ge=1, le=64)
    #: `local_fields`.
    field_tiles: int = Field(8, ge=2, le=64)  # tiles to a side, each with a low and a high
    field_passes: int = Field(7, ge=0, le=100)  # of suppression, and of smoothing
    #: A tile may stand out of its neighbours by this many times the median span of a tile.
    field_extremes: float = Field(2.0, ge=0)
    gamma: float = Field(1.5, gt=0, le=10)

    @field_validator("name")
    @classmethod
    def _known_recipe(cls, name: str) -> str:
        if name not in NORMALISERS:
            raise ValueError(unknown("normaliser", name, NORMALISERS))
        return name

    @model_validator(mode="after")
    def _known_version(self) -> Self:
        if self.version != RECIPE_VERSION:
            raise ValueError(
                f"version {self.version}: this thermodepth has version {RECIPE_VERSION} of the input "
                "recipes, which gives other inputs; use the thermodepth that the model was made with"
            )
        return self

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for low, high in (("range_low", "range_high"), ("window_low_k", "window_high_k")):
            if getattr(self, low) >= getattr(self, high):
                raise ValueError(
                    f"{low} {getattr(self, low)} must be below {high} {getattr(self, high)}"
                )
        return self


@dataclass(slots=True, kw_only=True)
class NormaliserState:
    """What a recipe remembers of the frames of one video. The caller makes one a video."""

    #: The weight of what came before, a frame, for recipes that stretch a frame over a range of its own
    #: (`percentile`, `min_max`, `clahe`); None: they see every frame as a still.
    memory: float | None = None
    window: tuple[float, float] | None = None  # what was stretched last, in the unit of the frames
    unit: ThermalUnit | None = None


_Apply = Callable[
    ["NDArray[np.float32]", ThermalUnit, NormaliserSettings, NormaliserState | None],
    "NDArray[np.float32]",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Normaliser:
    """A recipe, and what it does to the level of a frame."""

    name: str
    apply: _Apply
    #: Fields of `NormaliserSettings` that it reads of a still; `memory` is read between frames of a video.
    reads: frozenset[str] = frozenset()
    #: Whether gain and offset of the raw frame reach the network, or are undone.
    keeps_level: bool = False
    #: Whether its numbers hold for the unit that the model was trained on alone.
    binds_unit: bool = False


def _percentile(
    raw: NDArray[np.float32],
    unit: ThermalUnit,
    settings: NormaliserSettings,
    state: NormaliserState | None,
) -> NDArray[np.float32]:
    low, high = _percentiles(raw, settings.low_percentile, settings.high_percentile)
    if state is not None and state.memory is not None:
        low, high = _moved_window(low, high, unit, state, state.memory)
    return _stretch(raw, low, high, MIN_SPAN[unit])


def _min_max(
    raw: NDArray[np.float32],
    unit: ThermalUnit,
    settings: NormaliserSettings,
    state: NormaliserState | None,
) -> NDArray[np.float32]:
    del settings
    low, high = float(raw.min()), float(raw.max())
    if state is not None and state.memory is not None:
        low, high = _moved_window(low, high, unit, state, state.memory)
    return _stretch(raw, low, high, MIN_SPAN[unit])


def _fixed_range(
    raw: NDArray[np.float32],
    unit: ThermalUnit,
    settings: NormaliserSettings,
    state: NormaliserState | None,
) -> NDArray[np.float32]:
    del unit, state
    return _stretch(raw, settings.range_low, settings.range_high, 0.0)


def _temperature(
    raw: NDArray[np.float32],
    unit: ThermalUnit,
    settings: NormaliserSettings,
    state: NormaliserState | None,
) -> NDArray[np.float32]:
    del state
    kelvin = raw
    if unit is ThermalUnit.COUNTS:
        assert settings.planck is not None  # `_refuse_unit` has seen to it
        # Without any signal a pixel is colder than every window.
        kelvin = np.nan_to_num(kelvin_of_counts(raw, settings.planck), copy=False, nan=0.0)
    return _stretch(kelvin, settings.window_low_k, settings.window_high_k, 0.0)


def _raw_14bit(
    raw: NDArray[np.float32],
    unit: ThermalUnit,
    settings: NormaliserSettings,
    state: NormaliserState | None,
) -> NDArray[np.float32]:
    del unit, settings, state
    return _stretch(raw, 0.0, FULL_SCALE_14_BIT, 0.0)


def _moving_percentile(
    raw: NDArray[np.float32],
    unit: ThermalUnit,
    settings: NormaliserSettings,
    state: NormaliserState | None,
) -> NDArray[np.float32]:
    low, high = _percentiles(raw, settings.low_percentile, settings.high_percentile)
    if state is not None:
        low, high = _moved_window(low, high, unit, state, settings.memory)
    return _stretch(raw, low, high, MIN_SPAN[unit])


def _moved_window(
    low: float, high: float, unit: ThermalUnit, state: NormaliserState, memory: float
) -> tuple[float, float]:
    """The range of a frame, drawn towards that of the frames before, which the state then remembers."""
    if state.window is not None:
        if state.unit is not unit:
            raise SettingsError(
                f"a frame in {unit} after frames in {state.unit}: make a new NormaliserState for "
                "every video"
            )
        before_low, before_high = state.window
        # After a shutter event or a cut the two windows do not meet: nothing of before holds.
        if low <= before_high and before_low <= high:
            low += memory * (before_low - low)
            high += memory * (before_high - high)
    state.window, state.unit = (low, high), unit
    return low, high


def _clahe(
    raw: NDArray[np.float32],
    unit: ThermalUnit,
    settings: NormaliserSettings,
    state: NormaliserState | None,
) -> NDArray[np.float32]:
    return _equalised(_percentile(raw, unit, settings, state), settings)


def _local_fields(
    raw: NDArray[np.float32],
    unit: ThermalUnit,
    settings: NormaliserSettings,
    state: NormaliserState | None,
) -> NDArray[np.float32]:
    del state
    low, high = local_range(
        raw,
        tiles=settings.field_tiles,
        passes=settings.field_passes,
        extremes=settings.field_extremes,
        min_span=MIN_SPAN[unit],
    )
    stretched = (raw - (high + low) / 2) / np.maximum(high - low, np.float32(MIN_SPAN[unit]))
    stretched = np.clip(stretched + np.float32(0.5), 0, 1) ** np.float32(settings.gamma)
    return _equalised(stretched, settings)


_PERCENTILES = frozenset({"low_percentile", "high_percentile"})
_CLAHE = frozenset({"clahe_clip", "clahe_tiles"})
_FIELDS = frozenset({"field_tiles", "field_passes", "field_extremes", "gamma"})

NORMALISERS: Registry[Normaliser] = Registry(
    "normaliser",
    Normaliser,
    (
        Normaliser(name="percentile", apply=_percentile, reads=_PERCENTILES),
        Normaliser(name="min_max", apply=_min_max),
        Normaliser(
            name="fixed_range",
            apply=_fixed_range,
            reads=frozenset({"range_low", "range_high"}),
            keeps_level=True,
            binds_unit=True,
        ),
        Normaliser(
            name="temperature",
            apply=_temperature,
            reads=frozenset({"window_low_k", "window_high_k", "planck"}),
            keeps_level=True,
        ),
        Normaliser(name="raw_14bit", apply=_raw_14bit, keeps_level=True),
        Normaliser(name="moving_percentile", apply=_moving_percentile, reads=_PERCENTILES),
        Normaliser(name="clahe", apply=_clahe, reads=_PERCENTILES | _CLAHE),
        Normaliser(name="local_fields", apply=_local_fields, reads=_FIELDS | _CLAHE),
    ),
)


def normalise(
    thermal: NDArray[Any],
    unit: ThermalUnit,
    settings: NormaliserSettings,
    state: NormaliserState | None = None,
) -> NDArray[np.float32]:
    """A raw frame `[h w]` as network input `[h w]` in [0, 1].

    Args:
        thermal: the raw frame.
        unit: what its values mean.
        settings: the recipe.
        state: for the frames of a video in their order; without one every frame is a still.
            `moving_percentile` reads and writes it, and where it states a memory every recipe does that
            stretches a frame over a range of its own.

    Raises:
        SettingsError: for a unit that the recipe cannot read.
    """
    _refuse_unit(settings, unit)
    return NORMALISERS[settings.name].apply(thermal.astype(np.float32), unit, settings, state)


def display(thermal: NDArray[Any], unit: ThermalUnit) -> NDArray[np.uint8]:
    """A raw frame `[h w]` as an 8-bit grey picture for people: 1 to 99 percentile, hot is white."""
    stretched = normalise(thermal, unit, NormaliserSettings())
    return np.rint(stretched * 255).astype(np.uint8)


def check_compatible(
    settings: NormaliserSettings, unit: ThermalUnit, *, trained_on: ThermalUnit
) -> None:
    """Refuse a frame whose unit the recipe of a trained model cannot read.

    Raises:
        SettingsError: for a unit that the recipe cannot read at all, and for another unit than the
            training's where the numbers of the recipe hold for that one alone.
    """
    if NORMALISERS[settings.name].binds_unit and unit is not trained_on:
        raise SettingsError(
            f"this model maps the fixed range {settings.range_low:g}..{settings.range_high:g} "
            f"{trained_on} to its input and cannot read a frame in {unit}"
        )
    _refuse_unit(settings, unit)


def _refuse_unit(settings: NormaliserSettings, unit: ThermalUnit) -> None:
    if settings.name == "raw_14bit" and unit is not ThermalUnit.COUNTS:
        raise SettingsError(
            f"normaliser 'raw_14bit' reads counts and cannot read a frame in {unit}"
        )
    if settings.name == "temperature" and unit is not ThermalUnit.KELVIN:
        if unit is ThermalUnit.DISPLAY:
            raise SettingsError(
                "normaliser 'temperature' cannot read an 8-bit picture after the camera's gain "
                "control, which has no temperature"
            )
        if settings.planck is None:
            raise SettingsError(
                "normaliser 'temperature' reads a frame in counts only through the camera's Planck "
                'constants: set normaliser.planck={"r1": ..., "b": ...} (r2, f and o where they are '
                "not 1, 1 and 0), or give frames in kelvin"
            )


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


def _equalised(stretched: NDArray[np.float32], settings: NormaliserSettings) -> NDArray[np.float32]:
    """CLAHE over `[h w]` in [0, 1]. OpenCV's 16-bit kind has 65536 bins a tile: 8-bit is meant."""
    import cv2

    if settings.clahe_clip == 0:
        return stretched
    height, width = stretched.shape
    tiles = (min(settings.clahe_tiles, width), min(settings.clahe_tiles, height))
    eight_bit = np.rint(stretched * np.float32(255)).astype(np.uint8)
    equalised = cv2.createCLAHE(settings.clahe_clip, tiles).apply(eight_bit)
    result: NDArray[np.float32] = equalised.astype(np.float32) * np.float32(1 / 255)
    return result
