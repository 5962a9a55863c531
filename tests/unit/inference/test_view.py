"""Predictions as pictures: what a person sees of them."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from thermodepth.inference.predictor import Depth
from thermodepth.inference.view import SKY_COLOUR, depth_picture, view_png
from thermodepth.types import ThermalUnit


def a_frame(height: int = 40, width: int = 60) -> tuple[Depth, NDArray[np.uint16]]:
    """A slope from 40 m at the top to 2 m, and its counts."""
    rng = np.random.default_rng(0)
    depth = np.geomspace(40, 2, height)[:, None] * rng.uniform(0.98, 1.02, (height, width))
    result = Depth(depth_m=depth.astype(np.float32), structure=(1 / depth).astype(np.float32))
    return result, rng.integers(7000, 7400, (height, width)).astype(np.uint16)


@pytest.mark.parametrize("size", [(40, 60), (60, 40), (16, 160)])
def test_the_view_shows_three_pictures_and_a_scale(size: tuple[int, int]) -> None:
    result, counts = a_frame(*size)
    with Image.open(io.BytesIO(view_png(result, thermal=counts, unit=ThermalUnit.COUNTS))) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    height, width, _ = pixels.shape
    assert width > 1200
    rows = slice(int(0.5 * height), int(0.9 * height))
    edges = np.linspace(0.01, 0.92, 4)
    panels = [pixels[rows, int(a * width) + 8 : int(b * width) - 8] for a, b in pairwise(edges)]
    for panel in panels:
        assert panel.std() > 3  # not blank
    is_grey = [np.abs(np.ptp(panel, axis=2)).max() < 8 for panel in panels]
    assert is_grey == [True, False, False]
    assert (pixels[:, int(0.965 * width) :] < 100).any()  # letters of the scale


def test_a_view_of_a_frame_without_depth_differences_is_drawn() -> None:
    flat = Depth(
        depth_m=np.full((20, 30), 4.0, np.float32), structure=np.zeros((20, 30), np.float32)
    )
    grey = np.full((20, 30), 9, np.uint8)
    content = view_png(flat, thermal=grey, unit=ThermalUnit.DISPLAY)
    with Image.open(io.BytesIO(content)) as image:
        assert image.size[0] > 1200


def test_the_same_frame_gives_the_same_view_file() -> None:
    result, counts = a_frame()
    views = {view_png(result, thermal=counts, unit=ThermalUnit.COUNTS) for _ in range(2)}
    assert len(views) == 1


def test_sky_is_one_colour_in_the_picture() -> None:
    result, thermal = a_frame()
    sky = np.zeros(result.depth_m.shape, bool)
    sky[:12] = True
    with_sky = replace(result, sky=sky)
    colour = np.array([int(SKY_COLOUR[i : i + 2], 16) for i in (1, 3, 5)])

    def painted(one: Depth) -> int:
        with Image.open(
            io.BytesIO(view_png(one, thermal=thermal, unit=ThermalUnit.COUNTS))
        ) as view:
            pixels = np.asarray(view.convert("RGB")).astype(int)
        return int((np.abs(pixels - colour).max(axis=2) <= 2).sum())

    assert painted(with_sky) > 1000
    assert painted(result) == painted(replace(result, sky=np.zeros_like(sky))) == 0
    assert view_png(
        replace(result, sky=np.ones_like(sky)), thermal=thermal, unit=ThermalUnit.COUNTS
    )


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


def test_metres_in_words_are_of_what_is_not_sky() -> None:
    depth_m = np.array([[2.0, 4.0], [900.0, 800.0]], np.float32)
    sky = np.array([[False, False], [True, True]])
    result = Depth(depth_m=depth_m, structure=1 / depth_m)
    assert result.solid_m.tolist() == [2, 4, 900, 800]
    assert replace(result, sky=sky).solid_m.tolist() == [2, 4]
    # Nothing but sky: some number must be said, and it is far.
    assert replace(result, sky=np.ones_like(sky)).solid_m.tolist() == [2, 4, 900, 800]
