"""A result of four columns and three rows, one pixel of it sky and one without depth."""

from __future__ import annotations

import numpy as np
import pytest

from thermodepth.inference.depth import Depth
from thermodepth.inference.lens import FrameLens
from thermodepth.types import ThermalUnit


@pytest.fixture
def depth() -> Depth:
    depth_m = np.full((3, 4), 5.0, np.float32)
    depth_m[0, 0] = 70.0
    depth_m[2, 3] = np.nan
    sky = np.zeros((3, 4), np.bool_)
    sky[0, 0] = True
    return Depth(
        depth_m=depth_m,
        structure=np.zeros((3, 4), np.float32),
        sky=sky,
        lens=FrameLens(intrinsics=np.array([[10.0, 0, 2], [0, 20, 1.5], [0, 0, 1]])),
        thermal=np.arange(7000, 7012, dtype=np.uint16).reshape(3, 4),
        thermal_unit=ThermalUnit.COUNTS,
    )
