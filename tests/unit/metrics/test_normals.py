"""Normals: planes and a sphere in closed form, and a least-squares fit block by block."""

import numpy as np
import pytest
from numpy.typing import NDArray

from thermodepth import camera
from thermodepth.metrics import Measured, TruthMap
from thermodepth.metrics.normals import NORMALS

Array = NDArray[np.float64]
K = np.array([[90.0, 0.0, 34.0], [0.0, 80.0, 21.0], [0.0, 0.0, 1.0]])
SKEWED = np.array([[90.0, 7.0, 34.0], [0.0, 80.0, 21.0], [0.0, 0.0, 1.0]])
SIZE = (40, 60)
BLOCKS = 39 * 59


def measure(prediction: Array, depth: Array, intrinsics: Array | None = K) -> dict[str, Measured]:
    truth = TruthMap(sample_id="a", depth_m=depth, intrinsics=intrinsics)
    result = NORMALS.measure(prediction, truth)
    return {name.removeprefix("normal_"): measured for name, measured in result.items()}


def rays(x: Array, y: Array, intrinsics: Array) -> Array:
    """[3 ...] of places in the picture, one metre ahead."""
    return np.tensordot(np.linalg.inv(intrinsics), np.stack([x, y, np.ones_like(x)]), 1)


def pixel_rays(intrinsics: Array = K) -> Array:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    return rays(x, y, intrinsics)


def plane(normal: tuple[float, float, float], metres: float, intrinsics: Array = K) -> Array:
    """[h w] depth of the plane n . X = metres |n|."""
    unit = np.array(normal) / np.linalg.norm(normal)
    return metres / np.tensordot(unit, pixel_rays(intrinsics), 1)


def angle_deg(one: Array | tuple[float, ...], other: Array | tuple[float, ...]) -> float:
    one, other = np.asarray(one), np.asarray(other)
    return float(np.degrees(np.arccos(one @ other / np.linalg.norm(one) / np.linalg.norm(other))))


def bumpy(seed: int = 0) -> Array:
    random = np.random.default_rng(seed)
    return plane((0.2, -0.3, 1.0), 9.0) * np.exp(0.005 * random.normal(size=SIZE))


@pytest.mark.parametrize("intrinsics", [K, SKEWED], ids=["square", "skewed"])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((0.0, 0.0, 1.0), (0.1, 0.0, 1.0)),
        ((0.0, 0.3, 1.0), (0.2, -0.1, 1.0)),
        ((0.9, 0.1, 1.0), (-0.8, 0.3, 1.0)),
    ],
)
def test_between_two_planes_every_angle_is_theirs(
    one: tuple[float, float, float], other: tuple[float, float, float], intrinsics: Array
) -> None:
    truth, prediction = plane(one, 7.0, intrinsics), plane(other, 3.0, intrinsics)
    values = measure(prediction, truth, intrinsics)
    expected = angle_deg(one, other)
    assert values["angle_mean_deg"] == pytest.approx((expected, BLOCKS), rel=1e-9)
    assert values["angle_median_deg"] == pytest.approx((expected, BLOCKS), rel=1e-9)
    for name, limit in (("within_11", 11.25), ("within_22", 22.5), ("within_30", 30.0)):
        assert values[name] == (float(expected < limit), BLOCKS)


def test_a_sphere_against_a_wall() -> None:
    # Of a sphere about (0, 0, 30) m with a radius of 25 m, the near side. At the corner where four pixels
    # meet, its normal is the way from the hit to the centre.
    def hit(ray: Array) -> Array:
        square = (ray**2).sum(axis=0)
        distance: Array = (30.0 - np.sqrt(30.0**2 - square * (30.0**2 - 25.0**2))) / square
        return distance

    y, x = np.mgrid[1 : SIZE[0], 1 : SIZE[1]].astype(np.float64)
    ray = rays(x, y, K)
    centre = np.array([0.0, 0.0, 30.0])[:, None, None]
    inward = (centre - hit(ray) * ray) / 25.0
    expected = np.degrees(np.arccos(inward[2]))
    values = measure(hit(pixel_rays()), np.full(SIZE, 5.0))
    assert values["angle_mean_deg"].value == pytest.approx(expected.mean(), rel=2e-3)
    assert values["angle_median_deg"].value == pytest.approx(np.median(expected), rel=2e-3)
    for name, limit in (("within_11", 11.25), ("within_22", 22.5), ("within_30", 30.0)):
        share = np.mean(expected < limit)
        assert share > 0.0
        assert values[name].value == pytest.approx(share, abs=0.005)


