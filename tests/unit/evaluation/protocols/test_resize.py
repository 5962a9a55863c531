"""Maps to another size: each rule in its own space, pixel centres at half-integers."""

import numpy as np
import pytest

from thermodepth.evaluation.head_maps import GeometryMap
from thermodepth.evaluation.protocols.resize import RESIZED_IN, resize_depth, resize_map
from thermodepth.types import Geometry

RULES = tuple(RESIZED_IN)


def resized(claim, *, size, protocol):
    return resize_map(
        claim.values, claim.geometry, size=size, rule=protocol.resize, grid=protocol.grid
    )


def test_doubling_interpolates_logarithms():
    resized = resize_depth(np.array([[1.0, 16.0]]), size=(1, 4))
    # Centres of the new pixels lie at -1/4, 1/4, 3/4 and 5/4 of the way; outside, the edge is repeated.
    np.testing.assert_allclose(resized, [[1.0, 16**0.25, 16**0.75, 16.0]], rtol=1e-12)


def test_every_rule_interpolates_in_its_own_space():
    # A quarter and three quarters of the way from 2 to 8: in 1/d 1/2 - 3/32 = 13/32 and 7/32; in d 3.5
    # and 6.5; of the nearest pixel 2 and 8.
    depth = np.array([[2.0, 8.0]])
    found = {rule: resize_depth(depth, size=(1, 4), rule=rule)[0] for rule in RULES}
    np.testing.assert_allclose(found["inverse"], [2.0, 32 / 13, 32 / 7, 8.0], rtol=1e-12)
    np.testing.assert_allclose(found["depth"], [2.0, 3.5, 6.5, 8.0], rtol=1e-12)
    np.testing.assert_allclose(found["nearest"], [2.0, 2.0, 8.0, 8.0], rtol=0)
    np.testing.assert_allclose(found["log"], 2 * 4 ** np.array([0, 0.25, 0.75, 1]), rtol=1e-12)


@pytest.mark.parametrize("rule", RULES)
def test_bilinear_is_what_torch_says_of_it(rule):
    torch = pytest.importorskip("torch")
    depth = np.exp(np.random.default_rng(0).uniform(0, 3, (5, 7)))
    to, back = {
        "log": (np.log, np.exp),
        "inverse": (lambda x: 1 / x, lambda x: 1 / x),
        "depth": (np.asarray, np.asarray),
        "nearest": (np.asarray, np.asarray),
    }[rule]
    how = (
        {"mode": "nearest-exact"}
        if rule == "nearest"
        else {"mode": "bilinear", "align_corners": False}
    )
    resized = torch.nn.functional.interpolate(torch.tensor(to(depth))[None, None], (11, 16), **how)
    expected = back(resized[0, 0].numpy())
    np.testing.assert_allclose(resize_depth(depth, size=(11, 16), rule=rule), expected, rtol=1e-5)


@pytest.mark.parametrize("rule", ["log", "inverse", "depth"])
@pytest.mark.parametrize("size", [(11, 16), (3, 4), (5, 16), (1, 1), (9, 1)])
def test_corners_on_each_other_are_what_torch_says_of_it(rule, size):
    torch = pytest.importorskip("torch")
    depth = np.exp(np.random.default_rng(0).uniform(0, 3, (5, 7)))
    to, back = {
        "log": (np.log, np.exp),
        "inverse": (lambda x: 1 / x, lambda x: 1 / x),
        "depth": (np.asarray, np.asarray),
    }[rule]
    resized = torch.nn.functional.interpolate(
        torch.tensor(to(depth))[None, None], size, mode="bilinear", align_corners=True
    )
    found = resize_depth(depth, size=size, rule=rule, grid="corners")
    np.testing.assert_allclose(found, back(resized[0, 0].numpy()), rtol=1e-9)


@pytest.mark.parametrize("size", [(11, 16), (3, 4), (10, 14), (1, 1)])
def test_the_nearest_of_first_pixels_on_each_other_is_torchs(size):
    torch = pytest.importorskip("torch")
    depth = np.exp(np.random.default_rng(0).uniform(0, 3, (5, 7)))
    resized = torch.nn.functional.interpolate(torch.tensor(depth)[None, None], size, mode="nearest")
    found = resize_depth(depth, size=size, rule="nearest", grid="origins")
    np.testing.assert_array_equal(found, resized[0, 0].numpy())


def test_where_a_row_is_read_by_hand():
    row = np.array([[2.0, 8.0]])
    corners = resize_depth(row, size=(1, 4), rule="depth", grid="corners")
    np.testing.assert_allclose(corners, [[2.0, 4.0, 6.0, 8.0]])
    origins = resize_depth(row, size=(1, 4), rule="depth", grid="origins")
    np.testing.assert_allclose(origins, [[2.0, 5.0, 8.0, 8.0]])


