"""Protocols: strict bounds, ranges that split the pixels, and ids that follow every choice."""

import numpy as np
import pytest
from pydantic import ValidationError

from thermodepth.errors import SettingsError
from thermodepth.evaluation.protocol import PROTOCOLS, Protocol, named_protocol


def test_bounds_are_strict_and_junk_is_never_scored(protocol):
    truth = [np.nan, np.inf, -np.inf, -3.0, 0.0, 1.0, 1.001, 15.99, 16.0, 17.0]
    assert protocol.scored(np.array(truth)).tolist() == [
        *[False] * 6,
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_pixel_stored_as_exactly_the_limit_is_not_scored(name):
    # float32(0.3) is larger than 0.3: compared in double, the saturated near limit would be scored.
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


def test_the_table_is_as_declared():
    synthetic, mm5 = PROTOCOLS["synthetic"], PROTOCOLS["mm5"]
    assert (synthetic.min_depth_m, synthetic.max_depth_m) == (0.3, 80.0)
    assert synthetic.range_slices()[2] == "range:2.5-6"
    assert (mm5.min_depth_m, mm5.max_depth_m) == (0.2, 3.0)
    assert mm5.range_bin_edges_m == (0.2, 0.6, 0.8, 1.0, 1.2, 3.0)
    assert all(name == protocol.name for name, protocol in PROTOCOLS.items())
    assert all(protocol.clamp_prediction for protocol in PROTOCOLS.values())


def test_the_id_names_the_protocol_and_follows_every_choice(protocol):
    ids = {
        protocol.protocol_id(),
        protocol.edit({"clamp_prediction": False}).protocol_id(),
        protocol.edit({"range_bin_edges_m": [1.0, 16.0]}).protocol_id(),
        protocol.edit({"min_depth_m": 2.0, "range_bin_edges_m": [2.0, 16.0]}).protocol_id(),
        protocol.edit({"name": "other"}).protocol_id(),
    }
    assert len(ids) == 5
    assert protocol.protocol_id().startswith("toy-")
    assert protocol.edit({}).protocol_id() == protocol.protocol_id()


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ({"min_depth_m": 0.0}, "greater than 0"),
        ({"max_depth_m": 0.5}, "must be below max_depth_m"),
        ({"range_bin_edges_m": [1.0]}, "at least 2"),
        ({"range_bin_edges_m": [1.0, 8.0, 8.0, 16.0]}, "must increase"),
        ({"range_bin_edges_m": [2.0, 16.0]}, "must run from min_depth_m 1 to max_depth_m 16"),
        ({"range_bin_edges_m": [1.0, 12.0]}, "must run from"),
        ({"range_bin_edges_m": [1.0, 8.0, 8.0000001, 16.0]}, "must increase"),  # one in float32
        ({"range_bin_edges_m": [1.0, 8.000001, 16.0]}, r"\[8.000001\] need more than six digits"),
        ({"min_depth_m": 1e-5, "range_bin_edges_m": [1e-5, 16.0]}, r"\[1e-05\] need more"),
        ({"name": "No Good"}, "pattern"),
        ({"alignment": "median"}, "none"),
        ({"averaging": "pooled"}, "per_frame"),
        ({"resize": "stretch"}, "native"),
        ({"crop": "garg"}, "no setting"),
    ],
)
def test_impossible_protocols(protocol, edits, message):
    with pytest.raises((SettingsError, ValidationError), match=message):
        Protocol.parse(protocol.tree() | edits)


def test_a_protocol_by_name():
    assert named_protocol("mm5") is PROTOCOLS["mm5"]
    with pytest.raises(
        SettingsError, match="unknown protocol 'sintetic'; did you mean 'synthetic'"
    ):
        named_protocol("sintetic")
