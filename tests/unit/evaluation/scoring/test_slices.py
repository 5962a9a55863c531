"""Slices: what each partition cuts by, against independent measures, and where it cannot be told."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from thermodepth.evaluation.scoring.frame_truth import FrameTruth
from thermodepth.evaluation.scoring.slices import (
    CONTRAST,
    boundary_distance_px,
    local_contrast,
    partitions_of,
    slice_names,
)


@pytest.fixture
def frame(make_sample, protocol):
    """`frame(depth_m, thermal=...)`: its truth under a protocol of 1-16 m."""

    def make(depth_m, *, thermal=None, protocol=protocol):
        sample = make_sample(depth_m)
        if thermal is not None:
            sample = replace(sample, thermal=np.asarray(thermal))
        return FrameTruth.from_sample(sample, frame=0, protocol=protocol)

    return make


def partitions(truth):
    thermal = truth.sample.thermal if truth.sample.has_thermal else None
    return partitions_of(truth.truth_m, truth.scored, protocol=truth.protocol, thermal=thermal)


def by_kind(truth):
    return {partition.kind: partition for partition in partitions(truth)}


def names_of(partition):
    """Of each scored pixel the slice it is in; None for none."""
    names = [*partition.names, None]
    return [names[number] for number in partition.groups.index]


def random_depth(shape, *, seed=0):
    """Blocks of one depth each, so that there are boundaries, and a few holes."""
    rng = np.random.default_rng(seed)
    rows, columns = (-(-n // 8) for n in shape)
    depth = np.exp(rng.uniform(0.1, 2.6, (rows, columns))).repeat(8, 0).repeat(8, 1)
    depth = depth[: shape[0], : shape[1]].astype(np.float32)
    depth[rng.random(shape) < 0.05] = np.nan
    return depth


def test_every_name_is_listed_in_order(protocol):
    assert slice_names(protocol) == {
        "range": ("range:1-4", "range:4-8", "range:8-16"),
        "edge": ("edge:0-2", "edge:2-5", "edge:5-15", "edge:15-inf"),
        "contrast": (
            "contrast:0-0.01",
            "contrast:0.01-0.03",
            "contrast:0.03-0.1",
            "contrast:0.1-inf",
        ),
        "density": ("density:0-0.02", "density:0.02-0.1", "density:0.1-0.5", "density:0.5-inf"),
    }


def test_partitions_cut_the_scored_pixels_into_the_listed_slices(frame, protocol):
    truth = frame(random_depth((40, 60)), thermal=np.random.default_rng(1).normal(size=(40, 60)))
    found = partitions(truth)
    assert [partition.kind for partition in found] == ["range", "edge", "contrast", "density"]
    for partition in found:
        assert partition.names == slice_names(protocol)[partition.kind]
        assert partition.groups.index.shape == (truth.pixels.size,)
        assert partition.groups.index.dtype == np.intp
        assert partition.groups.sizes.sum() == truth.pixels.size
        counted = [(partition.groups.index == n).sum() for n in range(len(partition.names))]
        assert partition.groups.sizes.tolist() == counted


def test_ranges_are_the_protocols_own(frame):
    truth = frame([[2.0, 4.0, np.nan, 15.0], [99.0, 7.9, 8.0, 1.5]])
    names = names_of(by_kind(truth)["range"])
    assert names == [f"range:{r}" for r in ("1-4", "4-8", "8-16", "4-8", "8-16", "1-4")]


class TestEdge:
    def test_by_hand(self, frame):
        # A step of 2 between columns 3 and 4, both of them at distance 0.
        depth = np.full((1, 30), 2.0)
        depth[:, 4:] = 4.0
        names = names_of(by_kind(frame(depth))["edge"])
        assert names[0] == names[1] == "edge:2-5"  # 3 and 2 pixels away
        assert set(names[2:6]) == {"edge:0-2"}
        assert names[6] == "edge:2-5"
        assert names[9] == "edge:5-15"  # 5
        assert names[18] == "edge:5-15"  # 14
        assert names[19] == "edge:15-inf"  # 15

    def test_against_scipy(self):
        depth = random_depth((45, 70))
        inside = np.isfinite(depth)
        boundary = np.zeros(depth.shape, bool)
        for row, column in np.argwhere(inside):
            for there in ((row + 1, column), (row, column + 1)):
                if there[0] < 45 and there[1] < 70 and inside[there]:
                    a, b = float(depth[row, column]), float(depth[there])
                    if max(a / b, b / a) > 1.1:
                        boundary[row, column] = boundary[there] = True
        expected = ndimage.distance_transform_edt(~boundary)
        np.testing.assert_allclose(boundary_distance_px(depth, inside), expected, atol=1e-4)

    def test_a_step_of_exactly_the_ratio_is_none_and_a_larger_one_is(self):
        everywhere = np.ones((1, 2), bool)
        for far, distance in ((2.2, np.inf), (2.21, 0.0)):
            found = boundary_distance_px(np.array([[2.0, far]], np.float32), everywhere)
            assert found.tolist() == [[distance, distance]]

    def test_a_hole_between_two_depths_bounds_nothing(self):
        depth = np.array([[2.0, np.nan, 4.0]], np.float32)
        assert np.isinf(boundary_distance_px(depth, np.isfinite(depth))).all()

    def test_without_a_boundary_all_is_far_from_one(self, frame):
        partition = by_kind(frame(np.full((4, 5), 3.0)))["edge"]
        assert partition.groups.sizes.tolist() == [0, 0, 0, 20]

    @pytest.mark.parametrize(("known", "there"), [(50, True), (49, False)])
    def test_only_where_half_of_the_pixels_have_truth(self, frame, known, there):
        depth = np.full(100, np.nan)
        depth[:known] = 3.0
        assert ("edge" in by_kind(frame(depth.reshape(10, 10)))) is there

    def test_truth_beyond_the_range_makes_a_frame_dense_but_bounds_nothing(self, frame):
        depth = np.full((4, 10), 99.0)
        depth[:, :3] = 3.0
        assert by_kind(frame(depth))["edge"].groups.sizes.tolist() == [0, 0, 0, 12]

    def test_density_is_asked_inside_the_crop(self, frame, protocol):
        depth = np.full((10, 10), np.nan)
        depth[8:] = 3.0
        lower = {"unit": "fraction", "top": 0.7, "bottom": 1, "left": 0, "right": 1}
        cropped = by_kind(frame(depth, protocol=protocol.edit({"crop": lower})))
        assert set(names_of(cropped["density"])) == {"density:0.5-inf"}  # 20 of 30
        assert "edge" in cropped
        assert "edge" not in by_kind(frame(depth))

    def test_boundaries_stay_where_fewer_pixels_are_scored(self, frame):
        truth = frame([[2.0, 2.0, 2.0, 4.0, 4.0, 4.0]])
        labelled = truth.where(np.array([[True, True, True, False, False, False]]))
        assert names_of(by_kind(labelled)["edge"]) == ["edge:2-5", "edge:0-2", "edge:0-2"]


class TestContrast:
    @pytest.mark.parametrize("dtype", [np.uint16, np.float32])
    def test_against_numpy(self, dtype):
        rng = np.random.default_rng(2)
        thermal = rng.normal(8000, 40, (25, 31))
        thermal[5:9, 20:] += 600
        thermal = thermal.astype(dtype)
        low, high = np.percentile(thermal.astype(float), (1, 99))
        expected = ndimage.generic_filter(
            thermal.astype(float) / (high - low), np.std, size=7, mode="mirror"
        )
        np.testing.assert_allclose(local_contrast(thermal), expected, rtol=1e-6, atol=1e-9)

    def test_pixels_without_a_value_are_left_out_of_their_neighbours_windows(self):
        rng = np.random.default_rng(3)
        thermal = rng.normal(290, 3, (20, 24)).astype(np.float32)
        thermal[rng.random(thermal.shape) < 0.2] = np.nan
        thermal[2, 3] = np.inf
        known = np.where(np.isfinite(thermal), thermal, np.nan).astype(float)
        low, high = np.nanpercentile(known, (1, 99))
        spread = ndimage.generic_filter(
            known / (high - low), lambda window: np.nanstd(window), size=7, mode="mirror"
        )
        expected = np.where(np.isfinite(known), spread, np.nan)
        np.testing.assert_allclose(local_contrast(thermal), expected, rtol=1e-6, atol=1e-9)

    def test_a_lone_value_has_no_contrast_and_two_have_half_their_difference(self):
        thermal = np.full((20, 40), np.nan, np.float32)
        thermal[:, 30:] = np.linspace(290, 300, 10)
        thermal[10, 5] = 299.0  # 1 of the 49 pixels of its window
        assert local_contrast(thermal)[10, 5] == pytest.approx(0.0, abs=1e-6)
        thermal[10, 7] = 293.0
        low, high = np.nanpercentile(thermal.astype(float), (1, 99))
        found = local_contrast(thermal)[10, [5, 7]]
        assert found == pytest.approx(0.5 * (299 - 293) / (high - low), rel=1e-6)

    def test_gain_and_offset_change_nothing(self):
        thermal = np.random.default_rng(4).normal(size=(20, 20))
        np.testing.assert_allclose(
            local_contrast(50 * thermal + 3000), local_contrast(thermal), rtol=1e-6
        )

    def test_pictures_that_say_nothing(self, frame):
        assert (local_contrast(np.full((9, 9), 7000, np.uint16)) == 0.0).all()
        assert np.isnan(local_contrast(np.full((9, 9), np.nan, np.float32))).all()
        lone = np.full((9, 9), np.nan, np.float32)
        lone[4, 4] = 300.0
        assert local_contrast(lone)[4, 4] == 0.0
        flat = by_kind(frame(np.full((9, 9), 3.0), thermal=np.full((9, 9), 7000, np.uint16)))
        assert set(names_of(flat["contrast"])) == {"contrast:0-0.01"}

    def test_an_unknown_pixel_is_in_no_slice(self, frame):
        thermal = np.full((9, 9), 300.0, np.float32)
        thermal[0, 0] = np.nan
        partition = by_kind(frame(np.full((9, 9), 3.0), thermal=thermal))["contrast"]
        assert names_of(partition)[0] is None
        assert partition.groups.sizes.tolist() == [80, 0, 0, 0]

    def test_each_pixel_is_in_the_slice_of_its_contrast(self, frame):
        thermal = np.random.default_rng(5).normal(size=(30, 30)).cumsum(0).cumsum(1)
        contrast = local_contrast(thermal).ravel()
        found = by_kind(frame(np.full((30, 30), 3.0), thermal=thermal))["contrast"]
        expected = np.digitize(contrast, CONTRAST) - 1
        assert len(set(expected)) >= 3
        np.testing.assert_array_equal(found.groups.index, expected)

    def test_absent_where_the_picture_has_another_size(self, frame):
        assert "contrast" not in by_kind(frame(np.full((4, 6), 3.0), thermal=np.ones((8, 12))))


@pytest.mark.parametrize(
    ("known", "name"),
    [
        (1, "0-0.02"),
        (2, "0.02-0.1"),
        (10, "0.1-0.5"),
        (49, "0.1-0.5"),
        (50, "0.5-inf"),
        (100, "0.5-inf"),
    ],
)
def test_a_frame_is_in_one_slice_of_density_whole(frame, known, name):
    depth = np.full(100, np.nan)
    depth[:known] = 3.0
    partition = by_kind(frame(depth.reshape(10, 10)))["density"]
    assert names_of(partition) == [f"density:{name}"] * known
    assert partition.groups.sizes.sum() == known


def test_one_pixel_is_enough(frame):
    found = by_kind(frame([[3.0]]))
    assert {kind: names_of(p) for kind, p in found.items()} == {
        "range": ["range:1-4"],
        "edge": ["edge:15-inf"],
        "contrast": ["contrast:0-0.01"],
        "density": ["density:0.5-inf"],
    }
