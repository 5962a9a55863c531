"""The error family: the choices that published code makes differently, and choosing metrics by name."""

import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from thermodepth.errors import SettingsError
from thermodepth.metrics import ERRORS, PixelErrors, metric_rows


def value_of(name: str, prediction: np.ndarray, truth: np.ndarray) -> float:
    return float(ERRORS[name].compute(PixelErrors(prediction, truth))[0])


def test_silog_keeps_its_digits_under_a_large_scale_error() -> None:
    truth = np.linspace(1.0, 50.0, 1000)
    wobble = 1e-9 * np.sin(np.arange(1000.0))
    value = value_of("silog", 1000.0 * truth * (1.0 + wobble), truth)
    assert value == pytest.approx(100 * wobble.std(), rel=1e-4)
    # The textbook difference has nothing left to say here.
    g = np.log(1000.0 * truth * (1.0 + wobble)) - np.log(truth)
    assert abs(100 * abs(np.mean(g**2) - np.mean(g) ** 2) ** 0.5 / value - 1) > 0.5


def test_silog_takes_the_whole_scale_error_out() -> None:
    truth = np.array([1.0, 3.0, 9.0])
    assert value_of("silog", 2.5 * truth, truth) == pytest.approx(0.0, abs=1e-12)


def test_silog_of_one_pixel_says_nothing_and_is_declared_so() -> None:
    assert ERRORS["silog"].least_pixels == 2


@pytest.mark.parametrize("k", [1, 2, 3])
def test_delta_is_strict_on_both_sides_of_the_truth(k: int) -> None:
    factor, delta = 1.25**k, partial(value_of, f"delta_{k}")
    at = np.array([factor])
    assert delta(at, np.ones(1)) == 0.0
    assert delta(np.ones(1), at) == 0.0
    below = np.nextafter(at, 0.0)
    assert delta(below, np.ones(1)) == 1.0
    assert delta(np.ones(1), below) == 1.0


def test_sq_rel_divides_by_the_truth_once() -> None:
    assert value_of("sq_rel", np.array([14.0]), np.array([10.0])) == pytest.approx(1.6)


def test_rows_come_in_the_order_named() -> None:
    assert [row.name for row in metric_rows(["rmse", "abs_rel"])] == ["rmse", "abs_rel"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["abs_rell"], "unknown metric 'abs_rell'; did you mean 'abs_rel'"),
        ([], "no metric was named"),
        (["mae", "mae"], "'mae' is named twice"),
    ],
)
def test_names_that_cannot_be_chosen(names: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        metric_rows(names)


def test_scoring_starts_without_torch_or_opencv() -> None:
    code = (
        "import sys, thermodepth.metrics, thermodepth.evaluation.scoring.chunks, "
        "thermodepth.evaluation.scoring.baselines, thermodepth.report.evaluation.overview\n"
        "print(sorted({'torch', 'cv2', 'rich', 'matplotlib'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
