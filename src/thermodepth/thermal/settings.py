"""The settings of the recipe that turns raw values into input, as every model stores them."""

from __future__ import annotations

from typing import Self

from pydantic import Field, field_validator, model_validator

from thermodepth.config import Settings
from thermodepth.errors import unknown
from thermodepth.thermal.radiometry import PlanckConstants

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
        from thermodepth.thermal.normalisers import NORMALISERS  # which reads these settings

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