def test_a_least_squares_fit_to_each_block_gives_the_same() -> None:
    # 1/z = (n/c) . ray at four pixels: four equations for n/c.
    depth, prediction = bumpy(0), bumpy(1)

    def fitted(z: Array) -> Array:
        ray = pixel_rays(SKEWED)
        result = np.empty((SIZE[0] - 1, SIZE[1] - 1, 3))
        for y in range(SIZE[0] - 1):
            for x in range(SIZE[1] - 1):
                block = np.s_[y : y + 2, x : x + 2]
                equations = ray[:, block[0], block[1]].reshape(3, 4).T
                result[y, x] = np.linalg.lstsq(equations, 1.0 / z[block].ravel())[0]
        return result

    both = fitted(prediction).reshape(-1, 3), fitted(depth).reshape(-1, 3)
    angles = [angle_deg(n, m) for n, m in zip(*both, strict=True)]
    values = measure(prediction, depth, SKEWED)
    assert values["angle_mean_deg"].value == pytest.approx(np.mean(angles), rel=1e-9)
    assert values["angle_median_deg"].value == pytest.approx(np.median(angles), rel=1e-9)
    for name, limit in (("within_11", 11.25), ("within_22", 22.5), ("within_30", 30.0)):
        assert 0.0 < values[name].value < 1.0
        assert values[name].value == np.mean(np.array(angles) < limit)


def test_pixel_centres_lie_where_the_camera_has_them() -> None:
    # Points that `unproject` puts on a plane: the plane's own normal comes out.
    steep = (0.8, -0.5, 1.0)
    unit = np.array(steep) / np.linalg.norm(steep)
    ahead = camera.rays(K, SIZE).astype(np.float64)
    depth = 6.0 / np.tensordot(unit, ahead, 1)
    points = camera.unproject(depth, K)
    np.testing.assert_allclose(np.tensordot(unit, points, 1), 6.0, rtol=1e-6)
    value = measure(depth, np.full(SIZE, 4.0))["angle_mean_deg"].value
    assert value == pytest.approx(angle_deg(steep, (0, 0, 1)), abs=2e-3)
    # Half a pixel would have been seen.
    shifted = camera.cropped(K.astype(np.float32), left=0.5, top=0.5).astype(np.float64)
    off = measure(depth, np.full(SIZE, 4.0), shifted)["angle_mean_deg"].value
    assert abs(off - value) > 0.02


def test_a_wrong_scale_turns_nothing_and_a_wrong_shift_does() -> None:
    depth = plane((0.5, 0.2, 1.0), 8.0)
    assert measure(3.0 * depth, depth)["angle_mean_deg"].value == pytest.approx(0.0, abs=1e-6)
    assert measure(depth + 2.0, depth)["angle_mean_deg"].value > 1.0
    noisy = bumpy()
    for name, result in measure(3.0 * noisy, depth).items():
        assert result == pytest.approx(measure(noisy, depth)[name], rel=1e-9)


def test_perfection_is_0_degrees_to_the_last_bit() -> None:
    values = {name: found.value for name, found in measure(bumpy(), bumpy()).items()}
    assert values == {
        "angle_mean_deg": 0.0,
        "angle_median_deg": 0.0,
        "within_11": 1.0,
        "within_22": 1.0,
        "within_30": 1.0,
    }


