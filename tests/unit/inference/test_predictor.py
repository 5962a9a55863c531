"""The predictor: any thermal frame in, maps of its own size out, and what is refused."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from thermodepth.data.transform import resize_image
from thermodepth.errors import DataError, SettingsError, WeightsError
from thermodepth.files import encode_png
from thermodepth.inference import predictor as predictor_module
from thermodepth.inference.predictor import Depth, Predictor, load
from thermodepth.model import load_model
from thermodepth.thermal import NormaliserSettings, NormaliserState, normalise
from thermodepth.types import Geometry, ThermalUnit

ModelFolder = Callable[..., Path]


def frame(size: tuple[int, int] = (60, 90), seed: int = 0) -> NDArray[np.uint16]:
    """Counts with a warm block."""
    counts = np.random.default_rng(seed).integers(7000, 7400, size)
    counts[size[0] // 3 : size[0] // 2, size[1] // 3 : size[1] // 2] += 900
    return counts.astype(np.uint16)


@pytest.fixture
def predictor(model_folder: ModelFolder) -> Predictor:
    return load(model_folder(), device="cpu")


@pytest.mark.parametrize("size", [(64, 80), (512, 640), (33, 47), (8, 10), (200, 40), (1, 16)])
def test_maps_have_the_frame_s_own_size_and_lie_in_the_model_s_range(
    size: tuple[int, int], predictor: Predictor
) -> None:
    counts = frame(size)
    result = predictor(counts)
    assert result.depth_m.shape == result.structure.shape == size
    assert result.depth_m.dtype == result.structure.dtype == np.float32
    assert result.depth_m.min() >= 2 * (1 - 1e-5)
    assert result.depth_m.max() <= 50 * (1 + 1e-5)
    assert np.isfinite(result.structure).all()
    np.testing.assert_array_equal(counts, frame(size))  # the frame is left alone


def test_the_geometry_of_both_maps_is_typed() -> None:
    assert Depth.structure_geometry is Geometry.AFFINE_INVERSE


def test_a_frame_is_prepared_as_in_training_and_enlarged_in_log_depth(
    predictor: Predictor,
) -> None:
    counts = frame((128, 160))
    image = normalise(
        resize_image(counts, (64, 80)), ThermalUnit.COUNTS, predictor.model.recipe.normaliser
    )
    with torch.inference_mode():
        prediction = predictor.model.network(torch.from_numpy(image)[None, None])
    halfway = torch.nn.functional.interpolate(
        prediction.log_depth[:, None], size=(128, 160), mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(predictor(counts).depth_m, halfway[0, 0].exp(), rtol=1e-4)


@pytest.mark.parametrize(
    ("size", "short_side", "wanted"),
    [
        ((64, 80), None, (64, 80)),
        ((512, 640), None, (64, 80)),
        ((480, 640), None, (64, 85)),
        ((640, 480), None, (85, 64)),
        ((512, 640), 128, (128, 160)),
        ((10, 10), None, (64, 64)),
        ((100, 1000), 32, (32, 320)),
    ],
)
def test_the_network_sees_the_frame_s_own_aspect(
    size: tuple[int, int],
    short_side: int | None,
    wanted: tuple[int, int],
    model_folder: ModelFolder,
) -> None:
    predictor = load(model_folder(), device="cpu", short_side=short_side)
    assert predictor.network_size(size) == wanted


def test_a_batch_is_its_frames_one_by_one(predictor: Predictor) -> None:
    frames = [frame(seed=s) for s in range(3)]
    together = predictor.predict(frames, unit=ThermalUnit.COUNTS)
    for single, result in zip(frames, together, strict=True):
        np.testing.assert_allclose(predictor(single).depth_m, result.depth_m, rtol=1e-4)
        np.testing.assert_allclose(predictor(single).structure, result.structure, atol=1e-4)
    assert np.abs(together[0].depth_m - together[1].depth_m).max() > 1e-3


def test_the_same_frame_gives_the_same_bits(predictor: Predictor) -> None:
    first, second = predictor(frame()), predictor(frame())
    np.testing.assert_array_equal(first.depth_m, second.depth_m)
    np.testing.assert_array_equal(first.structure, second.structure)


@pytest.mark.parametrize("dtype", [">u2", np.int16, np.int32, np.int64, np.uint32])
def test_counts_are_the_same_in_any_integer(dtype: Any, predictor: Predictor) -> None:
    wanted = predictor(frame()).depth_m
    np.testing.assert_array_equal(predictor(frame().astype(dtype)).depth_m, wanted)


def test_other_memory_orders_are_the_same_frame(predictor: Predictor) -> None:
    wanted = predictor(frame()).depth_m
    backwards = np.ascontiguousarray(frame()[::-1, ::-1])[::-1, ::-1]
    for same in (np.asfortranarray(frame()), backwards, np.repeat(frame(), 2, 1)[:, ::2]):
        np.testing.assert_array_equal(predictor(same).depth_m, wanted)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, ">f4"])
def test_kelvin_comes_in_any_float(dtype: Any, predictor: Predictor) -> None:
    kelvin = (280 + frame().astype(np.float32) / 500).astype(dtype)
    wanted = predictor(kelvin.astype(np.float32)).depth_m
    np.testing.assert_array_equal(predictor(kelvin).depth_m, wanted)


def test_gain_and_offset_of_the_camera_change_little(predictor: Predictor) -> None:
    """The percentile normaliser takes them out, whatever unit the frame is in."""
    wanted = predictor(frame()).depth_m
    moved = predictor((frame() * 3 - 9000).astype(np.uint16)).depth_m
    kelvin = predictor(frame().astype(np.float32) / 45 + 150).depth_m
    np.testing.assert_allclose(moved, wanted, rtol=0.02)
    np.testing.assert_allclose(kelvin, wanted, rtol=0.02)


def test_files_are_read_by_their_content(predictor: Predictor, tmp_path: Path) -> None:
    counts = frame()
    wanted = predictor(counts).depth_m
    (tmp_path / "a.png").write_bytes(encode_png(counts))
    (tmp_path / "b.tiff").write_bytes(encode_png(counts))  # a PNG by another name
    Image.fromarray(counts).save(tmp_path / "c.tiff")
    np.save(tmp_path / "d.npy", counts)
    for name in ("a.png", "b.tiff", "c.tiff", "d.npy"):
        np.testing.assert_array_equal(predictor(tmp_path / name).depth_m, wanted)
    np.testing.assert_array_equal(predictor(str(tmp_path / "a.png")).depth_m, wanted)


def test_an_8_bit_picture_is_a_frame_too(predictor: Predictor) -> None:
    grey = ((frame() - 7000) // 8).astype(np.uint8)
    result = predictor(grey)
    assert result.depth_m.shape == grey.shape
    assert np.isfinite(result.depth_m).all()


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((4, 4, 3), np.uint8), r"expected one thermal frame \[h w\]"),
        (np.full((40, 40), 7000, np.uint16), "a closed shutter or a dead frame"),
        (np.array([[21.5, 22.5]]), r"Add 273\.15"),
        (np.array([[300.0, np.nan]]), "not finite"),
        (np.array([[70000, 7000]]), "expected 16-bit counts"),
        (np.array([["a"]]), "number type"),
    ],
)
def test_what_is_not_a_thermal_frame_is_refused(
    array: NDArray[Any], said: str, predictor: Predictor
) -> None:
    with pytest.raises(DataError, match=said):
        predictor(array)


def test_files_that_are_no_frames_are_named(predictor: Predictor, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.png"):
        predictor(tmp_path / "nothing.png")
    (tmp_path / "short.png").write_bytes(encode_png(frame())[:200])
    with pytest.raises(DataError, match=r"short\.png: damaged or truncated"):
        predictor(tmp_path / "short.png")
    stream = io.BytesIO()
    colours = np.random.default_rng(0).integers(0, 255, (40, 40, 3)).astype(np.uint8)
    Image.fromarray(colours).save(stream, "PNG")
    (tmp_path / "false-colour.png").write_bytes(stream.getvalue())
    with pytest.raises(DataError, match=r"false-colour\.png: a colour picture"):
        predictor(tmp_path / "false-colour.png")


def test_frames_of_different_sizes_do_not_go_together(predictor: Predictor) -> None:
    with pytest.raises(DataError, match="frames of 80x64, 90x60: one pass takes one size"):
        predictor.predict([frame((60, 90)), frame((64, 80))], unit=ThermalUnit.COUNTS)


def test_a_fixed_range_reads_its_own_unit_only(model_folder: ModelFolder) -> None:
    fixed = NormaliserSettings(name="fixed_range", range_low=6000.0, range_high=9000.0)
    predictor = load(model_folder(normaliser=fixed), device="cpu")
    assert np.isfinite(predictor(frame()).depth_m).all()
    with pytest.raises(SettingsError, match="cannot read a frame in kelvin"):
        predictor(np.array([[300.0, 301.0]]))


def test_an_rgb_model_is_no_predictor(model_folder: ModelFolder) -> None:
    folder = model_folder(modality="rgb")
    with pytest.raises(WeightsError, match="reads RGB; prediction takes a thermal model"):
        load(folder)
    with pytest.raises(WeightsError, match="reads RGB"):
        Predictor(load_model(folder))


def test_impossible_devices_and_sizes(
    model_folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = model_folder()
    with pytest.raises(SettingsError, match="device 'gpu': expected auto, cpu or cuda"):
        load(folder, device="gpu")
    with pytest.raises(SettingsError, match="short side 31: expected 32 to 4096"):
        load(folder, short_side=31)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SettingsError, match="no CUDA device"):
        load(folder, device="cuda")
    with pytest.raises(WeightsError, match="no such model folder"):
        load(folder / "nowhere")


def test_a_run_folder_is_a_model(model_folder: ModelFolder, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    model_folder().rename(run / "model")
    assert load(run, device="cpu")(frame()).depth_m.shape == (60, 90)
    assert load(str(run), device="cpu").model.fingerprint == load(run).model.fingerprint


def test_a_video_remembers_the_window_of_its_frames(model_folder: ModelFolder) -> None:
    """A hot object that enters must not darken everything else at once."""
    predictor = load(
        model_folder(normaliser=NormaliserSettings(name="moving_percentile")), device="cpu"
    )
    calm, hot = frame(seed=1), frame(seed=1)
    hot[:20] = 16000

    def structure_of(frames: list[NDArray[np.uint16]], state: NormaliserState | None) -> Any:
        maps = [predictor.predict([f], unit=ThermalUnit.COUNTS, state=state)[0] for f in frames]
        return maps[-1].structure

    alone = structure_of([hot], None)
    after = structure_of([calm, hot], NormaliserState())
    assert not np.allclose(alone, after)
    np.testing.assert_array_equal(structure_of([hot], NormaliserState()), alone)


# --- bounds --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 128_000), (1, 17), (64, 2000), (8_001, 8_001)])
def test_strips_and_what_no_camera_gives_are_refused_before_memory_is_taken(
    size: tuple[int, int], predictor: Predictor
) -> None:
    thermal = np.broadcast_to(np.uint16(7000), size)  # takes no memory itself
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=rf"a frame of {size[1]}x{size[0]} pixels"):
            predictor.predict([thermal], unit=ThermalUnit.COUNTS)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_what_the_network_would_see_is_bounded(model_folder: ModelFolder) -> None:
    predictor = load(model_folder(), device="cpu", short_side=4096)
    with pytest.raises(
        DataError, match=r"would be 32768x4096 to the network.* a smaller short side"
    ):
        predictor(frame((64, 512)))


def test_many_large_frames_go_through_in_parts(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = [frame(seed=seed) for seed in range(5)]
    whole = predictor.predict(frames, unit=ThermalUnit.COUNTS)
    rows, columns = predictor.network_size(frames[0].shape)
    monkeypatch.setattr(predictor_module, "MAX_NETWORK_PIXELS", 2 * rows * columns)
    parts = predictor.predict(frames, unit=ThermalUnit.COUNTS)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one.depth_m, other.depth_m, rtol=1e-4)


@pytest.mark.parametrize("part", ["structure_head", "metric_head", "encoder"])
def test_a_network_that_gives_no_numbers_is_an_error(model_folder: ModelFolder, part: str) -> None:
    predictor = load(model_folder(), device="cpu")
    weights = next(getattr(predictor.model.network, part).parameters())
    weights.data.fill_(float("nan"))
    with pytest.raises(
        WeightsError, match=rf"model {predictor.model.fingerprint}: .* no finite numbers"
    ):
        predictor(frame())


def test_rows_of_telemetry_are_refused(predictor: Predictor) -> None:
    words = np.zeros((2, 90), np.uint16)
    words[0, :30] = np.arange(30) * 999
    with pytest.raises(DataError, match="thermal: rows 60 to 61 of 62 are no picture"):
        predictor(np.concatenate([frame(), words]))
