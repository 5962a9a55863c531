"""Variability: worked by hand, and against numpy's differences."""

import numpy as np
import pytest

from thermodepth.metrics import TruthMap
from thermodepth.metrics.variability import VARIABILITY

NAMES = {"total_variation_ratio", "off_edge_variation", "edge_sharpness"}


def truth_of(depth: np.ndarray) -> TruthMap:
    return TruthMap(sample_id="f0", depth_m=np.asarray(depth, dtype=np.float64))


def step_world(height: int = 40, width: int = 60) -> np.ndarray:
    """Two planes of a gentle slope, one behind the other: ln 2 apart."""
    x = np.arange(width)
    log_depth = 0.004 * x + np.log(2.0) * (x >= width // 2)
    depth: np.ndarray = np.exp(np.tile(log_depth, (height, 1)))
    return depth


def measure(prediction: np.ndarray, depth: np.ndarray) -> dict[str, float]:
    result = VARIABILITY.measure(prediction, truth_of(depth))
    return {name: measured.value for name, measured in result.items()}


def by_numpy(prediction: np.ndarray, depth: np.ndarray) -> dict[str, float]:
    """From the definitions, with NaN for what is not a pair."""
    mask = np.where(np.isfinite(depth), 0.0, np.nan)
    with np.errstate(invalid="ignore"):
        p, d = np.log(prediction) + mask, np.log(depth)
    steps = [np.concatenate([np.diff(m, axis=a).ravel() for a in (0, 1)]) for m in (p, d)]
    p, d = (s[np.isfinite(steps[1])] for s in steps)
    off, on = np.abs(d) < 0.02, np.abs(d) > 0.1
    return {
        "total_variation_ratio": np.abs(p).mean() / np.abs(d).mean(),
        "off_edge_variation": 100 * (np.abs(p[off]).mean() - np.abs(d[off]).mean()),
        "edge_sharpness": (p[on] * np.sign(d[on])).sum() / np.abs(d[on]).sum(),
    }


@pytest.mark.parametrize("share", [1.0, 0.6, 0.3])
def test_agrees_with_numpy(share: float) -> None:
    random = np.random.default_rng(1)
    depth = np.exp(np.cumsum(random.normal(0, 0.08, (40, 60)), axis=1))
    depth[random.random(depth.shape) > share] = np.nan
    prediction = np.exp(random.normal(2.0, 0.1, depth.shape))
    expected = by_numpy(prediction, depth)
    assert measure(prediction, depth) == pytest.approx(expected, rel=1e-10)


def test_perfect_is_the_optimum_exactly() -> None:
    depth = step_world() * np.exp(0.01 * np.random.default_rng(0).normal(size=(40, 60)))
    depth[3:9, 5:50] = np.nan
    result = measure(np.nan_to_num(depth, nan=7.0), depth)
    assert result == {row.name: row.optimum for row in VARIABILITY.rows}


def test_half_the_contrast_by_hand() -> None:
    # p = d^0.5 halves every step: the ratio and the sharpness are 0.5. Off the edge steps of 0.004 across
    # and 0 down become 0.002 and 0; across there are 40 * 58 of these, down 39 * 60.
    result = measure(np.sqrt(step_world()), step_world())
    assert result["total_variation_ratio"] == pytest.approx(0.5)
    assert result["edge_sharpness"] == pytest.approx(0.5)
    assert result["off_edge_variation"] == pytest.approx(-100 * 0.002 * 2320 / (2320 + 2340))


def test_blurred_edges_lose_sharpness_and_keep_their_variation() -> None:
    depth = step_world()
    blurred = np.log(depth)
    # The jump of ln 2 spread evenly over 10 steps of one sign.
    x = np.arange(60)
    blurred = np.tile(0.004 * x + np.log(2.0) * np.clip((x - 24) / 10, 0, 1), (40, 1))
    result = measure(np.exp(blurred), depth)
    assert result["total_variation_ratio"] == pytest.approx(1.0)
    assert result["edge_sharpness"] == pytest.approx((0.004 + np.log(2) / 10) / (0.004 + np.log(2)))
    assert result["off_edge_variation"] > 0


def test_noise_raises_variation_and_hardly_touches_sharpness() -> None:
    depth = step_world(400)
    noisy = depth * np.exp(0.05 * np.random.default_rng(0).normal(size=depth.shape))
    result = measure(noisy, depth)
    # Differences of noise of 0.05 have a spread of 0.0707 and a mean size of 0.0564.
    assert result["off_edge_variation"] == pytest.approx(5.64 - 0.2, abs=0.1)
    assert result["total_variation_ratio"] > 5
    # 400 edges: 0.0707 / sqrt(400) / 0.697 = 0.005
    assert result["edge_sharpness"] == pytest.approx(1.0, abs=0.02)


def test_an_edge_turned_round_has_negative_sharpness() -> None:
    assert measure(1.0 / step_world(), step_world())["edge_sharpness"] == pytest.approx(-1.0)


def test_a_flat_truth_has_no_ratio_and_no_edges() -> None:
    flat = np.full((20, 20), 5.0)
    noisy = flat * np.exp(0.01 * np.random.default_rng(0).normal(size=flat.shape))
    result = VARIABILITY.measure(noisy, truth_of(flat))
    assert set(result) == {"off_edge_variation"}
    assert result["off_edge_variation"].count == 2 * 19 * 20
    # What float32 storage does to a constant is not variation either.
    stored = (flat * (1 + 1e-7 * np.random.default_rng(1).normal(size=flat.shape))).astype("f4")
    assert set(VARIABILITY.measure(noisy, truth_of(stored))) == {"off_edge_variation"}


def test_counts_are_those_of_the_truths_steps() -> None:
    found = VARIABILITY.measure(np.ones((40, 60)), truth_of(step_world()))
    assert {name: measured.count for name, measured in found.items()} == {
        "total_variation_ratio": 40 * 59 + 39 * 60,
        "off_edge_variation": 40 * 58 + 39 * 60,
        "edge_sharpness": 40,
    }


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_fewer_than_thirty_steps_are_not_measured(rows: int) -> None:
    depth = np.full((40, 60), np.nan)
    depth[: 20 * rows : 20, :20] = step_world()[: 20 * rows : 20, 20:40]  # 19 steps a row, 1 edge
    result = VARIABILITY.measure(np.ones(depth.shape), truth_of(depth))
    assert set(result) == ({"total_variation_ratio", "off_edge_variation"} if rows == 2 else set())


def test_pixels_without_neighbours_are_not_compared_across_the_gap() -> None:
    depth = np.full((40, 60), np.nan)
    depth[::2, ::2] = step_world()[::2, ::2]
    assert VARIABILITY.measure(np.ones(depth.shape), truth_of(depth)) == {}


def test_what_is_said_without_truth_changes_nothing() -> None:
    depth = step_world()
    depth[10:20, 25:45] = np.nan
    prediction = np.exp(np.random.default_rng(0).normal(size=depth.shape))
    elsewhere = np.where(np.isfinite(depth), prediction, np.nan)
    assert measure(elsewhere, depth) == measure(prediction, depth)
    assert set(measure(prediction, depth)) == NAMES
