"""A batch's focal length is that of its pictures, whatever was cut, enlarged, turned, stretched or mirrored.

A wall at depth D under a focal length f moves D / f metres from one pixel to the next. So pictures that show
where on a wall one looks tell f by themselves: |d(X, Y) / d(column, row)| = D^2 / (fx fy).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from thermodepth.camera import focal_of_view, pinhole, rays, rolled, view_of_focal
from thermodepth.data.loader import BatchStream, DataSettings
from thermodepth.data.transform import AugmentationSettings, augment
from thermodepth.errors import DataError
from thermodepth.types import Batch, Sample, ThermalUnit

SPAN_M = 200.0  # what the input's 0..1 stands for


class Walls:
    """Walls at various depths through various lenses; what is seen is X, or Y, in metres."""

    noise_is_drawn = False

    def __init__(self, *, axis: int, known: bool = True) -> None:
        self.sample_ids = [f"wall-{number}" for number in range(12)]
        self._axis, self._known = axis, known

    def read(self, index: int, *, draw: int = 0, with_rgb: bool = True) -> Sample:
        del draw, with_rgb
        rng = np.random.default_rng(index)
        size = [(96, 128), (120, 120), (64, 160)][index % 3]
        depth_m = float(rng.uniform(1, 15))
        camera = pinhole(focal_of_view(rng.uniform(25, 100), size[1]), size[1], size[0])
        camera[:2, 2] += rng.uniform(-5, 5, 2)
        camera[1, 1] *= 1.03
        seen_m = rays(camera, size)[self._axis] * depth_m
        return Sample(
            sample_id=self.sample_ids[index],
            thermal=(seen_m + SPAN_M / 2).astype(np.float32),
            thermal_unit=ThermalUnit.KELVIN,
            intrinsics=camera if self._known else np.full((3, 3), np.nan, np.float32),
            depth_m=np.full(size, depth_m, np.float32),
        )

    def fingerprint(self) -> str:
        return "walls"


def batch_of(axis: int, recipe: dict[str, Any], *, knows_lens: bool = True) -> Batch:
    settings = DataSettings.parse(
        {
            "batch_size": 24,
            "min_truth_m": 0.1,
            "max_truth_m": 100.0,
            "augmentation": recipe,
            "normaliser": {"name": "fixed_range", "range_low": 0.0, "range_high": SPAN_M},
        }
    )
    walls = Walls(axis=axis)
    stream = BatchStream(
        walls, settings, size=(48, 64), seed=5, label_of=None, knows_lens=knows_lens
    )
    return stream.batch(0)


@pytest.mark.parametrize(
    "recipe",
    [
        {"zoom": 1.0, "flip_probability": 0.0},
        {"zoom": 1.0, "flip_probability": 1.0},
        {"zoom": 1.7},
        {"zoom": 2.0, "zoom_least": 1.5, "aspect": "cut"},
        {"zoom": 1.5, "roll_deg": 10.0},
        {"zoom": 1.3, "roll_deg": 25.0, "aspect": "cut"},
    ],
)
def test_truth_and_focal_length_are_those_of_the_picture(recipe: dict[str, Any]) -> None:
    across, down = batch_of(0, recipe), batch_of(1, recipe)
    assert torch.equal(across.focal_px, down.focal_px)
    for place in range(len(across.sample_ids)):
        # From the inner part, for the rim is off. The mean over a part of a pixel knows its place to an
        # eighth of one, which over 40 pixels makes a third of a percent.
        slopes = [
            np.gradient(b.image[place, 0, 4:-4, 4:-4].double().numpy() * SPAN_M)
            for b in (across, down)
        ]
        (x_row, x_column), (y_row, y_column) = [[g.mean() for g in pair] for pair in slopes]
        per_pixel_m = np.sqrt(abs(x_column * y_row - x_row * y_column))
        depth_m = across.depth_m[place][across.depth_valid[place]]
        assert depth_m.unique().numel() == 1
        assert float(across.focal_px[place]) == pytest.approx(
            float(depth_m[0]) / per_pixel_m, rel=5e-3
        )


def test_the_focal_lengths_of_a_batch_differ_as_its_lenses_do() -> None:
    focals = batch_of(0, {"zoom": 1.0}).focal_px
    assert focals.shape == (24,)
    assert focals.max() / focals.min() > 2
    assert batch_of(0, {"zoom": 1.7}).focal_px.max() > focals.max()


def test_the_truth_of_one_lens_is_the_canonical_truth() -> None:
    """What a network without focal length is taught is the true depth brought to the frame's own lens."""
    recipe = {"zoom": 1.7, "roll_deg": 8.0, "flip_probability": 0.0, "aspect": "cut"}
    true, one_lens = (batch_of(0, recipe, knows_lens=knows) for knows in (True, False))
    plain = batch_of(0, {"zoom": 1.0, "flip_probability": 0.0})
    assert true.sample_ids == one_lens.sample_ids == plain.sample_ids
    for place in range(len(true.sample_ids)):
        expected = true.depth_m[place].max() * plain.focal_px[place] / true.focal_px[place]
        assert float(one_lens.depth_m[place].max()) == pytest.approx(float(expected), rel=0.03)


