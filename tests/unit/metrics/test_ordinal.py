"""Ordinal error: which pairs are drawn, and what is a disagreement."""

import os
import subprocess
import sys

import numpy as np
import pytest

from thermodepth.metrics import TruthMap
from thermodepth.metrics.ordinal import ORDINAL

CLASSES = ("near", "middle", "far")


def truth_of(depth: np.ndarray, *, sample_id: str = "f0") -> TruthMap:
    return TruthMap(sample_id=sample_id, depth_m=np.asarray(depth, dtype=np.float64))


def world(*, share: float = 1.0, size: tuple[int, int] = (128, 320), seed: int = 0) -> np.ndarray:
    """Depth that is different everywhere, kept at a share of the pixels."""
    random = np.random.default_rng(seed)
    depth = np.exp(random.normal(2.0, 0.5, size))
    return np.where(random.random(size) < share, depth, np.nan)


def values(prediction: np.ndarray, truth: TruthMap) -> dict[str, float]:
    return {name: m.value for name, m in ORDINAL.measure(prediction, truth).items()}


def all_pairs(prediction: np.ndarray, truth: np.ndarray) -> dict[str, tuple[float, int]]:
    """The error over every pair of scored pixels, written from the definition with logarithms."""
    y, x = np.nonzero(np.isfinite(truth))
    p, d = np.log(prediction[y, x]), np.log(truth[y, x])
    i, j = np.triu_indices(y.size, 1)
    distance = np.hypot(y[i] - y[j], x[i] - x[j])

    def relation(v: np.ndarray) -> np.ndarray:
        step = v[i] - v[j]
        return np.where(np.abs(step) > np.log(1.03), np.sign(step), 0)

    wrong = relation(p) != relation(d)
    bounds = {"near": (0, 16), "middle": (16, 64), "far": (64, np.inf)}
    inside = {n: (distance >= low) & (distance < high) for n, (low, high) in bounds.items()}
    return {n: (float(wrong[m].mean()), int(m.sum())) for n, m in inside.items() if m.any()}


def test_every_pair_is_taken_where_there_are_few() -> None:
    # 3 x 9 pixels have 27 * 26 / 2 = 351 pairs, all of them near: all are drawn, each once.
    depth = world(size=(3, 9))
    prediction = world(size=(3, 9), seed=1)
    measured = ORDINAL.measure(prediction, truth_of(depth))
    error, count = all_pairs(prediction, depth)["near"]
    assert measured["ordinal_error_near"].value == pytest.approx(error)
    assert measured["ordinal_error_near"].count == count
    assert measured["ordinal_error"] == measured["ordinal_error_near"]
    assert count == 351
    assert set(measured) == {"ordinal_error", "ordinal_error_near"}


def test_two_halves_by_hand() -> None:
    # 8 columns at 2 m, 8 at 4 m, one row of 16: 8 * 8 = 64 of 120 pairs cross. A flat map has all of these
    # wrong, one that is turned round as well; and one with a third plane also 16 of the rest.
    truth = truth_of(np.repeat([2.0, 4.0], 8)[None])
    flat = values(np.full((1, 16), 3.0), truth)
    turned = values(np.repeat([4.0, 2.0], 8)[None], truth)
    third = values(np.repeat([2.0, 4.0, 8.0], [8, 4, 4])[None], truth)
    assert flat["ordinal_error"] == turned["ordinal_error"] == 64 / 120
    assert third["ordinal_error"] == 16 / 120


@pytest.mark.parametrize("share", [1.0, 0.05, 0.01])
def test_a_sample_of_pairs_agrees_with_all_pairs(share: float) -> None:
    size = (64, 40) if share == 1.0 else (128, 320)
    depth, prediction = world(share=share, size=size), world(size=size, seed=5) ** 0.3
    prediction *= np.nan_to_num(depth, nan=1.0) ** 0.7
    measured = ORDINAL.measure(prediction, truth_of(depth))
    every = all_pairs(prediction, depth)
    for name, (error, count) in every.items():
        value, drawn = tuple(measured[f"ordinal_error_{name}"])
        assert drawn <= count
        spread = np.sqrt(error * (1 - error) / drawn * (1 - drawn / count))
        assert abs(value - error) <= 4 * spread + 1e-12
    mean = np.mean([measured[f"ordinal_error_{name}"].value for name in every])
    assert measured["ordinal_error"].value == pytest.approx(mean)


