"""A predictor with the metres of a camera: applied, undone, refused where they belong to something else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thermodepth.errors import DataError, SettingsError
from thermodepth.inference.depth import Depth
from thermodepth.inference.metres import calibrate, check_same_lens, measure
from thermodepth.inference.predictor import Predictor, load
from thermodepth.model import ModelSettings, TrainingLens
from thermodepth.model.weights import copy_model
from thermodepth.scale_calibration import FILE_NAME, DistanceSample, ScaleCalibration, ScaleFit

FRAME = np.random.default_rng(0).integers(3000, 5000, (64, 80), dtype=np.uint16)
PLACES = ((10, 10), (40, 12), (70, 30), (25, 50), (60, 58))


@pytest.fixture
def folder(model_folder: Callable[..., Path]) -> Path:
    """Of a model that is told the lens."""
    settings = ModelSettings(
        weights="none", decoder_width=16, depth_range_m=(2.0, 50.0), focal_px=150.0
    )
    return model_folder(model=settings, lens=TrainingLens(focal_px=69.3, field_of_view_deg=60.0))


def fit_of(predictor: Predictor, result: Depth, factor: float = 1.5) -> ScaleFit:
    samples = []
    for x, y in PLACES:
        metres = factor * float(result.depth_m[y, x])
        sample = measure(result, "a.png", x, y, metres, kind="depth")
        assert isinstance(sample, DistanceSample)
        samples.append(sample)
    return calibrate(predictor, samples, result)


@pytest.fixture
def calibration(folder: Path) -> ScaleCalibration:
    predictor = load(folder, device="cpu", fov_deg=50)
    calibration = fit_of(predictor, predictor(FRAME)).calibration
    assert calibration.scale == pytest.approx(1.5, rel=0.05)
    return calibration


def same(a: Any, b: Any) -> None:
    np.testing.assert_array_equal(a, b)


def test_metres_are_applied_and_undone(
    folder: Path, calibration: ScaleCalibration, tmp_path: Path
) -> None:
    raw = load(folder, device="cpu", fov_deg=50)(FRAME)
    calibration.write(tmp_path / "metres.json")
    predictor = load(folder, device="cpu", metres=tmp_path / "metres.json")
    result = predictor(FRAME)  # through the lens that was stated when calibrating
    np.testing.assert_allclose(result.depth_m, calibration.scale * raw.depth_m, rtol=1e-6)
    same(result.structure, raw.structure)
    assert result.scale_calibration == calibration
    assert raw.scale_calibration is None
    assert "calibrated: scale 1.5" in repr(result)
    assert "calibrated: scale 1.5" in repr(predictor)
    assert "of 5 samples" in predictor._repr_html_()
    same(predictor.uncalibrated()(FRAME).depth_m, raw.depth_m)
    again = predictor.uncalibrated().calibrated(calibration)
    same(again(FRAME).depth_m, result.depth_m)


def test_a_model_folder_keeps_its_metres_until_they_are_left_out(
    folder: Path, calibration: ScaleCalibration, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    copy_model(folder, kept)
    raw = load(kept, device="cpu", fov_deg=50)(FRAME)
    calibration.write(kept / FILE_NAME)
    # It is the same model: nothing that goes by its fingerprint changes.
    assert load(kept, device="cpu").facts.weights_fingerprint == calibration.model
    np.testing.assert_allclose(
        load(kept, device="cpu")(FRAME).depth_m, calibration.scale * raw.depth_m, rtol=1e-6
    )
    plain = load(kept, device="cpu", fov_deg=50, uncalibrated=True)
    same(plain(FRAME).depth_m, raw.depth_m)
    with pytest.raises(SettingsError, match="uncalibrated: leaves out"):
        load(kept, metres=kept / FILE_NAME, uncalibrated=True)
    (kept / FILE_NAME).write_text("{}")
    with pytest.raises(DataError, match=FILE_NAME):
        load(kept, device="cpu")


def test_other_models_sizes_and_lenses_are_refused(
    folder: Path, calibration: ScaleCalibration
) -> None:
    with pytest.raises(SettingsError, match="a calibration of model"):
        load("thermal-small", device="cpu").calibrated(calibration)
    with pytest.raises(SettingsError, match="give --short-side 64"):
        load(folder, device="cpu", short_side=96).calibrated(calibration)
    predictor = load(folder, device="cpu").calibrated(calibration)
    with pytest.raises(SettingsError, match="another lens has metres of its own"):
        predictor(FRAME, fov_deg=40)
    predictor(FRAME, fov_deg=50.3)
    predictor(FRAME[:48, :60], focal_px=40 / np.tan(np.deg2rad(25)))  # a crop
    with pytest.warns(UserWarning, match="taken as resized"):
        predictor(np.repeat(np.repeat(FRAME, 2, 0), 2, 1))


def test_nothing_is_fitted_to_calibrated_depth(folder: Path, calibration: ScaleCalibration) -> None:
    predictor = load(folder, device="cpu").calibrated(calibration)
    with pytest.raises(SettingsError, match="calibrated already"):
        measure(predictor(FRAME), "a.png", 10, 10, 5.0)
    # A refit on raw depth ends at the same factor, and not at that factor squared or at one.
    raw = predictor.uncalibrated()
    again = fit_of(raw, raw(FRAME)).calibration
    assert again.scale == pytest.approx(calibration.scale)


def test_frames_through_two_lenses_are_not_one_calibration(folder: Path) -> None:
    predictor = load(folder, device="cpu")
    first, other = predictor(FRAME, fov_deg=50), predictor(FRAME, fov_deg=40)
    check_same_lens(first, predictor(FRAME, fov_deg=50.4), "b.png")
    with pytest.raises(SettingsError, match=r"b\.png: a lens of 40\.0 degrees.*had 50\.0"):
        check_same_lens(first, other, "b.png")


def test_a_model_that_is_told_no_lens(model_folder: Callable[..., Path]) -> None:
    predictor = load(model_folder(), device="cpu")
    result = predictor(FRAME)
    with pytest.raises(SettingsError, match="the lens is not known"):
        measure(result, "a.png", 10, 10, 5.0)
    calibration = fit_of(predictor, result).calibration
    assert calibration.lens is None
    np.testing.assert_allclose(
        predictor.calibrated(calibration)(FRAME).depth_m,
        calibration.scale * result.depth_m,
        rtol=1e-6,
    )


def test_the_evaluation_sees_the_model_itself(folder: Path, calibration: ScaleCalibration) -> None:
    """Scores are of models: what a folder keeps for a camera is no part of `Predictor(load_model(...))`."""
    from thermodepth.model import load_model

    calibration.write(folder / FILE_NAME)
    assert Predictor(load_model(folder), device="cpu").scale_calibration is None
