"""What an exported graph says of itself: how it is fed, what it gives, and which model it is of."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from thermodepth.config import Settings
from thermodepth.inference.model_facts import ModelFacts
from thermodepth.types import ThermalUnit

#: Under this name the facts stand among the metadata of a graph.
FACTS_KEY = "thermodepth"
#: Names of what goes in and comes out.
FRAME, FOCAL = "thermal", "focal_px"
DEPTH, STRUCTURE, ERROR, SKY = "depth_m", "structure", "relative_error", "sky"


class GraphFacts(Settings):
    """Facts of a graph beside those of its model."""

    format: Literal[1] = 1
    model: ModelFacts
    unit: ThermalUnit  # of the raw frames that it takes
    short_side: int = Field(ge=1)  # pixels that the network sees
    #: (rows, columns) of the frames that it takes; None: any.
    size: tuple[int, int] | None = None
    batch: int | None = Field(None, ge=1)  # frames at once; None: any number
    numbers: Literal["float32", "int8"] = "float32"  # that the convolutions are made with
