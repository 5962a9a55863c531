"""Protocols: bounds, crops and masks, ranges that split the pixels, and ids that follow every choice."""

import json

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from thermodepth.errors import DataError, SettingsError
from thermodepth.evaluation.protocols.crop import Crop, Mask
from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.evaluation.protocols.protocol import PROTOCOLS, Protocol, differences

JUNK = [np.nan, np.inf, -np.inf, -3.0, 0.0]
NYU = {
    "unit": "pixels",
    "top": 45,
    "bottom": 471,
    "left": 41,
    "right": 601,
    "size": [480, 640],
}


def mask_file(folder, pixels, name="mask.png"):
    Image.fromarray(np.asarray(pixels, np.uint8) * 200).save(folder / name)
    return folder / name


def test_strict_bounds_leave_the_limits_out_and_junk_is_never_scored(protocol):
    truth = np.array([*JUNK, 1.0, 1.001, 15.99, 16.0, 17.0])
    assert protocol.scored(truth).tolist() == [*[False] * 6, True, True, False, False]


def test_inclusive_bounds_take_the_limits_in(protocol):
    truth = np.array([*JUNK, 0.999, 1.0, 15.99, 16.0, 16.01])
    inclusive = protocol.edit({"bounds": "inclusive"})
    assert inclusive.scored(truth).tolist() == [*[False] * 6, True, True, True, False]
    assert inclusive.range_index(np.array([16.0])).tolist() == [2]
    # float32(0.3) is larger than 0.3, and a pixel stored as the limit is at the limit.
    near = PROTOCOLS["synthetic"].edit({"bounds": "inclusive"})
    assert near.scored(np.array([0.3, 80.0], np.float32)).all()


@pytest.mark.parametrize("name", [n for n, p in PROTOCOLS.items() if p.crop is None])
def test_a_pixel_stored_as_exactly_the_limit_is_not_scored(name):
    protocol = PROTOCOLS[name]
    limits = np.array([protocol.min_depth_m, protocol.max_depth_m], dtype=np.float32)
    assert not protocol.scored(limits).any()
    inside = np.nextafter(limits, np.float32(1.0), dtype=np.float32)
    assert protocol.scored(inside).all()


def test_ranges_hold_their_lower_edge_and_split_the_pixels(protocol):
    truth = np.array([1.01, 3.99, 4.0, 7.99, 8.0, 15.9], dtype=np.float32)
    assert protocol.range_index(truth).tolist() == [0, 0, 1, 1, 2, 2]
    assert protocol.range_slices() == ("range:1-4", "range:4-8", "range:8-16")


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_edge_of_the_table_belongs_to_the_range_above_it(name):
    protocol = PROTOCOLS[name]
    edges = np.array(protocol.range_bin_edges_m[1:-1], dtype=np.float32)
    assert protocol.range_index(edges).tolist() == list(range(1, len(edges) + 1))


def test_without_edges_there_are_five_ranges_of_one_factor():
    protocol = Protocol(name="own", min_depth_m=0.5, max_depth_m=50.0)
    # 0.5 100^(k/5) = 1.256, 3.155, 7.924, 19.91, to two digits.
    assert protocol.range_bin_edges_m == (0.5, 1.3, 3.2, 7.9, 20.0, 50.0)
    said = Protocol(name="own", min_depth_m=0.5, max_depth_m=50.0, range_bin_edges_m=(0.5, 50.0))
    assert protocol.protocol_id() != said.protocol_id()
    assert Protocol.parse(protocol.tree()) == protocol


def test_fractions_are_cut_to_pixels_as_the_published_code_does():
    # By hand for Garg's crop of 375x1242: 153.04 371.95 44.65 1197.35.
    garg = PROTOCOLS["kitti_garg"].crop
    assert garg.bounds((375, 1242)) == (slice(153, 371), slice(44, 1197))
    truth = np.full((375, 1242), 5.0, np.float32)
    height, width = truth.shape
    crop = np.array(
        [0.40810811 * height, 0.99189189 * height, 0.03594771 * width, 0.96405229 * width]
    ).astype(np.int32)
    expected = np.zeros(truth.shape)
    expected[crop[0] : crop[1], crop[2] : crop[3]] = 1
    np.testing.assert_array_equal(PROTOCOLS["kitti_garg"].scored(truth), expected == 1)


