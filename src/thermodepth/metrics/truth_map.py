"""The truth of one frame as a picture, and what is derived from it once for every prediction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from thermodepth.metrics.arrays import Map

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, eq=False)
class TruthMap:
    """What the map metrics compare with. Edges, pairs and normals of the truth are kept by `once`."""

    sample_id: str  # decides random choices, so that every arm meets the same ones
    depth_m: Map  # [h w] float64, NaN where a pixel is not scored
    intrinsics: NDArray[np.floating] | None = (
        None  # [3 3] of this grid; None: the camera is not known
    )
    _derived: dict[Callable[..., Any], Any] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def valid(self) -> NDArray[np.bool_]:
        """[h w] which pixels are scored."""
        return np.isfinite(self.depth_m)

    @cached_property
    def log_depth(self) -> Map:
        """[h w] ln metres, NaN where a pixel is not scored."""
        return np.log(self.depth_m)

    def once(self, make: Callable[[TruthMap], _T]) -> _T:
        """`make(self)`, computed the first time only. `make` is a plain function of a module."""
        if make not in self._derived:
            self._derived[make] = make(self)
        return cast(_T, self._derived[make])
