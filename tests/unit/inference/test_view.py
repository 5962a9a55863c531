"""Predictions as pictures: what a person sees of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thermodepth.inference.predictor import Depth
from thermodepth.inference.view import depth_picture, view_png
from thermodepth.types import ThermalUnit


def a_frame(height: int = 40, width: int = 60) -> tuple[Depth, NDArray[np.uint16]]:
    """A slope from 40 m at the top to 2 m, and its counts."""
    rng = np.random.default_rng(0)
    depth = np.geomspace(40, 2, height)[:, None] * rng.uniform(0.98, 1.02, (height, width))
    result = Depth(depth_m=depth.astype(np.float32), structure=(1 / depth).astype(np.float32))
    return result, rng.integers(7000, 7400, (height, width)).astype(np.uint16)


def test_a_stated_range_and_colour_map_reach_map_and_scale() -> None:
    result, thermal = a_frame()
    views = {
        view_png(result, thermal=thermal, unit=ThermalUnit.COUNTS, **options)
        for options in ({}, {"limits_m": (1.0, 90.0)}, {"colour_map": "viridis"})
    }
    assert len(views) == 3
    near, far = depth_picture(result, limits_m=(100.0, 200.0)), depth_picture(result)
    assert (near == near[0, 0]).all()  # all of it is nearer than 100 m
    assert near.sum() > far.sum()