def test_errors_of_one_distance_are_seen_in_its_class_alone() -> None:
    # Stripes of 4 pixels, alternating by 20 %, on a slope of 2 % a pixel: without the stripes neighbours
    # lose their order; the far pairs of 64 rows lie 12 columns apart or more and keep it.
    x = np.arange(320.0)
    slope = 2.0 * 1.02**x
    stripes = slope * np.where(x // 4 % 2, 1.2, 1.0)
    truth = truth_of(np.tile(stripes, (64, 1)))
    result = values(np.tile(slope, (64, 1)), truth)
    assert result["ordinal_error_near"] > 0.15
    assert result["ordinal_error_far"] == 0.0


def test_a_perfect_prediction_has_no_error_even_on_the_threshold() -> None:
    # Neighbouring columns stand at ratio 1.03 as nearly as float64 has it, on either side of it.
    depth = np.tile(2.0 * 1.03 ** np.arange(80.0), (20, 1))
    truth = truth_of(depth)
    result = ORDINAL.measure(depth.copy(), truth)
    assert set(result) == {"ordinal_error", *(f"ordinal_error_{name}" for name in CLASSES)}
    assert {measured.value for measured in result.values()} == {0.0}


def test_each_class_of_distance_has_its_share_on_a_full_frame() -> None:
    found = ORDINAL.measure(world(), truth_of(world()))
    assert [found[f"ordinal_error_{name}"].count for name in CLASSES] == [6667] * 3
    assert found["ordinal_error"].count == 20001


@pytest.mark.parametrize(("share", "near", "rest"), [(0.05, 6000, 6000), (0.005, 150, 3000)])
def test_lidar_leaves_enough_pairs(share: float, near: int, rest: int) -> None:
    found = ORDINAL.measure(world(), truth_of(world(share=share)))
    assert found["ordinal_error_near"].count >= near
    assert found["ordinal_error_middle"].count >= rest
    assert found["ordinal_error_far"].count >= rest


def test_one_id_gives_the_same_pairs_in_every_process() -> None:
    code = (
        "import numpy as np; from thermodepth.metrics import TruthMap;"
        "from thermodepth.metrics.ordinal import ORDINAL; r = np.random.default_rng(0);"
        "d, p = np.exp(r.normal(2, .5, (2, 64, 90)));"
        "print([ORDINAL.measure(p, TruthMap(sample_id=i, depth_m=d)) for i in 'ab'])"
    )
    first, second = (
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    )
    assert first == second != ""


def test_another_id_gives_other_pairs() -> None:
    depth, prediction = world(), world(seed=1)
    assert values(prediction, truth_of(depth)) == values(prediction, truth_of(depth))
    other = truth_of(depth, sample_id="f1")
    assert values(prediction, truth_of(depth)) != values(prediction, other)


def test_pairs_come_from_all_over_the_picture() -> None:
    # The prediction is wrong in one quarter only: 7/16 of near pairs at most touch it, 1/4 lie in it.
    depth = world(size=(128, 128))
    for rows in (slice(0, 64), slice(64, 128)):
        for columns in (slice(0, 64), slice(64, 128)):
            prediction = depth.copy()
            prediction[rows, columns] = 1e6 / depth[rows, columns]
            result = values(prediction, truth_of(depth))
            assert 0.22 < result["ordinal_error_near"] < 0.30


@pytest.mark.parametrize("pixels", [0, 1, 2, 10])
def test_too_few_pairs_are_not_measured(pixels: int) -> None:
    depth = np.full((40, 200), np.nan)
    depth.ravel()[np.linspace(0, depth.size - 1, pixels).astype(int)] = 3.0
    assert ORDINAL.measure(np.ones(depth.shape), truth_of(depth)) == {}


def test_what_is_said_without_truth_changes_nothing() -> None:
    depth, prediction = world(share=0.1), world(seed=1)
    elsewhere = np.where(np.isfinite(depth), prediction, np.nan)
    assert ORDINAL.measure(elsewhere, truth_of(depth)) == ORDINAL.measure(
        prediction, truth_of(depth)
    )
