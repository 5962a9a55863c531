"""A training and the lenses of its frames: the range of its head, and what travels with the model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thermodepth.camera import focal_of_view
from thermodepth.data.frames import Dataset
from thermodepth.errors import DataError
from thermodepth.model import load_model
from thermodepth.training.lens import canonical_range_m, training_lens
from thermodepth.training.loop import train
from thermodepth.training.settings import TrainingSettings
from thermodepth.training.train_state import recipe_of
from thermodepth.types import Sample

FOCAL = {"model.focal_px": 150.0, "model.weights": "none", "model.decoder_width": 16}


class Refitted:
    """The frames of another split under other lenses; None: not known."""

    def __init__(self, frames: Any, views_deg: list[float | None]) -> None:
        self._frames, self._views = frames, views_deg
        self.sample_ids, self.noise_is_drawn = frames.sample_ids, frames.noise_is_drawn

    def read(self, index: int, *, draw: int = 0, with_rgb: bool = True) -> Sample:
        sample: Sample = self._frames.read(index, draw=draw, with_rgb=with_rgb)
        view = self._views[index % len(self._views)]
        lens = np.full((3, 3), np.nan, np.float32)
        if view is not None:
            f, (height, width) = focal_of_view(view, sample.size[1]), sample.size
            lens = np.array([[f, 0, width / 2], [0, f, height / 2], [0, 0, 1]], np.float32)
        return replace(sample, intrinsics=lens)

    def fingerprint(self) -> str:
        return "refitted"


def refitted(dataset: Dataset, *views_deg: float | None) -> Dataset:
    split = Refitted(dataset.split("train"), list(views_deg))
    return replace(dataset, splits={**dataset.splits, "train": split})


def test_the_head_reaches_true_depths_through_every_lens(dataset: Dataset) -> None:
    for view, augmentation in (
        (60.0, {}),
        (12.0, {"zoom": 2.0}),
        (140.0, {"zoom": 1.7, "roll_deg": 10.0}),
    ):
        edits = {f"data.augmentation.{name}": value for name, value in augmentation.items()}
        run = TrainingSettings().edit({**FOCAL, **edits}).resolved(refitted(dataset, view))
        near, far = run.model.depth_range_m
        width, zoom = run.data.size[1], run.data.augmentation.zoom
        for degrees in (20.0, 110.0, view):
            for f in (focal_of_view(degrees, width), focal_of_view(degrees, width) * zoom):
                assert near * f / 150 <= dataset.depth_range_m[0] * (1 + 1e-6)
                assert far * f / 150 >= dataset.depth_range_m[1] * (1 - 1e-6)


def test_a_range_that_was_given_and_one_that_was_resolved_stay(dataset: Dataset) -> None:
    run = TrainingSettings().edit(FOCAL).resolved(dataset)
    assert run.resolved(dataset) == run
    own = TrainingSettings().edit({**FOCAL, "model.depth_range_m": [0.5, 70.0]})
    assert own.resolved(dataset).model.depth_range_m == (0.5, 70.0)
    without = TrainingSettings().edit({**FOCAL, "model.focal_px": None}).resolved(dataset)
    assert without.model.depth_range_m == dataset.depth_range_m


def test_a_first_frame_without_a_lens_is_refused_before_anything_is_made(dataset: Dataset) -> None:
    with pytest.raises(DataError, match=r"its lens is not known"):
        TrainingSettings().edit(FOCAL).resolved(refitted(dataset, None))
    TrainingSettings().resolved(refitted(dataset, None))


def test_the_model_says_which_lens_it_was_trained_with(dataset: Dataset) -> None:
    many = refitted(dataset, 30.0, 50.0, 90.0)
    run = TrainingSettings().edit(FOCAL).resolved(many)
    lens = training_lens(run.data, many)
    assert lens.field_of_view_deg == pytest.approx(50, abs=0.1)
    assert lens.focal_px == pytest.approx(focal_of_view(50, 64), rel=1e-3)
    recipe = recipe_of(run, many, "run", "labels")
    assert recipe.lens == lens
    assert recipe.model.focal_px == 150.0
    without = TrainingSettings().edit({"model.weights": "none"}).resolved(dataset)
    assert recipe_of(without, dataset, "run", "labels").lens is None


def test_of_frames_that_stand_upright_the_view_is_along_the_long_side(dataset: Dataset) -> None:
    """That is what prediction takes it for, where nobody says a lens."""

    class Upright(Refitted):
        def read(self, index: int, *, draw: int = 0, with_rgb: bool = True) -> Sample:
            sample = super().read(index, draw=draw, with_rgb=with_rgb)
            narrow = np.ascontiguousarray(sample.thermal[:, :40])
            lens = sample.intrinsics.copy()
            lens[0, 2] = 20
            return replace(
                sample, thermal=narrow, depth_m=None, sky=None, rgb=None, intrinsics=lens
            )

    upright = replace(
        dataset, splits={name: Upright(s, [50.0]) for name, s in dataset.splits.items()}
    )
    run = TrainingSettings().edit({**FOCAL, "data.size": [64, 32]})
    lens = training_lens(run.data, upright)
    sample = upright.split("train").read(0)
    assert sample.size == (64, 40)
    assert focal_of_view(lens.field_of_view_deg, 64) == pytest.approx(sample.focal_px, rel=1e-5)


def test_the_focal_length_is_that_at_the_working_size(dataset: Dataset) -> None:
    sizes = {}
    for size in ([64, 64], [32, 32], [32, 64]):
        run = TrainingSettings().edit({**FOCAL, "data.size": size}).resolved(dataset)
        sizes[tuple(size)] = training_lens(run.data, dataset).focal_px
    assert sizes[64, 64] == pytest.approx(2 * sizes[32, 32])
    assert sizes[32, 64] == pytest.approx(sizes[64, 64] / np.sqrt(2))
    cut = run.edit({"data.augmentation.aspect": "cut"})
    assert training_lens(cut.data, dataset).focal_px == pytest.approx(sizes[64, 64])


def test_a_training_on_two_cameras_goes_from_frames_to_a_model(
    dataset: Dataset, tmp_path: Path
) -> None:
    many = refitted(dataset, 40.0, 90.0)
    run = TrainingSettings().edit(
        {
            **FOCAL,
            "steps": 3,
            "data.batch_size": 4,
            "runtime.device": "cpu",
            "teacher.kind": "truth",
        }
    )
    run = run.resolved(many)
    folder = train(run, tmp_path / "run", dataset=many, label_of=None, label_source="none")
    tree = json.loads((folder / "model.json").read_text())
    assert tree["model"]["focal_px"] == 150.0
    assert 40 <= tree["lens"]["field_of_view_deg"] <= 90
    assert load_model(folder).recipe.model.focal_px == 150.0


def test_a_range_has_both_ends_moved(dataset: Dataset) -> None:
    run = TrainingSettings().edit(FOCAL).resolved(dataset)
    near, far = canonical_range_m((1.0, 10.0), 150.0, run.data, dataset)
    twice = canonical_range_m((1.0, 10.0), 300.0, run.data, dataset)
    assert 0 < near < far
    assert twice == pytest.approx((2 * near, 2 * far))