def test_a_crop_in_pixels_is_for_one_size():
    truth = np.full((480, 640), 2.0, np.float32)
    truth[100, 100] = 10.0
    scored = PROTOCOLS["nyu_eigen"].scored(truth)
    assert np.count_nonzero(scored) == (471 - 45) * (601 - 41) - 1
    assert scored[45, 41]
    assert scored[470, 600]
    assert not scored[44].any()
    assert not scored[471].any()
    assert not scored[:, 40].any()
    assert not scored[:, 601].any()
    with pytest.raises(DataError, match="crop is for frames of 480x640, and this one has 256x640"):
        PROTOCOLS["nyu_eigen"].scored(truth[:256])


def test_a_crop_that_leaves_nothing_of_a_small_frame_is_refused(protocol):
    thin = {"unit": "fraction", "top": 0.4, "bottom": 0.5, "left": 0.0, "right": 1.0}
    small = protocol.edit({"crop": thin})
    assert np.count_nonzero(small.scored(np.full((10, 2), 2.0))) == 2
    with pytest.raises(DataError, match="leaves no pixel of a frame of 3x2"):
        small.scored(np.full((3, 2), 2.0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unit": "percent"}, "crop.unit"),
        ({"top": 471}, "top must be above bottom"),
        ({"left": 601.0}, "left of right"),
        ({"size": None}, r"needs the size = \[rows, columns\]"),
        ({"top": 44.5}, "whole numbers"),
        ({"bottom": 481}, "beyond its frame"),
        ({"unit": "fraction"}, "size is for a crop in pixels"),
        ({"unit": "fraction", "size": None}, "fractions are 0 to 1"),
        ({"top": -1}, "greater than or equal to 0"),
        ({"botom": 3}, "no setting 'crop.botom'"),
    ],
)
def test_crops_that_cannot_be(protocol, change, message):
    with pytest.raises(SettingsError, match=message):
        protocol.edit({"crop": NYU | change})


def test_a_crop_from_minus_zero_is_one_from_zero(protocol):
    crop = {"unit": "fraction", "top": 0.0, "bottom": 1.0, "left": 0.0, "right": 0.5}
    one, same = (protocol.edit({"crop": crop | {"top": top, "left": top}}) for top in (0.0, -0.0))
    assert one.protocol_id() == same.protocol_id()
    assert "-0" not in json.dumps(same.tree())


def test_there_are_at_most_64_ranges():
    edges = [float(edge) for edge in range(1, 67)]
    most = {
        "name": "fine",
        "min_depth_m": 1.0,
        "max_depth_m": 65.0,
        "range_bin_edges_m": edges[:65],
    }
    assert len(Protocol.parse(most).range_slices()) == 64
    with pytest.raises(SettingsError, match=r"range_bin_edges_m .*at most 65 items"):
        Protocol.parse(most | {"max_depth_m": 66.0, "range_bin_edges_m": edges})


def test_a_mask_counts_where_its_picture_is_not_zero(protocol, tmp_path):
    masked = protocol.model_copy(
        update={"mask": Mask.from_file(mask_file(tmp_path, [[1, 1, 0], [0, 1, 1]]))}
    )
    truth = np.array([[2.0, 99.0, 2.0], [2.0, 2.0, np.nan]])
    assert masked.scored(truth).tolist() == [[True, False, False], [False, True, False]]
    assert masked.counted((2, 3)).tolist() == [[True, True, False], [False, True, True]]
    with pytest.raises(DataError, match=r"mask\.png: the mask has 2x3 pixels and the frame 3x2"):
        masked.scored(truth.T)


def test_a_mask_is_what_it_counts_and_not_where_it_lies(protocol, tmp_path):
    one = Mask.from_file(mask_file(tmp_path, [[1, 0], [1, 1]]))
    (tmp_path / "far").mkdir()
    colour = np.zeros((2, 2, 3), np.uint8)
    colour[..., 2] = [[7, 0], [9, 1]]  # any channel counts
    Image.fromarray(colour).save(tmp_path / "far" / "same.bmp")
    same = Mask.from_file(tmp_path / "far" / "same.bmp")
    other = Mask.from_file(mask_file(tmp_path, [[1, 1], [1, 1]], "other.png"))
    reshaped = Mask.from_file(mask_file(tmp_path, [[1, 0, 1, 1]], "reshaped.png"))
    ids = [
        protocol.model_copy(update={"mask": mask}).protocol_id()
        for mask in (None, one, same, other, reshaped)
    ]
    assert ids[1] == ids[2]
    assert len(set(ids)) == 4
    carried = protocol.model_copy(update={"mask": one}).placeless()
    assert carried.protocol_id() == ids[1]
    assert str(tmp_path) not in json.dumps(carried.tree())
    with pytest.raises(DataError, match="known by its sha256 only"):
        carried.scored(np.full((2, 2), 2.0))


