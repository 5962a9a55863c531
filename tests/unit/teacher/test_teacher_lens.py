"""Metres of a foreign teacher, brought to the lens of each picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from thermodepth.camera import focal_of_view, pinhole
from thermodepth.errors import TeacherError
from thermodepth.teacher import RefittedTeacher, Teacher, TransferringTeacher, TransferSettings
from thermodepth.teacher.interface import ChecksFrames
from thermodepth.teacher.truth import TruthTeacher
from thermodepth.types import Geometry, RgbView, Sample, ThermalUnit

WALL_M, TRAINED_DEG = 6.0, 60.0


class OneLens:
    """Sees a wall at `WALL_M` as if every picture had been taken through its own lens."""

    geometry = Geometry.METRIC_DEPTH
    description = "a network of one lens"

    def fingerprint(self) -> str:
        return "one-lens-0123456789abcdef"

    def check_frames(self, sample_ids: Sequence[str]) -> None:
        raise TeacherError(f"asked for {len(sample_ids)}")

    def label(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        maps = []
        for sample in samples:
            share = focal_of_view(TRAINED_DEG, sample.size[1]) / float(sample.intrinsics[0, 0])
            maps.append(np.full(sample.size, WALL_M * share, np.float32))
        return maps


def picture(degrees: float | None, **changes: Any) -> Sample:
    size = (40, 60)
    lens = np.full((3, 3), np.nan, np.float32)
    if degrees is not None:
        lens = pinhole(focal_of_view(degrees, 60), 60, 40)
    blocks = np.random.default_rng(0).integers(60, 200, (5, 6, 3), dtype=np.uint8)
    fields: dict[str, Any] = {
        "sample_id": f"at-{degrees}",
        "thermal": np.zeros(size, np.uint16),
        "thermal_unit": ThermalUnit.COUNTS,
        "intrinsics": lens,
        "rgb": np.kron(blocks, np.ones((8, 10, 1), np.uint8)),
    }
    return Sample(**{**fields, **changes})


def test_metres_are_right_through_every_lens() -> None:
    teacher = RefittedTeacher(OneLens(), TRAINED_DEG)
    assert isinstance(teacher, Teacher)
    samples = [picture(degrees) for degrees in (20.0, 60.0, 95.0)]
    untouched = OneLens().label(samples)
    assert max(float(m[0, 0]) for m in untouched) > 2.5 * min(float(m[0, 0]) for m in untouched)
    for values in teacher.label(samples):
        np.testing.assert_allclose(values, WALL_M, rtol=1e-5)


def test_a_picture_without_a_lens_is_refused_with_the_remedy() -> None:
    with pytest.raises(
        TeacherError, match=r"at-None: its lens is not known.* leave teacher\.field_of"
    ):
        RefittedTeacher(OneLens(), TRAINED_DEG).label([picture(None)])


def test_teachers_without_metres_of_a_lens_are_refused() -> None:
    class Inverse(OneLens):
        geometry = Geometry.AFFINE_INVERSE

    with pytest.raises(
        TeacherError, match=r"field_of_view_deg=60: a network of one lens gives affine_"
    ):
        RefittedTeacher(Inverse(), 60.0)
    with pytest.raises(TeacherError, match="gives the truth"):
        RefittedTeacher(TruthTeacher(), 60.0)


def test_its_labels_are_known_by_the_lens_and_its_checks_are_the_teachers() -> None:
    marks = {RefittedTeacher(OneLens(), degrees).fingerprint() for degrees in (60.0, 61.0)}
    assert len(marks) == 2
    assert all(mark.startswith("one-lens.refitted-") for mark in marks)
    teacher = RefittedTeacher(OneLens(), 60.0)
    assert isinstance(teacher, ChecksFrames)
    with pytest.raises(TeacherError, match="asked for 2"):
        teacher.check_frames(["a", "b"])


def test_a_map_of_the_rgb_camera_is_moved_at_its_true_distance() -> None:
    """The RGB camera's own lens decides, and with it where its map falls in the thermal view."""
    view = RgbView(
        intrinsics=pinhole(focal_of_view(30.0, 60), 60, 40),
        rgb_from_thermal=np.array(
            [[1, 0, 0, -0.3], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], np.float64
        ),
    )
    sample = replace(picture(30.0), rgb_view=view)
    moving = TransferringTeacher(RefittedTeacher(OneLens(), TRAINED_DEG), TransferSettings())
    (moved,) = moving.transfer([sample])
    assert moved.rejection is None
    np.testing.assert_allclose(1 / moved.warped_inverse[20, 20:40], WALL_M, rtol=1e-3)
