"""What a person may choose of pictures and clouds; where a file stands is said with the file."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from thermodepth.colour import DEPTH_MAP, colour_map
from thermodepth.config import Settings
from thermodepth.errors import SettingsError
from thermodepth.outputs.flying import STEP


class OutputSettings(Settings):
    """How results are drawn and which points a cloud has."""

    colour_map: str = DEPTH_MAP  # of matplotlib; its bright end is near
    #: (near, far) metres of the colours in every picture; None: of a recording's first frames, or of a frame.
    range_m: tuple[float, float] | None = None
    cloud_colour: Literal["thermal", "structure", "depth"] = "thermal"
    #: A pixel whose surroundings differ in depth by more than this share flies between two surfaces; 0: none
    #: is left out. `flying` says what its surroundings are.
    flying_step: float = Field(STEP, ge=0, le=1)
    rate_hz: float = Field(10.0, gt=0, le=1000)  # frames a second of a video

    @field_validator("colour_map")
    @classmethod
    def _known_map(cls, name: str) -> str:
        if name != DEPTH_MAP:  # which is drawn without matplotlib
            try:
                colour_map(name)
            except SettingsError as error:
                raise ValueError(str(error)) from None
        return name

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.range_m is not None and not 0 < self.range_m[0] < self.range_m[1]:
            raise ValueError(
                f"range {self.range_m[0]:g},{self.range_m[1]:g}: expected two distances in metres, nearest "
                "first, such as 1,80"
            )
        return self