def test_a_frame_without_a_lens_is_refused_with_the_remedy() -> None:
    settings = DataSettings.parse({"batch_size": 1, "min_truth_m": 0.1, "max_truth_m": 100.0})
    blind = Walls(axis=0, known=False)
    refusing = BatchStream(blind, settings, size=(48, 64), seed=0, label_of=None, knows_lens=True)
    with pytest.raises(
        DataError, match=r"wall-\d+: its lens is not known.* field_of_view_deg .*null"
    ):
        refusing.batch(0)
    careless = BatchStream(blind, settings, size=(48, 64), seed=0, label_of=None)
    assert careless.batch(0).focal_px.isnan().all()


def test_a_frame_without_a_lens_is_rolled_as_square_pixels_are() -> None:
    recipe = AugmentationSettings(roll_deg=12.0, zoom=1.2)
    known, blind = (
        augment(Walls(axis=0, known=known).read(1), recipe, (40, 40), np.random.default_rng(2))
        for known in (True, False)
    )
    assert np.isnan(blind.intrinsics).all()
    assert blind.thermal.shape == known.thermal.shape == (40, 40)
    assert np.isfinite(blind.thermal).all()


class TestRolled:
    def test_a_quarter_turn_by_hand(self) -> None:
        camera = np.array([[50, 0, 30], [0, 50, 20], [0, 0, 1]], np.float32)
        old_of_new, after = rolled(camera, degrees=90, size=(40, 60))
        # The camera turned clockwise: what was at its right is on its top.
        np.testing.assert_allclose(old_of_new @ [30, 10, 1], [40, 20], atol=1e-9)
        np.testing.assert_allclose(after, camera, atol=1e-5)  # its axis met the middle

    def test_the_principal_point_turns_with_the_picture(self) -> None:
        camera = np.array([[50, 0, 37], [0, 55, 16], [0, 0, 1]], np.float32)
        old_of_new, after = rolled(camera, degrees=-17, size=(40, 60))
        np.testing.assert_allclose(old_of_new @ [*after[:2, 2], 1], [37, 16], atol=1e-4)
        assert after[0, 0] == 50
        assert after[1, 1] == 55


def test_focal_length_and_field_of_view_are_each_others_inverse() -> None:
    assert focal_of_view(90, 200) == pytest.approx(100)
    assert focal_of_view(60, 128) == pytest.approx(110.85, abs=0.01)
    for degrees in (5.0, 60.0, 110.0, 169.0):
        assert view_of_focal(focal_of_view(degrees, 640), 640) == pytest.approx(degrees)
