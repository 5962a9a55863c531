"""The parts of one frame's squared error: against numpy's least squares, by hand, and at the corners."""

import numpy as np
import pytest

from thermodepth.metrics import ERRORS, PixelErrors, TruthMap
from thermodepth.metrics.ledger import LEDGER

LOG_PARTS = ("ledger_range", "ledger_coarse", "ledger_fine")
METRIC_PARTS = ("ledger_scale_m2", "ledger_shift_m2", "ledger_shape_m2")
NAMES = {row.name for row in LEDGER.rows}


def truth_of(depth: np.ndarray) -> TruthMap:
    return TruthMap(sample_id="f0", depth_m=np.asarray(depth, dtype=np.float64))


def measure(prediction: np.ndarray, depth: np.ndarray) -> dict[str, float]:
    result = LEDGER.measure(prediction, truth_of(depth))
    assert {measured.count for measured in result.values()} <= {np.isfinite(depth).sum()}
    return {name: measured.value for name, measured in result.items()}


def error(name: str, prediction: np.ndarray, depth: np.ndarray) -> float:
    """A metric of the error family over the pixels that have truth."""
    present = np.isfinite(depth)
    return float(ERRORS[name].compute(PixelErrors(prediction[present], depth[present]))[0])


def frame(seed: int, *, share: float = 1.0, noise: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """A prediction wrong in every way, and a truth of 1-50 m at a share of the pixels."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:50, 0:70]
    depth = np.exp(random.uniform(0, 4, (50, 70)) * 0.3 + y / 25)
    prediction = (
        1.3 * depth**0.8 * np.exp(0.1 * np.sin(x / 11) + noise * random.normal(size=x.shape))
    )
    return prediction, np.where(random.random(x.shape) < share, depth, np.nan)


def by_lstsq(prediction: np.ndarray, depth: np.ndarray) -> dict[str, float]:
    """From the definitions: fits by numpy, block means by a loop, differences of residuals."""
    y, x = np.nonzero(np.isfinite(depth))
    p, d = prediction[y, x], depth[y, x]
    e = np.log(p / d)
    one = np.ones_like(d)

    def left(columns: list[np.ndarray], target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        design = np.stack(columns, axis=1)
        fit = np.linalg.lstsq(design, target)[0]
        return fit, target - design @ fit

    (_, slope), q = left([one, np.log(d)], e)
    inside = np.empty_like(q)
    for by in range(0, depth.shape[0], 16):
        for bx in range(0, depth.shape[1], 16):
            block = (y // 16 == by // 16) & (x // 16 == bx // 16)
            inside[block] = q[block].mean() if block.any() else 0.0
    e0 = ((p - d) ** 2).mean()
    e1 = (left([p], d)[1] ** 2).mean()
    e2 = (left([p, one], d)[1] ** 2).mean()
    return {
        "range_slope": slope,
        "ledger_range": slope**2 * np.log(d).var(),
        "ledger_coarse": (inside**2).mean(),
        "ledger_fine": ((q - inside) ** 2).mean(),
        "ledger_scale_m2": e0 - e1,
        "ledger_shift_m2": e1 - e2,
        "ledger_shape_m2": e2,
    }


@pytest.mark.parametrize("share", [1.0, 0.3, 0.02])
def test_agrees_with_least_squares(share: float) -> None:
    prediction, depth = frame(1, share=share)
    assert measure(prediction, depth) == pytest.approx(by_lstsq(prediction, depth), rel=1e-8)


@pytest.mark.parametrize("share", [1.0, 0.3, 0.02, 0.001])
@pytest.mark.parametrize("noise", [0.0, 1e-7, 0.2, 3.0])
def test_the_parts_add_up_and_none_is_negative(share: float, noise: float) -> None:
    prediction, depth = frame(2, share=share, noise=noise)
    result = measure(prediction, depth)
    assert min(result[name] for name in (*LOG_PARTS, *METRIC_PARTS)) >= 0.0
    log_total = error("log_bias", prediction, depth) ** 2 + sum(result[n] for n in LOG_PARTS)
    assert log_total == pytest.approx(error("rmse_log", prediction, depth) ** 2, rel=1e-12)
    metric_total = sum(result[name] for name in METRIC_PARTS)
    assert metric_total == pytest.approx(error("rmse", prediction, depth) ** 2, rel=1e-12)


def test_silog_is_all_but_the_bias() -> None:
    prediction, depth = frame(3)
    result = measure(prediction, depth)
    expected = (error("silog", prediction, depth) / 100) ** 2
    assert sum(result[name] for name in LOG_PARTS) == pytest.approx(expected, rel=1e-12)


def test_a_power_of_the_truth_is_range_alone() -> None:
    _, depth = frame(4)
    result = measure(2.0 * depth**0.7, depth)
    assert result["range_slope"] == pytest.approx(-0.3, abs=1e-13)
    assert result["ledger_range"] == pytest.approx(0.09 * np.log(depth).var())
    assert result["ledger_coarse"] == pytest.approx(0.0, abs=1e-25)
    assert result["ledger_fine"] == pytest.approx(0.0, abs=1e-25)


def test_coarse_and_fine_by_hand() -> None:
    # Truth constant. ln p is +-0.3 by blocks in a chequer of 2 x 2 blocks, and +-0.1 by pixels within.
    y, x = np.mgrid[0:32, 0:32]
    blocks, pixels = (y // 16 + x // 16) % 2 * 2 - 1, (y + x) % 2 * 2 - 1
    result = measure(4.0 * np.exp(0.3 * blocks + 0.1 * pixels), np.full((32, 32), 4.0))
    assert result["ledger_coarse"] == pytest.approx(0.09)
    assert result["ledger_fine"] == pytest.approx(0.01)
    assert result["ledger_range"] == 0.0


def test_the_blocks_are_those_of_the_picture_not_of_the_pixels_that_have_truth() -> None:
    # The right block has a quarter of the pixels: their means weigh by their pixels.
    depth = np.full((16, 32), 4.0)
    depth[::2, 16::2] = np.nan
    depth[1::2, 16:] = np.nan
    prediction = np.where(np.arange(32) < 16, 4.0, 4.0 * np.e) * np.ones((16, 1))
    n = np.array([256, 64])
    mean = n[1] / n.sum()
    result = measure(prediction, depth)
    assert result["ledger_coarse"] == pytest.approx((n[0] * mean**2 + n[1] * (1 - mean) ** 2) / 320)
    assert result["ledger_fine"] == pytest.approx(0.0, abs=1e-25)


def test_scale_and_shift_by_hand() -> None:
    # p = 2, 4 against d = 3, 5. E0 = 1. Best s: (6 + 20) / 20 = 1.3, leaving (-0.4, 0.2): E1 = 0.1; E2 = 0.
    result = measure(np.array([[2.0, 4.0]]), np.array([[3.0, 5.0]]))
    assert [result[name] for name in METRIC_PARTS] == pytest.approx([0.9, 0.1, 0.0], abs=1e-15)


def test_perfect_is_zero_exactly() -> None:
    _, depth = frame(5, share=0.5)
    assert measure(np.nan_to_num(depth, nan=9.0), depth) == dict.fromkeys(NAMES, 0.0)


def test_one_pixel_is_calibration_and_scale_alone() -> None:
    depth = np.full((5, 5), np.nan)
    depth[2, 3] = 4.0
    result = measure(np.full((5, 5), 6.0), depth)
    assert result == {
        **dict.fromkeys(LOG_PARTS, 0.0),
        "ledger_scale_m2": pytest.approx(4.0),
        "ledger_shift_m2": 0.0,
        "ledger_shape_m2": pytest.approx(0.0, abs=1e-25),
    }


def test_a_constant_truth_has_no_range() -> None:
    random = np.random.default_rng(0)
    # 5.1 has no exact mean, and float32 storage adds its own: neither is a range.
    for constant in (
        np.full((40, 40), 5.1),
        (5.1 + 1e-7 * random.normal(size=(40, 40))).astype("f4"),
    ):
        prediction = 5.1 * np.exp(0.1 * random.normal(size=(40, 40)))
        result = measure(prediction, constant.astype(np.float64))
        assert set(result) == NAMES - {"range_slope"}
        assert result["ledger_range"] < 1e-4
        assert sum(result[name] for name in METRIC_PARTS) == pytest.approx(
            ((prediction - constant) ** 2).mean(), rel=1e-12
        )


@pytest.mark.parametrize("wobble", [0.0, 1e-14, 1e-9])
def test_a_constant_prediction_has_one_factor_and_no_shift(wobble: float) -> None:
    _, depth = frame(6)
    prediction = 7.3 * (1.0 + wobble * np.random.default_rng(0).normal(size=depth.shape))
    result = measure(prediction, depth)
    assert result["range_slope"] == pytest.approx(-1.0)
    assert result["ledger_scale_m2"] == pytest.approx((7.3 - depth.mean()) ** 2, rel=1e-6)
    assert sum(result[name] for name in METRIC_PARTS) == pytest.approx(
        ((prediction - depth) ** 2).mean(), rel=1e-12
    )
    if wobble < 1e-9:
        assert result["ledger_shift_m2"] == 0.0


def test_a_small_error_of_large_metres_keeps_its_digits() -> None:
    # Written as E0 - E1, parts of 1e-12 m2 under squares of 1e4 m2 would be noise.
    depth = 100.0 + np.random.default_rng(0).random((40, 40))
    result = measure(depth + 1e-6, depth)
    assert result["ledger_scale_m2"] + result["ledger_shift_m2"] == pytest.approx(1e-12, rel=1e-6)
    assert result["ledger_shape_m2"] < 1e-20


def test_sparse_truth_moves_fine_into_coarse() -> None:
    prediction, depth = frame(7, noise=0.3)
    lonely = np.full(depth.shape, np.nan)
    lonely[8::16, 8::16] = depth[8::16, 8::16]
    assert measure(prediction, depth)["ledger_fine"] > 0.05
    assert measure(prediction, lonely)["ledger_fine"] == pytest.approx(0.0, abs=1e-25)


def test_what_is_said_without_truth_changes_nothing() -> None:
    prediction, depth = frame(8, share=0.3)
    elsewhere = np.where(np.isfinite(depth), prediction, np.nan)
    assert measure(elsewhere, depth) == measure(prediction, depth)


def test_no_truth_is_not_measured() -> None:
    assert LEDGER.measure(np.ones((4, 4)), truth_of(np.full((4, 4), np.nan))) == {}
