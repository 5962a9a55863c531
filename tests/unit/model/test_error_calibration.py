"""The calibration that travels with a model: what it does to the head's errors, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thermodepth.checksums import read_record, write_record
from thermodepth.errors import SettingsError, WeightsError
from thermodepth.model import DepthNetwork, ErrorCalibration, ModelRecipe, load_model, save_model
from thermodepth.model.error_calibration import log_factors, relative_errors

FIELDS: dict[str, Any] = {
    "knots_m": [2.0, 8.0],
    "factors": [[0.5, 2.0], [1.0, 3.0]],
    "unit": "scenes",
    "units": 40,
    "frames": 50,
    "data": "synthetic",
    "data_fingerprint": "abc",
    "split": "val",
}


def test_a_factor_is_a_line_in_log_depth_between_knots_and_flat_beyond() -> None:
    depth_m = np.array([0.1, 2.0, 4.0, 8.0, 70.0])
    factors = np.exp(log_factors(depth_m, (2.0, 8.0), (0.5, 2.0)))
    np.testing.assert_allclose(factors, [0.5, 0.5, 1.0, 2.0, 2.0])


def test_relative_errors_by_hand() -> None:
    calibration = ErrorCalibration.parse(FIELDS)
    log_error = np.log(np.array([[[0.1, 0.1]], [[0.2, 0.4]]], np.float32))
    depth_m = np.array([[2.0, 8.0]], np.float32)
    result = relative_errors(log_error, depth_m, calibration, log_range=1.0)
    assert result.dtype == np.float32
    # .1 x .5 and .1 x 2; .2 x 1, and .4 x 3 = 1.2 of which 1 is the most there can be
    np.testing.assert_allclose(result[:, 0], np.expm1([[0.05, 0.2], [0.2, 1.0]]), rtol=1e-5)
    raw = relative_errors(log_error, depth_m, None, log_range=9.0)
    np.testing.assert_allclose(raw[:, 0], np.expm1([[0.1, 0.1], [0.2, 0.4]]), rtol=1e-5)


def test_levels_never_cross_and_huge_errors_stay_numbers() -> None:
    log_error = np.array([[[0.5, 80.0]], [[-3.0, 90.0]]], np.float32)
    result = relative_errors(log_error, np.ones((1, 2), np.float32), None, log_range=5.0)
    np.testing.assert_allclose(result[:, 0, 0], np.expm1(np.exp(0.5)), rtol=1e-5)
    np.testing.assert_allclose(result[:, 0, 1], np.expm1(5.0), rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"knots_m": [8.0, 2.0]}, "knots_m must increase"),
        ({"knots_m": []}, "knots_m"),
        ({"factors": [[0.5, 2.0]]}, r"factors: expected 2 rows of 2 numbers, got \[2\]"),
        ({"factors": [[0.5, 2.0], [1.0]]}, r"got \[2, 1\]"),
        ({"factors": [[0.5, 2.0], [1.0, 0.0]]}, r"factors\.1\.1"),
        ({"levels": [0.5, 0.9]}, r"expected \[0\.68, 0\.9\]"),
        ({"unit": "pixels"}, "unit"),
    ],
)
def test_a_calibration_that_cannot_be_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        ErrorCalibration.parse({**FIELDS, **changes})


def test_it_travels_with_the_model_and_is_part_of_what_the_model_is(
    tmp_path: Path,
    settings_of: Callable[..., Any],
    network_of: Callable[..., DepthNetwork],
    recipe_of: Callable[..., ModelRecipe],
) -> None:
    plain = recipe_of(model=settings_of(relative_error=True))
    calibrated = plain.model_copy(update={"error_calibration": ErrorCalibration.parse(FIELDS)})
    network = network_of(relative_error=True)
    for name, recipe in (("plain", plain), ("calibrated", calibrated)):
        save_model(tmp_path / name, network, recipe)
        assert load_model(tmp_path / name).recipe == recipe
    assert "error_calibration" not in read_record(tmp_path / "plain" / "model.json")
    fingerprints = {load_model(tmp_path / n).fingerprint for n in ("plain", "calibrated")}
    assert len(fingerprints) == 2  # stored predictions of one are not the other's


def test_a_calibration_without_the_head_is_refused(
    tmp_path: Path, network_of: Callable[..., DepthNetwork], recipe_of: Callable[..., ModelRecipe]
) -> None:
    save_model(tmp_path, network_of(), recipe_of())
    tree = read_record(tmp_path / "model.json")
    write_record(tmp_path / "model.json", {**tree, "error_calibration": FIELDS})
    with pytest.raises(
        WeightsError, match=r"error_calibration without the head model\.relative_error"
    ):
        load_model(tmp_path)