def test_masks_that_cannot_be(protocol, tmp_path):
    with pytest.raises(DataError, match="every pixel of this mask is 0"):
        Mask.from_file(mask_file(tmp_path, np.zeros((2, 2)), "empty.png"))
    with pytest.raises(DataError, match=r"none\.png: cannot be read"):
        Mask.from_file(tmp_path / "none.png")
    path = mask_file(tmp_path, [[1, 0]], "stale.png")
    stale = Mask(path=str(path), sha256="0" * 64)
    with pytest.raises(DataError, match=r"stale\.png: not the mask of this protocol any more"):
        protocol.model_copy(update={"mask": stale}).scored(np.full((1, 2), 2.0))


def test_the_id_names_the_protocol_and_follows_every_choice(protocol):
    edits = [
        {},
        {"name": "other"},
        {"min_depth_m": 2.0, "range_bin_edges_m": [2.0, 16.0]},
        {"max_depth_m": 20.0, "range_bin_edges_m": [1.0, 20.0]},
        {"bounds": "inclusive"},
        {"range_bin_edges_m": [1.0, 16.0]},
        {"crop": NYU},
        {"crop": NYU | {"top": 46}},
        {"mask": {"path": "", "sha256": "0" * 64}},
        {"truth": "depth"},
        {"clamp_prediction": False},
        {"alignment": "median"},
        {"averaging": "pooled"},
        {"resize": "inverse"},
        {"grid": "corners"},
        {"fit_values": "limited"},
        {"median": "lower"},
        {"least_pixels": 10},
        {"frame_list": "0123456789ab"},
    ]
    assert {key for edit in edits for key in edit} == set(Protocol.model_fields)
    assert len({protocol.edit(edit).protocol_id() for edit in edits}) == len(edits)
    assert protocol.protocol_id().startswith("toy-")
    assert protocol.edit({}).protocol_id() == protocol.protocol_id()


def test_a_list_of_frames_is_part_of_the_id_in_whatever_order(protocol):
    one, same, other = (protocol.for_frames(ids) for ids in (["a", "b"], ["b", "a"], ["a", "c"]))
    assert one.protocol_id() == same.protocol_id()
    assert len({p.protocol_id() for p in (protocol, one, other)}) == 3
    assert one.for_frames(["b", "a"]) == one
    # Ids that run together are other ids.
    assert (
        protocol.for_frames(["ab", "c"]).frame_list != protocol.for_frames(["a", "bc"]).frame_list
    )
    with pytest.raises(SettingsError, match=f"{one.frame_list}, and these 2 .*{other.frame_list}"):
        one.for_frames(["a", "c"])
    with pytest.raises(DataError, match="frame 'a' is listed twice"):
        protocol.for_frames(["a", "b", "a"])
    with pytest.raises(DataError, match="empty list of frames"):
        protocol.for_frames([])


def test_the_words_say_every_choice(protocol, tmp_path):
    assert protocol.words() == (
        "toy: truth as read, 1 < d < 16 m; no crop; prediction resized in log depth; no alignment; "
        "limited to that range; mean over frames; frame list not settled"
    )
    edits = {
        "bounds": "inclusive",
        "truth": "depth_filtered",
        "crop": NYU,
        "resize": "inverse",
        "alignment": "median",
        "clamp_prediction": False,
        "averaging": "pooled",
        "least_pixels": 10,
        "frame_list": "0123456789ab",
        "mask": Mask.from_file(mask_file(tmp_path, [[1, 0]])).tree(),
    }
    assert protocol.edit(edits).words() == (
        "toy: truth depth_filtered, 1 ≤ d ≤ 16 m; crop rows 45:471, columns 41:601 of 480x640; "
        f"mask {edits['mask']['sha256'][:12]}; prediction resized in 1/depth; aligned to the truth of each "
        "frame: median scale; not limited to that range; mean over all pixels pooled; frames of 10 pixels "
        "or more; frame list 0123456789ab"
    )


