"""Depth maps to another size: in log depth, pixel centres at half-integers."""

import numpy as np
import pytest

from thermodepth.evaluation.resize import resize_depth


def test_doubling_interpolates_logarithms():
    resized = resize_depth(np.array([[1.0, 16.0]]), size=(1, 4))
    # Centres of the new pixels lie at -1/4, 1/4, 3/4 and 5/4 of the way; outside, the edge is repeated.
    np.testing.assert_allclose(resized, [[1.0, 16**0.25, 16**0.75, 16.0]], rtol=1e-12)


def test_a_constant_stays_itself_and_rows_are_rows():
    resized = resize_depth(np.full((3, 5), 7.0, np.float32), size=(6, 4))
    assert resized.shape == (6, 4)
    assert resized.dtype == np.float64
    np.testing.assert_allclose(resized, 7.0, rtol=1e-12)
    tall = resize_depth(np.array([[1.0, 1.0], [4.0, 4.0]]), size=(4, 2))
    assert (np.diff(tall, axis=0) >= 0).all()
    np.testing.assert_allclose(np.diff(tall, axis=1), 0.0, atol=1e-12)


def test_the_same_size_is_left_alone_even_where_it_holds_no_depth():
    depth = np.array([[np.nan, -1.0], [0.0, np.inf]])
    np.testing.assert_array_equal(resize_depth(depth, size=(2, 2)), depth)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0, -2.0])
def test_a_value_that_would_spread_is_refused(bad):
    depth = np.ones((2, 2))
    depth[1, 0] = bad
    with pytest.raises(ValueError, match="1 of 4 pixels are not finite positive"):
        resize_depth(depth, size=(4, 4))


@pytest.mark.parametrize("shape", [(4,), (1, 2, 2), (0, 3)])
def test_what_is_not_a_map_is_refused(shape):
    with pytest.raises(ValueError, match=r"a depth map is \[h w\]"):
        resize_depth(np.ones(shape), size=(2, 2))