def test_metres_below_0_are_resized_where_no_logarithm_is_taken(protocol):
    claim = GeometryMap(values=np.array([[-1.0, 3.0]]), geometry=Geometry.METRIC_DEPTH)
    depth = protocol.edit({"resize": "depth"})
    np.testing.assert_allclose(resized(claim, size=(1, 4), protocol=depth), [[-1, 0, 2, 3]])
    with pytest.raises(ValueError, match="1 of 2 pixels"):
        resized(claim, size=(1, 4), protocol=protocol)


@pytest.mark.parametrize("rule", RULES)
def test_a_constant_stays_itself_and_rows_are_rows(rule):
    resized = resize_depth(np.full((3, 5), 7.0, np.float32), size=(6, 4), rule=rule)
    assert resized.shape == (6, 4)
    assert resized.dtype == np.float64
    np.testing.assert_allclose(resized, 7.0, rtol=1e-12)
    tall = resize_depth(np.array([[1.0, 1.0], [4.0, 4.0]]), size=(4, 2), rule=rule)
    assert (np.diff(tall, axis=0) >= 0).all()
    np.testing.assert_allclose(np.diff(tall, axis=1), 0.0, atol=1e-12)


def test_the_same_size_is_left_alone_even_where_it_holds_no_depth():
    depth = np.array([[np.nan, -1.0], [0.0, np.inf]])
    np.testing.assert_array_equal(resize_depth(depth, size=(2, 2)), depth)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0, -2.0])
@pytest.mark.parametrize("rule", RULES)
def test_a_value_that_would_spread_is_refused(bad, rule):
    depth = np.ones((2, 2))
    depth[1, 0] = bad
    with pytest.raises(ValueError, match="1 of 4 pixels are not finite positive"):
        resize_depth(depth, size=(4, 4), rule=rule)


@pytest.mark.parametrize("shape", [(4,), (1, 2, 2), (0, 3)])
def test_what_is_not_a_map_is_refused(shape, protocol):
    with pytest.raises(ValueError, match=r"a depth map is \[h w\]"):
        resize_depth(np.ones(shape), size=(2, 2))
    claim = GeometryMap(values=np.ones(shape), geometry=Geometry.AFFINE_INVERSE)
    with pytest.raises(ValueError, match=r"a depth map is \[h w\]"):
        resized(claim, size=(2, 2), protocol=protocol)


@pytest.mark.parametrize("geometry", [Geometry.METRIC_DEPTH, Geometry.SCALE_DEPTH])
def test_a_map_of_depth_goes_by_the_rule_of_the_protocol(geometry, protocol):
    depth = np.array([[2.0, 8.0], [4.0, 3.0]])
    claim = GeometryMap(values=depth.astype(np.float32), geometry=geometry)
    for rule in RULES:
        np.testing.assert_array_equal(
            resized(claim, size=(3, 5), protocol=protocol.edit({"resize": rule})),
            resize_depth(depth, size=(3, 5), rule=rule),
        )
    zero = GeometryMap(values=np.array([[0.0, 1.0]]), geometry=geometry)
    with pytest.raises(ValueError, match="1 of 2 pixels are not finite positive"):
        resized(zero, size=(1, 4), protocol=protocol)


@pytest.mark.parametrize("geometry", [Geometry.AFFINE_DEPTH, Geometry.AFFINE_INVERSE])
@pytest.mark.parametrize("rule", RULES)
def test_an_affine_map_may_be_fitted_before_or_after(geometry, rule, protocol):
    values = np.random.default_rng(1).normal(size=(4, 6))

    def to(size, values):
        claim = GeometryMap(values=values, geometry=geometry)
        return resized(claim, size=size, protocol=protocol.edit({"resize": rule}))

    np.testing.assert_allclose(
        to((7, 9), 3 * values - 5), 3 * to((7, 9), values) - 5, rtol=1e-9, atol=1e-9
    )
    np.testing.assert_array_equal(to((4, 6), values), values)


@pytest.mark.parametrize("geometry", Geometry)
def test_nothing_said_stays_nothing_said_and_goes_no_further(geometry, protocol):
    values = np.full((1, 4), 2.0)
    values[0, 0] = np.nan
    claim = GeometryMap(values=values, geometry=geometry)
    wide = resized(claim, size=(1, 8), protocol=protocol)
    # New pixels 0-2 lie on or beside the old pixel 0; from pixel 3 on it has no share.
    assert np.isnan(wide[0]).tolist() == [True] * 3 + [False] * 5
    np.testing.assert_allclose(wide[0, 3:], 2.0)
