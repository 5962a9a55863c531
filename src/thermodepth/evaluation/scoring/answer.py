"""What one arm says of one frame: typed maps, by head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from thermodepth.types import Geometry

Head = Literal["depth", "structure"]  # the metric map, and the affine-invariant one


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GeometryMap:
    """A map and what its values mean; the geometry, not a name, decides how it may be aligned."""

    values: NDArray[np.floating]  # [h w] of any size
    geometry: Geometry


#: By head. An arm without a structural head has "depth" only, a relative teacher "structure" only.
Answer = Mapping[Head, GeometryMap]


def depth_answer(depth_m: NDArray[np.floating]) -> Answer:
    """Metres, and nothing else."""
    return {"depth": GeometryMap(values=depth_m, geometry=Geometry.METRIC_DEPTH)}


def two_head_answer(depth_m: NDArray[np.floating], structure: NDArray[np.floating]) -> Answer:
    """Metres, and affine-invariant inverse depth."""
    return {
        **depth_answer(depth_m),
        "structure": GeometryMap(values=structure, geometry=Geometry.AFFINE_INVERSE),
    }
