"""The values that travel between the rooms, and what each number means.

Axes are named in every shape comment: `b` images of a batch, `c` channels, `h` rows, `w` columns.
Maps are `[b h w]`, images `[b c h w]`. Units stand in the name: `depth_m` metres, `focal_px` pixels,
`temperature_k` kelvin. A `Sample` is numpy in native units with NaN for "no value"; a `Batch` is
tensors with explicit masks, because NaN times zero is NaN and a loss must never meet one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray


class Geometry(StrEnum):
    """What the values of a depth-like map mean. A metric picks its alignment from this, never from a name."""

    METRIC_DEPTH = "metric_depth"  # metres along the optical axis
    SCALE_DEPTH = "scale_depth"  # depth up to one unknown factor
    AFFINE_DEPTH = "affine_depth"  # depth up to factor and offset
    AFFINE_INVERSE = "affine_inverse"  # 1/depth up to factor and offset: larger is nearer


class ThermalUnit(StrEnum):
    """What the values of a raw thermal frame mean."""

    COUNTS = "counts"  # raw sensor counts: the gain and offset are the camera's own
    KELVIN = "kelvin"  # apparent temperature
    DISPLAY = "display"  # 8-bit after the camera's gain control: contrast only


class FrameEvent(StrEnum):
    """What interrupts a video."""

    CUT = "cut"  # another scene begins with this frame
    FROZEN = "frozen"  # the frame before once more: a closed shutter, or a repeat
    FLAT = "flat"  # the closed shutter itself

    @property
    def is_held(self) -> bool:
        """Whether such a frame shows nothing new, so that the depth of before stands."""
        return self is not FrameEvent.CUT


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RgbView:
    """The RGB camera of a rig whose two cameras do not share one pixel grid."""

    intrinsics: NDArray[np.float32]  # [3 3] pixels of the RGB image
    rgb_from_thermal: NDArray[np.float64]  # [4 4] moves points from thermal to RGB axes, metres
    depth_m: NDArray[np.float32] | None = None  # [h w] truth in this view, NaN where there is none
    later_s: float = 0.0  # RGB exposure minus thermal exposure
    #: [4 4] moves points from the thermal camera's axes at its exposure to its axes at the RGB exposure;
    #: None: not known.
    motion: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureFacts:
    """What a camera wrote of the moment in which a frame was taken; None where it did not."""

    laser_range_m: float | None = (
        None  # from the camera to what its laser met, in the picture's middle
    )
    height_m: float | None = None  # above the place of take-off
    pitch_deg: float | None = None  # of the axis above the horizon; -90 looks straight down
    roll_deg: float | None = (
        None  # about the axis; positive is clockwise as seen from behind the camera
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One frame as read from disk, in native units and native size.

    Its maps share one pixel grid, the thermal camera's; only `rgb` may have a grid of its own, which
    `rgb_view` describes then. `rgb` and `label` exist in training only; prediction never has them.
    """

    sample_id: str
    thermal: NDArray[Any]  # [h w] uint16 counts, float32 kelvin or uint8 display
    thermal_unit: ThermalUnit
    intrinsics: NDArray[np.float32]  # [3 3] pinhole matrix in pixels of this grid, NaN: not known
    depth_m: NDArray[np.float32] | None = None  # [h w], NaN where there is no truth
    rgb: NDArray[np.uint8] | None = None  # [h w 3]
    rgb_view: RgbView | None = None  # None: `rgb` lies on the thermal pixel grid
    sky: NDArray[np.bool_] | None = (
        None  # [h w] True where nothing but sky is seen; None: not known
    )
    label: NDArray[np.float32] | None = None  # [h w] the teacher's map, NaN where unusable
    label_geometry: Geometry | None = None
    sequence: str = ""  # frames of one recording; splits and intervals never cut through it
    condition: str = ""  # day, night, rain, ... as the data set names it
    capture: CaptureFacts | None = None  # of cameras that write it into their files
    has_thermal: bool = True  # False: depth maps came without it, and `thermal` only holds the size

    @property
    def size(self) -> tuple[int, int]:
        """(rows, columns)."""
        return int(self.thermal.shape[0]), int(self.thermal.shape[1])

    @property
    def focal_px(self) -> float:
        """Focal length in pixels of this grid, the geometric mean of both; NaN where it is not known."""
        return math.sqrt(float(self.intrinsics[0, 0]) * float(self.intrinsics[1, 1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one training step sees. Invalid pixels hold 0 in the map and False in its mask."""

    image: torch.Tensor  # [b c h w] normalised network input
    depth_m: torch.Tensor  # [b h w]
    depth_valid: torch.Tensor  # [b h w] bool
    label: torch.Tensor  # [b h w] affine-invariant inverse depth from the teacher
    label_valid: torch.Tensor  # [b h w] bool
    intrinsics: torch.Tensor  # [b 3 3] pixels of `image`, NaN where they are not known
    sample_ids: tuple[str, ...]
    sky: torch.Tensor | None = None  # [b h w] bool
    sky_valid: torch.Tensor | None = None  # [b h w] bool: where it is known whether that is sky

    @property
    def focal_px(self) -> torch.Tensor:
        """`[b]` focal length in pixels of `image`, the geometric mean of both; NaN where it is not known."""
        return (self.intrinsics[:, 0, 0] * self.intrinsics[:, 1, 1]).sqrt()

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device; ids stay where they are."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "sample_ids"}
        return replace(
            self,
            **{
                name: value.to(device, non_blocking=True)
                for name, value in values.items()
                if value is not None
            },
        )


#: Shares of pixels whose |ln D - ln D*| is to stay below the channels of `Prediction.log_error`.
ERROR_LEVELS = (0.68, 0.90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What the network says of a batch of images."""

    structure: torch.Tensor  # [b h w] affine-invariant inverse depth: larger is nearer
    log_depth: torch.Tensor  # [b h w] natural logarithm of metres
    sky_logit: torch.Tensor | None = None  # [b h w] above 0: rather sky than anything else
    #: [b 2 h w] natural logarithm of |ln D - ln D*| that the shares ERROR_LEVELS stay below.
    log_error: torch.Tensor | None = None

    @property
    def depth_m(self) -> torch.Tensor:
        """[b h w] metric depth in metres."""
        return self.log_depth.exp()