def test_the_words_say_what_decides_a_fit(protocol):
    fitted = protocol.edit({"alignment": "median", "median": "lower", "fit_values": "limited"})
    assert "median scale (of two middle values the lower), fitted after limiting" in fitted.words()
    assert (
        "log depth, corners of the grids on each other"
        in protocol.edit({"grid": "corners"}).words()
    )


def test_differences_name_every_choice_that_differs(protocol):
    assert differences(protocol, protocol) == ""
    other = protocol.edit(
        {"max_depth_m": 20.0, "range_bin_edges_m": [1.0, 20.0], "alignment": "median", "crop": NYU}
    )
    assert differences(protocol, other) == (
        "max_depth_m 16 here, 20 there; range_bin_edges_m 1/4/8/16 here, 1/20 there; "
        "crop none here, rows 45:471, columns 41:601 of 480x640 there; "
        "alignment none here, median there"
    )
    a, b = protocol.for_frames("a"), protocol.for_frames("b")
    assert differences(a, b) == f"other frames (list {a.frame_list} here, {b.frame_list} there)"
    assert differences(a, protocol) == f"frame_list {a.frame_list} here, none there"


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ({"min_depth_m": 0.0}, "greater than 0"),
        ({"max_depth_m": 0.5}, "must be below max_depth_m"),
        ({"max_depth_m": 1e6}, "max_depth_m = 1000000.0: input should be less than 1000000"),
        ({"max_depth_m": 1e300}, "less than 1000000"),  # no float32
        ({"min_depth_m": 1e300}, "less than 1000000"),
        ({"range_bin_edges_m": [1.0, 1e300, 16.0]}, "less than 1000000"),
        ({"range_bin_edges_m": [1.0, -4.0, 16.0]}, "greater than 0"),
        ({"range_bin_edges_m": [1.0]}, "must run from"),
        ({"range_bin_edges_m": [1.0, 8.0, 8.0, 16.0]}, "must increase"),
        ({"range_bin_edges_m": [2.0, 16.0]}, "must run from min_depth_m 1 to max_depth_m 16"),
        ({"range_bin_edges_m": [1.0, 12.0]}, "must run from"),
        ({"range_bin_edges_m": [1.0, 8.0, 8.0000001, 16.0]}, "must increase"),  # one in float32
        ({"range_bin_edges_m": [1.0, 8.000001, 16.0]}, r"\[8.000001\] need more than six digits"),
        ({"min_depth_m": 1e-5, "range_bin_edges_m": [1e-5, 16.0]}, r"\[1e-05\] need more"),
        ({"name": "No Good"}, "pattern"),
        ({"alignment": "mean"}, "median"),
        ({"averaging": "medium"}, "per_frame"),
        ({"resize": "stretch"}, "inverse"),
        ({"bounds": "open"}, "strict"),
        ({"least_pixels": 0}, "greater than or equal to 1"),
        ({"frame_list": "all"}, "pattern"),
        ({"mask": "bonnet.png"}, "mask = 'bonnet.png'"),
        ({"cap": 80}, "no setting 'cap'"),
    ],
)
def test_impossible_protocols(protocol, edits, message):
    with pytest.raises((SettingsError, ValidationError), match=message):
        Protocol.parse(protocol.tree() | edits)


def test_a_protocol_by_name():
    assert named_protocol("mm5") is PROTOCOLS["mm5"]
    assert named_protocol("range:0.5-50") == Protocol(
        name="range", min_depth_m=0.5, max_depth_m=50.0
    )
    with pytest.raises(
        SettingsError, match=r"unknown protocol 'sintetic'; did you mean 'synthetic'.*mine\.toml"
    ):
        named_protocol("sintetic")
    with pytest.raises(SettingsError, match=r"range:5-1'.*expected 0 < near < far"):
        named_protocol("range:5-1")


def test_a_crop_needs_a_map(protocol):
    cropped = protocol.model_copy(update={"crop": Crop.model_validate_json(json.dumps(NYU))})
    with pytest.raises(AssertionError, match="a map"):
        cropped.scored(np.ones(5))