def test_small_angles_keep_their_digits() -> None:
    tilt = 1e-7  # rad; its cosine is 1 - 5e-15
    prediction = plane((np.sin(tilt), 0.0, np.cos(tilt)), 5.0)
    value = measure(prediction, np.full(SIZE, 5.0))["angle_median_deg"].value
    assert value == pytest.approx(np.degrees(tilt), rel=1e-4)


@pytest.mark.parametrize(("ratio", "left_out"), [(1.09, 0), (1.11, 39)])
def test_across_a_boundary_of_the_truth_there_is_no_surface(ratio: float, left_out: int) -> None:
    depth = np.full(SIZE, 5.0)
    depth[:, 30:] *= ratio
    values = measure(np.full(SIZE, 5.0), depth)
    assert values["angle_mean_deg"].count == BLOCKS - left_out
    assert (values["angle_mean_deg"].value == 0.0) is (left_out > 0)


def test_a_boundary_that_only_the_prediction_has_is_an_error() -> None:
    prediction = np.full(SIZE, 5.0)
    prediction[:, 30:] *= 2.0
    values = measure(prediction, np.full(SIZE, 5.0))
    assert values["angle_mean_deg"].count == BLOCKS
    # 39 of the 39 x 59 blocks are turned to nearly along the ray.
    assert values["within_30"].value == pytest.approx(58 / 59)


def test_a_mirrored_picture_has_mirrored_normals() -> None:
    depth, prediction = bumpy(0), bumpy(1)
    mirrored = camera.mirrored(K.astype(np.float32), width=SIZE[1]).astype(np.float64)
    values = measure(prediction[:, ::-1], depth[:, ::-1], mirrored)
    for name, result in measure(prediction, depth).items():
        assert values[name] == pytest.approx(result, rel=1e-9)


def test_stripes_of_single_columns_are_seen_and_a_checkerboard_is_not() -> None:
    depth = plane((0.1, 0.3, 1.0), 6.0)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    stripes = 1.0 / (1.0 / depth + 1e-3 * (-1.0) ** x)
    board = 1.0 / (1.0 / depth + 1e-3 * (-1.0) ** (x + y))
    assert measure(stripes, depth)["angle_median_deg"].value > 20.0
    assert measure(board, depth)["angle_median_deg"].value < 1e-6


def test_noise_turns_surfaces() -> None:
    depth = plane((0.1, 0.3, 1.0), 6.0)
    noise = np.random.default_rng(0).normal(size=SIZE)
    values = [measure(depth * np.exp(s * noise), depth) for s in (1e-4, 1e-3, 1e-2)]
    means = [result["angle_mean_deg"].value for result in values]
    shares = [result["within_11"].value for result in values]
    assert 0.0 < means[0] < means[1] < means[2]
    assert shares[0] > shares[1] > shares[2]


def test_without_a_camera_nothing_is_measured() -> None:
    assert measure(bumpy(), bumpy(), None) == {}


def test_only_whole_blocks_count_and_junk_under_a_hole_is_not_looked_at() -> None:
    depth, prediction = bumpy(0), bumpy(1)
    depth[10, 20] = np.nan  # one corner of four blocks
    depth[:, 50:] = np.nan  # columns 49 to 58 of blocks
    junk = np.where(np.isnan(depth), 1e-300, prediction)
    values = measure(junk, depth)
    assert values["angle_mean_deg"].count == 39 * 49 - 4
    assert values == measure(prediction, depth)


def test_fifty_blocks_are_needed() -> None:
    assert measure(bumpy()[:8, :8], bumpy()[:8, :8]) == {}  # 7 x 7
    assert measure(bumpy()[:6, :11], bumpy()[:6, :11])["within_11"] == (1.0, 50)


def test_scattered_truth_is_not_measured() -> None:
    depth = bumpy()
    depth[1::2], depth[:, 1::2] = np.nan, np.nan
    assert measure(bumpy(), depth) == {}
