"""A result with everything that a model can tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from thermodepth.inference.depth import Depth
from thermodepth.inference.lens import FrameLens
from thermodepth.types import ThermalUnit

MakeDepth = Callable[..., Depth]


@pytest.fixture
def make_depth() -> MakeDepth:
    """`make_depth(height, width, **changes)`: a slope from 40 m at the top to 2 m, its top rows sky."""

    def make(height: int = 24, width: int = 32, **changes: Any) -> Depth:
        rng = np.random.default_rng(0)
        slope = np.geomspace(40, 2, height)[:, None] * rng.uniform(0.99, 1.01, (height, width))
        depth_m = slope.astype(np.float32)
        sky = np.zeros((height, width), np.bool_)
        sky[: height // 6] = True
        depth = Depth(
            depth_m=depth_m,
            structure=(1 / depth_m).astype(np.float32),
            sky=sky,
            relative_error=np.full((height, width), 0.2, np.float32),
            relative_error_90=np.full((height, width), 0.4, np.float32),
            lens=FrameLens(
                intrinsics=np.array([[20.0, 0, width / 2], [0, 20, height / 2], [0, 0, 1]])
            ),
            thermal=rng.integers(7000, 7400, (height, width)).astype(np.uint16),
            thermal_unit=ThermalUnit.COUNTS,
        )
        return replace(depth, **changes)

    return make
