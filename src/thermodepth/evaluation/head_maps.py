"""What one arm says of one frame: typed maps, by head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from thermodepth.types import Geometry

Head = Literal["depth", "structure"]  # the metric map, and the affine-invariant one
#: What the column `head` says in rows of what a model tells of its errors.
RELATIVE_ERROR: Literal["relative_error"] = "relative_error"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GeometryMap:
    """A map and what its values mean; the geometry, not a name, decides how it may be aligned."""

    values: NDArray[np.floating]  # [h w] of any size
    geometry: Geometry
    #: (rows, columns) that the map was made at, before it was enlarged to `values`; None: as it is.
    made_at: tuple[int, int] | None = None
    #: [2 h w] of metric depth: what the model expects its relative error to stay below, at 68 and 90 %.
    relative_error: NDArray[np.floating] | None = None

    @property
    def own_size(self) -> tuple[int, int]:
        """(rows, columns) that the map was made at."""
        return self.made_at or (int(self.values.shape[0]), int(self.values.shape[1]))


#: By head. An arm without a structural head has "depth" only, a relative teacher "structure" only.
HeadMaps = Mapping[Head, GeometryMap]


def depth_head_maps(
    depth_m: NDArray[np.floating],
    *,
    made_at: tuple[int, int] | None = None,
    relative_error: NDArray[np.floating] | None = None,
) -> HeadMaps:
    """Metres, and how far off they are expected to be where that is told; nothing else."""
    metres = GeometryMap(
        values=depth_m,
        geometry=Geometry.METRIC_DEPTH,
        made_at=made_at,
        relative_error=relative_error,
    )
    return {"depth": metres}


def two_head_maps(
    depth_m: NDArray[np.floating],
    structure: NDArray[np.floating],
    *,
    made_at: tuple[int, int] | None = None,
    relative_error: NDArray[np.floating] | None = None,
) -> HeadMaps:
    """Metres, and affine-invariant inverse depth."""
    shape = GeometryMap(values=structure, geometry=Geometry.AFFINE_INVERSE, made_at=made_at)
    metres = depth_head_maps(depth_m, made_at=made_at, relative_error=relative_error)
    return {**metres, "structure": shape}
