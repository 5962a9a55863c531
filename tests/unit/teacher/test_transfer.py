"""Labels moved from the RGB camera's view into the thermal one: right geometry, nothing invented."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from thermodepth.camera import moved, project, rays, unproject
from thermodepth.errors import TeacherError
from thermodepth.teacher import (
    ExplainingTeacher,
    Rejection,
    Teacher,
    TransferringTeacher,
    TransferSettings,
    open_store,
)
from thermodepth.teacher.quality import PictureQuality
from thermodepth.teacher.transfer import Transfer, as_rgb_sees, transfer_map
from thermodepth.types import Geometry, RgbView, Sample, ThermalUnit

Map = NDArray[np.float32]
GOOD = PictureQuality(brightness=0.5, saturated=0.0, sharpness=0.1, noise=0.3)
SETTINGS = TransferSettings()

THERMAL = np.array([[90, 0, 60], [0, 90, 40], [0, 0, 1]], np.float32)
SIZE = (80, 120)
RGB = np.array([[180, 0, 110], [0, 180, 75], [0, 0, 1]], np.float32)
RGB_SIZE = (160, 240)
#: RGB stands half a metre to the right of the thermal camera and a little ahead.
RGB_FROM_THERMAL = np.array(
    [[1, 0, 0, -0.5], [0, 1, 0, 0.1], [0, 0, 1, -0.2], [0, 0, 0, 1]], np.float64
)
WALL_M, POST_M = 10.0, 4.0


def cast(intrinsics: Map, size: tuple[int, int], thermal_from_here: NDArray[np.float64]) -> Map:
    """`[h w]` exact depth of a wall with a post before it, both facing the thermal camera."""
    ahead = rays(intrinsics, size)
    place = thermal_from_here[:3, 3].astype(np.float32)
    # No rotation: a plane at thermal depth z lies at depth z - place[2] here.
    post_m = POST_M - place[2]
    across = ahead[0] * post_m + place[0]
    return np.where(np.abs(across) < 0.4, post_m, WALL_M - place[2]).astype(np.float32)


def made_sample(**changes: Any) -> Sample:
    """The wall and the post, with sparse truth in the RGB view."""
    there_m = cast(RGB, RGB_SIZE, np.linalg.inv(RGB_FROM_THERMAL))
    rng = np.random.default_rng(0)
    truth = np.where(rng.random(RGB_SIZE) < 0.05, there_m, np.float32(np.nan))
    fields: dict[str, Any] = {
        "sample_id": "a",
        "thermal": np.zeros(SIZE, np.uint16),
        "thermal_unit": ThermalUnit.COUNTS,
        "intrinsics": THERMAL,
        "depth_m": cast(THERMAL, SIZE, np.eye(4)),
        "rgb": rng.integers(60, 200, (10, 15, 3), dtype=np.uint8).repeat(16, 0).repeat(16, 1),
        "rgb_view": RgbView(intrinsics=RGB, rgb_from_thermal=RGB_FROM_THERMAL, depth_m=truth),
    }
    return Sample(**{**fields, **changes})


def exact_inverse() -> Map:
    return 1 / cast(RGB, RGB_SIZE, np.linalg.inv(RGB_FROM_THERMAL))


def moved_label(values: Map, geometry: Geometry, **how: Any) -> Transfer:
    sample = how.pop("sample", None) or made_sample()
    settings = how.pop("settings", SETTINGS)
    return transfer_map(values, geometry, sample, settings, picture=GOOD, **how)


MAPS: dict[Geometry, Any] = {
    Geometry.AFFINE_INVERSE: lambda inverse: 37 * inverse - 4,
    Geometry.AFFINE_DEPTH: lambda inverse: 0.2 / inverse + 1,
    Geometry.SCALE_DEPTH: lambda inverse: 0.01 / inverse,
    Geometry.METRIC_DEPTH: lambda inverse: 1 / inverse,
}


@pytest.mark.parametrize("geometry", Geometry)
def test_the_label_is_inverse_depth_along_the_thermal_axis(geometry: Geometry) -> None:
    transfer = moved_label(MAPS[geometry](exact_inverse()).astype(np.float32), geometry)
    assert transfer.rejection is None
    has_label = np.isfinite(transfer.label)
    assert has_label.mean() > 0.6
    # The RGB camera stands 0.2 m ahead: its own depths are off by 2 to 5 %.
    exact_m = cast(THERMAL, SIZE, np.eye(4))
    np.testing.assert_allclose(1 / transfer.label[has_label], exact_m[has_label], rtol=2e-3)
    np.testing.assert_array_equal(has_label, transfer.confidence >= 0.5)
    assert not (transfer.outside & has_label).any()
    assert not (transfer.hidden & has_label).any()


def test_what_the_post_hides_from_rgb_has_no_label() -> None:
    transfer = moved_label(exact_inverse(), Geometry.AFFINE_INVERSE)
    exact_m = cast(THERMAL, SIZE, np.eye(4))
    points = moved(unproject(exact_m, THERMAL), RGB_FROM_THERMAL)
    column, row = project(points, RGB)
    inside = (column >= 0) & (column < RGB_SIZE[1]) & (row >= 0) & (row < RGB_SIZE[0])
    rgb_depth_m = cast(RGB, RGB_SIZE, np.linalg.inv(RGB_FROM_THERMAL))
    seen_m = rgb_depth_m[
        np.where(inside, row, 0).astype(int), np.where(inside, column, 0).astype(int)
    ]
    hidden = inside & (points[2] > 1.1 * seen_m)
    assert hidden.sum() > 500
    assert not np.isfinite(transfer.label[hidden]).any()
    assert not np.isfinite(transfer.label[~inside]).any()
    assert np.isfinite(transfer.label[exact_m == POST_M]).any()


def test_a_coarse_rgb_picture_leaves_no_pinholes() -> None:
    """A third of the thermal resolution: each RGB pixel must cover nine thermal ones."""
    coarse = np.diag([1 / 6, 1 / 6, 1]) @ RGB
    size = (RGB_SIZE[0] // 6, RGB_SIZE[1] // 6)
    wall_m = np.full(size, WALL_M - 0.2, np.float32)
    view = RgbView(
        intrinsics=coarse.astype(np.float32), rgb_from_thermal=RGB_FROM_THERMAL, depth_m=wall_m
    )
    transfer = moved_label(1 / wall_m, Geometry.METRIC_DEPTH, sample=made_sample(rgb_view=view))
    assert transfer.rejection is Rejection.DISAGREES  # inverse depth taken for metres
    transfer = moved_label(wall_m, Geometry.METRIC_DEPTH, sample=made_sample(rgb_view=view))
    inner = transfer.label[10:-10, 20:-30]
    np.testing.assert_allclose(1 / inner, WALL_M, rtol=1e-3)


def test_a_surface_in_front_is_not_leaked_through() -> None:
    """A near panel that fills half of the view, refined RGB grid or not, shows nothing of the wall."""
    transfer = moved_label(exact_inverse(), Geometry.AFFINE_INVERSE)
    post = cast(THERMAL, SIZE, np.eye(4)) == POST_M
    label_m = 1 / transfer.label[post & np.isfinite(transfer.label)]
    np.testing.assert_allclose(label_m, POST_M, rtol=1e-2)


def test_truth_of_the_thermal_view_serves_where_rgb_has_none() -> None:
    view = RgbView(intrinsics=RGB, rgb_from_thermal=RGB_FROM_THERMAL)
    sparse = made_sample().depth_m
    assert sparse is not None
    sparse = np.where(np.random.default_rng(1).random(SIZE) < 0.1, sparse, np.float32(np.nan))
    sample = made_sample(rgb_view=view, depth_m=sparse)
    transfer = moved_label(5 * exact_inverse() + 2, Geometry.AFFINE_INVERSE, sample=sample)
    assert transfer.rejection is None
    has_label = np.isfinite(transfer.label)
    exact_m = cast(THERMAL, SIZE, np.eye(4))[has_label]
    np.testing.assert_allclose(1 / transfer.label[has_label], exact_m, rtol=5e-3)


def test_a_known_motion_between_the_exposures_is_undone() -> None:
    """The rig went 1 m ahead before RGB looked: the RGB pose at its own exposure is the pose to use."""
    ahead = np.eye(4)
    ahead[2, 3] = -1.0  # points come 1 m nearer
    later = made_sample(
        rgb_view=RgbView(
            intrinsics=RGB,
            rgb_from_thermal=RGB_FROM_THERMAL @ np.linalg.inv(ahead),
            depth_m=made_sample().rgb_view.depth_m,  # type: ignore[union-attr]
        )
    )
    assert later.rgb_view is not None
    with_motion = replace(later, rgb_view=replace(later.rgb_view, motion=ahead))
    known = moved_label(exact_inverse(), Geometry.AFFINE_INVERSE, sample=with_motion)
    still = moved_label(exact_inverse(), Geometry.AFFINE_INVERSE)
    np.testing.assert_array_equal(known.label, still.label)
    unknown = moved_label(exact_inverse(), Geometry.AFFINE_INVERSE, sample=later)
    assert np.nanmedian(np.abs(1 / unknown.label - WALL_M)) > 0.5


def test_holes_of_a_teacher_stay_holes() -> None:
    values = exact_inverse()
    values[60:100, 20:60] = np.nan
    holes = moved_label(values, Geometry.AFFINE_INVERSE)
    whole = moved_label(exact_inverse(), Geometry.AFFINE_INVERSE)
    lost = np.isfinite(whole.label) & ~np.isfinite(holes.label)
    assert 300 < lost.sum() < 1200  # 40 x 40 pixels of RGB are 20 x 20, and a margin
    labelled = np.isfinite(holes.label)
    np.testing.assert_allclose(holes.label[labelled], whole.label[labelled], rtol=1e-4)


# --- the teacher around it -----------------------------------------------------------------------


class MadeTeacher:
    """Gives the exact map of the wall, and remembers what it was shown."""

    geometry = Geometry.AFFINE_INVERSE
    description = "made up"

    def __init__(self, values: Map | None = None) -> None:
        self.values = exact_inverse() if values is None else values
        self.samples: list[Sample] = []

    def fingerprint(self) -> str:
        return "made-0123456789abcdef"

    def label(self, samples: Sequence[Sample]) -> list[Map]:
        self.samples += samples
        return [self.values for _ in samples]


def test_a_teacher_is_shown_the_rgb_view_alone() -> None:
    inner = MadeTeacher()
    teacher = TransferringTeacher(inner, SETTINGS)
    assert isinstance(teacher, Teacher)
    assert isinstance(teacher, ExplainingTeacher)
    (label,) = teacher.label([made_sample()])
    assert label.shape == SIZE
    (sample,) = inner.samples
    assert sample.size == RGB_SIZE
    assert sample.rgb_view is None
    np.testing.assert_array_equal(sample.intrinsics, RGB)
    assert not isinstance(inner, ExplainingTeacher)


def test_the_fingerprint_covers_teacher_and_settings() -> None:
    inner = MadeTeacher()
    first = TransferringTeacher(inner, SETTINGS).fingerprint()
    assert first.startswith("made.thermal-view-")
    edited = SETTINGS.edit({"trust.min_confidence": 0.4})
    gated = SETTINGS.edit({"quality.min_inliers": 0.5})
    others = {
        TransferringTeacher(inner, edited).fingerprint(),
        TransferringTeacher(inner, gated).fingerprint(),
        inner.fingerprint(),
        first,
    }
    assert len(others) == 4
    assert TransferringTeacher(MadeTeacher(), TransferSettings()).fingerprint() == first


def test_aligned_and_other_frames_are_not_mixed() -> None:
    aligned = replace(made_sample(), rgb_view=None)
    with pytest.raises(TeacherError, match="frame a: its RGB lies on the thermal pixel grid"):
        TransferringTeacher(MadeTeacher(), SETTINGS).label([aligned])
    with pytest.raises(TeacherError, match="frame a has no RGB image"):
        as_rgb_sees(replace(made_sample(), rgb=None))
    grey = np.zeros((5, 5), np.uint8)
    with pytest.raises(TeacherError, match=r"frame a: RGB image is uint8 \[5, 5\]"):
        as_rgb_sees(replace(made_sample(), rgb=grey))  # type: ignore[arg-type]


def test_rejected_frames_are_kept_as_empty_labels_with_the_reason(tmp_path: Any) -> None:
    """A dark frame never reaches the teacher; one of the wrong sign does; the store counts both."""
    dark = replace(made_sample(sample_id="dark/1"), rgb=np.zeros((*RGB_SIZE, 3), np.uint8))
    inner = MadeTeacher()
    teacher = TransferringTeacher(inner, SETTINGS)
    store = open_store(tmp_path, teacher, "data-1")
    samples = [made_sample(sample_id="good"), dark]
    assert store.fill(teacher, samples) == 2
    assert [sample.sample_id for sample in inner.samples] == ["good"]
    assert np.isnan(store.label("dark/1")).all()
    assert np.isfinite(store.label("good")).any()
    assert store.rejected(["good", "dark/1", "never"]) == {Rejection.DARK: 1}
    facts = store.facts("good")
    assert facts is not None
    assert facts["rejected"] == ""
    assert facts["labelled"] == pytest.approx(np.isfinite(store.label("good")).mean(), abs=1e-4)
    assert facts["points"] > 1000
    assert store.facts("never") is None
    assert store.fill(teacher, samples) == 0  # a rejected frame is done, too


def test_damaged_facts_are_named(tmp_path: Any) -> None:
    teacher = TransferringTeacher(MadeTeacher(), SETTINGS)
    store = open_store(tmp_path, teacher, "data-1")
    store.fill(teacher, [made_sample()])
    (path,) = (store.folder / "facts").glob("*.json")
    for content in ("[1]", "{", "[" * 70_000):
        path.write_text(content)
        with pytest.raises(TeacherError, match=r"facts/a\.json: .*Delete it and the map"):
            store.facts("a")


def test_skewed_frames_are_refused_unless_the_motion_is_known() -> None:
    view = made_sample().rgb_view
    assert view is not None
    skewed = made_sample(rgb_view=replace(view, later_s=-0.2))
    (transfer,) = TransferringTeacher(MadeTeacher(), SETTINGS).transfer([skewed])
    assert transfer.rejection is Rejection.SKEWED
    known = made_sample(rgb_view=replace(view, later_s=-0.2, motion=np.eye(4)))
    (transfer,) = TransferringTeacher(MadeTeacher(), SETTINGS).transfer([known])
    assert transfer.rejection is None


# --- rendered scenes of MS2's rig ----------------------------------------------------------------


@cache
def rendered(seed: int) -> Any:
    pytest.importorskip("embreex")
    from thermodepth.synthetic import open_rig, render_frames

    rig = open_rig("ms2", (320, 128))
    return next(render_frames(seed, rig=rig, lidar_channels=64, samples=1))


@pytest.mark.parametrize("seed", [901, 906])
def test_a_rendered_scene_lies_where_it_is(seed: int) -> None:
    frame = rendered(seed)
    view = frame.rgb_view
    rng = np.random.default_rng(seed)
    inverse = np.nan_to_num(1 / view.depth_m) * (1 + 0.01 * rng.standard_normal(view.depth_m.shape))
    values = (12 * inverse - 0.7).astype(np.float32)
    sample = Sample(
        sample_id=frame.frame_id,
        thermal=frame.apparent_temperature_k,
        thermal_unit=ThermalUnit.KELVIN,
        intrinsics=frame.intrinsics,
        depth_m=frame.lidar_m,
        rgb=frame.rgb,
        rgb_view=replace(view, depth_m=None),
    )
    transfer = moved_label(values, Geometry.AFFINE_INVERSE, sample=sample)
    has_label = np.isfinite(transfer.label)
    both = has_label & np.isfinite(frame.depth_m)
    errors = np.abs(1 / transfer.label[both] / frame.depth_m[both] - 1)
    assert np.median(errors) < 0.01
    assert (errors > 0.1).mean() < 0.02
    visible, occluded = seen_by_rgb(frame)
    assert (has_label & visible).sum() > 0.7 * visible.sum()
    assert occluded.sum() > 1000
    assert (has_label & occluded).sum() < 0.05 * occluded.sum()


def seen_by_rgb(frame: Any) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Thermal pixels whose exact point RGB sees, and from which something hides it."""
    import cv2

    there_m = np.where(np.isfinite(frame.rgb_view.depth_m), frame.rgb_view.depth_m, np.inf)
    height, width = there_m.shape
    depth_m = np.where(np.isfinite(frame.depth_m), frame.depth_m, 1e4)
    points = moved(unproject(depth_m, frame.intrinsics), frame.rgb_view.rgb_from_thermal)
    column, row = project(points, frame.rgb_view.intrinsics)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    place = np.where(inside, row, 0).astype(int), np.where(inside, column, 0).astype(int)
    farthest = cv2.dilate(there_m, np.ones((3, 3)))[place]
    return inside & (points[2] <= 1.03 * there_m[place]), inside & (points[2] > 1.05 * farthest)
