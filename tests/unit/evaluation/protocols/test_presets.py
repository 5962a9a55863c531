"""The table of presets: each as its source has it, and the page that shows it."""

import numpy as np
import pytest

from thermodepth.data.ms2 import PROTOCOL_OF_TRUTH
from thermodepth.evaluation.protocols.alignment import ALIGNMENTS
from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.evaluation.protocols.presets import ALIASES, SOURCES
from thermodepth.evaluation.protocols.protocol import PROTOCOLS

MS2 = ("ms2_unfiltered", "ms2_median", "ms2_metric", "ms2_affine")


def test_every_row_has_its_own_name_and_a_source():
    assert all(name == protocol.name for name, protocol in PROTOCOLS.items())
    assert SOURCES.keys() == PROTOCOLS.keys()
    assert all(len(source) > 10 for source in SOURCES.values())
    assert len({p.protocol_id() for p in PROTOCOLS.values()}) == len(PROTOCOLS)


def test_our_own_worlds_are_as_they_were():
    synthetic, mm5, drone = (PROTOCOLS[n] for n in ("synthetic", "mm5", "firestereo"))
    assert (synthetic.min_depth_m, synthetic.max_depth_m) == (0.3, 80.0)
    assert synthetic.range_slices()[2] == "range:2.5-6"
    assert mm5.range_bin_edges_m == (0.2, 0.6, 0.8, 1.0, 1.2, 3.0)
    assert (drone.min_depth_m, drone.max_depth_m) == (0.5, 80.0)
    assert {p.alignment for p in (synthetic, mm5, drone)} == {"none"}


def test_the_four_protocols_of_ms2_differ_in_truth_alignment_and_how_their_codes_compute_it():
    found = {n: (PROTOCOLS[n].truth, PROTOCOLS[n].alignment) for n in MS2}
    assert found == {
        "ms2_unfiltered": ("depth", "none"),
        "ms2_median": ("depth_filtered", "median"),
        "ms2_metric": ("depth_filtered", "none"),
        "ms2_affine": ("depth_filtered", "affine_depth"),
    }
    how = {n: (PROTOCOLS[n].median, PROTOCOLS[n].resize, PROTOCOLS[n].grid) for n in MS2}
    assert how == {
        "ms2_unfiltered": ("middle", "log", "centres"),
        "ms2_median": ("lower", "nearest", "origins"),  # torch.median, interpolate(mode="nearest")
        "ms2_metric": ("middle", "log", "centres"),
        "ms2_affine": ("middle", "depth", "centres"),
    }
    alike = {"name": "x", "truth": "", "alignment": "none"}
    alike |= {"median": "middle", "resize": "log", "grid": "centres"}
    assert len({PROTOCOLS[n].edit(alike).protocol_id() for n in MS2}) == 1
    assert (PROTOCOLS["ms2_metric"].min_depth_m, PROTOCOLS["ms2_metric"].max_depth_m) == (1e-3, 80)


def test_what_the_reader_of_ms2_reads_is_the_truth_that_its_protocol_means():
    for truth, name in PROTOCOL_OF_TRUTH.items():
        assert named_protocol(name).truth == truth


def test_the_old_name_still_works():
    assert named_protocol("ms2") is PROTOCOLS["ms2_metric"]
    assert set(ALIASES.values()) <= set(PROTOCOLS)
    assert not set(ALIASES) & set(PROTOCOLS)


@pytest.mark.parametrize(("name", "far_m"), [("vivid_indoor", 10.0), ("vivid_outdoor", 80.0)])
def test_vivid_is_as_published(name, far_m):
    protocol = PROTOCOLS[name]
    assert (protocol.min_depth_m, protocol.max_depth_m) == (0.001, far_m)
    assert (protocol.alignment, protocol.resize, protocol.crop) == ("median", "inverse", None)
    assert (protocol.median, protocol.grid) == ("middle", "centres")  # numpy and OpenCV


@pytest.mark.parametrize("name", ["nyu_eigen", "kitti_eigen", "kitti_garg"])
def test_eigens_numbers_are_resized_with_the_corners_on_each_other(name):
    assert (PROTOCOLS[name].resize, PROTOCOLS[name].grid) == ("depth", "corners")


def test_the_crops_of_print():
    truth = np.full((480, 640), 3.0, np.float32)
    expected = np.zeros((480, 640), bool)
    expected[45:471, 41:601] = True
    np.testing.assert_array_equal(PROTOCOLS["nyu_eigen"].scored(truth), expected)
    assert PROTOCOLS["nyu_eigen"].max_depth_m == 10.0
    # Eigen's of 375x1242, by hand: 124.66 342.57 44.65 1197.35.
    crop = PROTOCOLS["kitti_eigen"].crop
    assert crop.bounds((375, 1242)) == (slice(124, 342), slice(44, 1197))
    assert PROTOCOLS["kitti_garg"].crop.top == 0.40810811


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)
def test_every_preset_is_usable(protocol):
    assert protocol.alignment in ALIGNMENTS
    assert protocol.clamp_prediction
    assert protocol.fit_values == "raw"
    assert protocol.bounds == "strict"
    assert protocol.averaging == "per_frame"
    assert 4 <= len(protocol.range_slices()) <= 6
    assert protocol.frame_list == ""
