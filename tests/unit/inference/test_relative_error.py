"""The relative error as the predictor hands it out and as files hold it."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from thermodepth.errors import SettingsError, WeightsError
from thermodepth.inference.predictor import Depth, Predictor
from thermodepth.model import ErrorCalibration, ModelSettings, load_model
from thermodepth.outputs.files import write_frame
from thermodepth.outputs.registry import FORMATS, frame_rows
from thermodepth.outputs.relative_error import relative_error_png
from thermodepth.types import Sample, ThermalUnit

ModelFolder = Callable[..., Path]


def calibration(*, low: float = 0.5, high: float = 2.0) -> ErrorCalibration:
    return ErrorCalibration(
        knots_m=(1.0,),
        factors=((low,), (high,)),
        unit="scenes",
        units=20,
        frames=20,
        data="synthetic",
        data_fingerprint="abc",
        split="val",
    )


@pytest.fixture
def predictor_of(model_folder: ModelFolder) -> Callable[..., Predictor]:
    """With the head for sky too, so that no layer is taken for another."""

    def predictor(made: ErrorCalibration | None, **heads: Any) -> Predictor:
        fields = {"weights": "none", "decoder_width": 16, "depth_range_m": (2.0, 50.0), **heads}
        model = load_model(model_folder(model=ModelSettings(relative_error=True, **fields)))
        recipe = model.recipe.model_copy(update={"error_calibration": made})
        return Predictor(replace(model, recipe=recipe), device="cpu")

    return predictor


def frame(size: tuple[int, int] = (64, 80)) -> NDArray[np.uint16]:
    return np.random.default_rng(0).integers(7000, 7900, size).astype(np.uint16)


@pytest.mark.parametrize("sky", [False, True])
def test_it_is_the_head_s_quantile_times_the_factor(
    sky: bool, predictor_of: Callable[..., Predictor]
) -> None:
    low, high = predictor_of(calibration(low=0.5), sky=sky), predictor_of(calibration(), sky=sky)
    result = low(frame())
    assert result.relative_error is not None
    assert result.relative_error_90 is not None
    assert result.relative_error.shape == result.relative_error_90.shape == (64, 80)
    assert result.relative_error.dtype == np.float32
    assert (result.relative_error > 0).all()
    assert (result.relative_error_90 >= result.relative_error).all()
    with torch.inference_mode():  # the head itself, on what the predictor gives the network
        seen: list[torch.Tensor] = []
        handle = low.model.network.register_forward_hook(
            lambda _, __, made: seen.append(made.log_error)
        )
        low(frame())
        handle.remove()
    quantile = seen[0][0].numpy()
    np.testing.assert_allclose(
        result.relative_error, np.expm1(0.5 * np.exp(quantile[0])), rtol=1e-4
    )
    np.testing.assert_array_equal(high(frame()).depth_m, result.depth_m)


def test_the_interval_is_depth_over_and_times_one_plus_it(
    predictor_of: Callable[..., Predictor],
) -> None:
    result = predictor_of(calibration())(frame((48, 60)))
    assert result.relative_error is not None
    near_m, far_m = result.interval_m()
    np.testing.assert_allclose(far_m, result.depth_m * (1 + result.relative_error), rtol=1e-6)
    np.testing.assert_allclose(near_m * far_m, result.depth_m**2, rtol=1e-5)
    wide_near_m, wide_far_m = result.interval_m(0.9)
    assert (wide_near_m <= near_m).all()
    assert (wide_far_m >= far_m).all()
    with pytest.raises(SettingsError, match=r"level 0\.95: expected 0\.68 or 0\.9"):
        result.interval_m(0.95)


def test_without_a_calibration_nothing_is_handed_out(
    predictor_of: Callable[..., Predictor], tmp_path: Path
) -> None:
    predictor = predictor_of(None)
    result = predictor(frame())
    assert not predictor.tells_relative_error
    assert result.relative_error is result.relative_error_90 is None
    with pytest.raises(SettingsError, match=r"tells no relative error.*calibration on held-out"):
        result.interval_m(0.9)
    assert [path.name for path in written(result, tmp_path, "png")] == [
        "f_depth.png",
        "f_structure.png",
    ]


def test_maps_of_a_model_that_tells_are_three(predictor_of: Callable[..., Predictor]) -> None:
    predictor = predictor_of(calibration())
    result = predictor(frame())
    sample = Sample(
        sample_id="f",
        thermal=frame(),
        thermal_unit=ThermalUnit.COUNTS,
        intrinsics=np.full((3, 3), np.nan, np.float32),
    )
    ((depth_m, structure, relative),) = predictor.maps_of([sample])
    np.testing.assert_array_equal(depth_m, result.depth_m)
    np.testing.assert_array_equal(structure, result.structure)
    assert result.relative_error is not None
    assert result.relative_error_90 is not None
    np.testing.assert_array_equal(relative[0], result.relative_error)
    np.testing.assert_array_equal(relative[1], result.relative_error_90)
    (two,) = predictor_of(None).maps_of([sample])
    assert len(two) == 2


def test_a_head_that_says_no_numbers_is_refused(predictor_of: Callable[..., Predictor]) -> None:
    predictor = predictor_of(calibration())
    head = predictor.model.network.error_head
    assert head is not None
    for parameter in head.parameters():
        parameter.data.fill_(float("nan"))
    with pytest.raises(WeightsError, match="values of the relative error are no finite numbers"):
        predictor(frame())


# --- files ---------------------------------------------------------------------------------------


def written(result: Depth, folder: Path, depth_format: str) -> list[Path]:
    return list(write_frame(folder, "f", result, frame_rows(FORMATS[depth_format])).values())


def a_result() -> Depth:
    depth_m = np.full((2, 3), 5.0, np.float32)
    error = np.array([[0.0, 0.1234, 0.5], [2.0, 65.0, 400.0]], np.float32)
    sky = np.zeros((2, 3), bool)
    sky[0, 2] = True
    return Depth(
        depth_m=depth_m,
        structure=1 / depth_m,
        sky=sky,
        relative_error=error,
        relative_error_90=2 * error,
    )


def test_a_picture_of_it_is_in_thousandths_and_larger_is_worse(tmp_path: Path) -> None:
    paths = written(a_result(), tmp_path, "png")
    assert [path.name for path in paths[-2:]] == [
        "f_relative_error.png",
        "f_relative_error_90.png",
    ]
    with Image.open(paths[-2]) as image:
        assert image.mode == "I;16"
        np.testing.assert_array_equal(
            np.asarray(image), [[1, 123, 0], [2000, 65000, 65535]]
        )  # 0 in the sky alone
    with Image.open(io.BytesIO(relative_error_png(np.full((1, 1), 0.25, np.float32)))) as image:
        assert np.asarray(image)[0, 0] == 250


def test_an_array_of_it_is_a_share_and_nan_in_the_sky(tmp_path: Path) -> None:
    result = a_result()
    paths = written(result, tmp_path, "npy")
    for path, error in zip(
        paths[-2:], (result.relative_error, result.relative_error_90), strict=True
    ):
        assert error is not None
        values = np.load(path)
        assert np.isnan(values[0, 2])
        assert np.isfinite(error).all()  # the result itself is left alone
        np.testing.assert_array_equal(np.delete(values, 2), np.delete(error, 2))
