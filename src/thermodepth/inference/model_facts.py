"""What a predictor must know of a model beside its numbers; it travels in exported graphs too."""

from __future__ import annotations

from pydantic import Field

from thermodepth.config import Settings
from thermodepth.thermal import NormaliserSettings
from thermodepth.types import ThermalUnit


class ModelFacts(Settings):
    """How a model is fed, and what it tells."""

    weights_fingerprint: str  # of weights and recipe
    encoder: str
    parameters: int = Field(ge=0)
    normaliser: NormaliserSettings
    trained_unit: ThermalUnit  # of the raw frames that it was trained on
    short_side: int = Field(ge=1)  # pixels that the network sees, where nobody says otherwise
    short_sides: tuple[int, int]  # least and most of its training
    depth_range_m: tuple[float, float]
    #: Of the training's lens along the long side of frames; None: the model is not told the lens.
    view_deg: float | None = Field(None, gt=0, lt=180)
    sky: bool  # whether it has a head for it
    relative_error: bool  # whether it has a head for it
    calibrated_error: bool  # whether that head is calibrated, without which it is not handed out
