"""A graph as a predictor: what it takes, what it says, and what it refuses with the way out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import thermodepth
from thermodepth.errors import DataError, DependencyError, SettingsError, WeightsError
from thermodepth.export.exporting import write_onnx
from thermodepth.export.onnx_model import onnx_model
from thermodepth.inference.lens import Lens
from thermodepth.inference.predictor import Predictor
from thermodepth.model import LoadedModel
from thermodepth.runtime import sessions
from thermodepth.runtime.loading import open_predictor
from thermodepth.runtime.predictor import GraphPredictor
from thermodepth.runtime.sessions import open_session
from thermodepth.types import ThermalUnit


@pytest.fixture
def frame() -> NDArray[np.uint16]:
    random = np.random.default_rng(0)
    return (8000 + 10 * np.arange(90)[:, None] + random.integers(0, 40, (90, 120))).astype(
        np.uint16
    )


def test_it_says_what_the_model_says(
    graph_file: Path, model: LoadedModel, frame: NDArray[np.uint16], tmp_path: Path
) -> None:
    graph = thermodepth.load(graph_file, fov_deg=50)
    network = Predictor(model, device="cpu", lens=Lens.from_options(fov_deg=50))
    result, expected = graph(frame), network(frame)
    np.testing.assert_allclose(result.depth_m, expected.depth_m, rtol=1e-4)
    assert result.lens is not None
    np.testing.assert_allclose(result.points(), expected.points(), rtol=1e-4)
    assert result.sky is not None
    assert result.sky.dtype == bool
    assert result.relative_error is None
    assert graph.facts == network.facts
    assert not graph.tells_relative_error
    assert repr(graph) == (
        "Predictor('toy.onnx', encoder resnet-small, short side 64, lens 50 deg across, onnx, cpu)"
    )
    assert "onnx, cpu" in graph._repr_html_()
    np.save(tmp_path / "frame.npy", frame)
    np.testing.assert_array_equal(graph(tmp_path / "frame.npy").depth_m, result.depth_m)


def test_the_lens_of_every_call_counts(graph_file: Path, frame: NDArray[np.uint16]) -> None:
    graph = thermodepth.load(graph_file)
    near, far = graph(frame, focal_px=60.0), graph(frame, focal_px=120.0)
    np.testing.assert_allclose(far.depth_m, 2 * near.depth_m, rtol=1e-5)
    with pytest.warns(UserWarning, match="taken is the training's, 60 degrees"):
        assumed = graph(frame)
    assert assumed.lens is not None
    assert assumed.lens.assumed


def test_other_frames_than_it_was_written_for_are_refused(
    model: LoadedModel, frame: NDArray[np.uint16], tmp_path: Path
) -> None:
    path = tmp_path / "fixed.onnx"
    write_onnx(onnx_model(model, size=(90, 120)), path)
    graph = open_predictor(path, lens=Lens.from_options(fov_deg=50))
    assert graph.predict([frame, frame], unit=ThermalUnit.COUNTS)[1].depth_m.shape == (90, 120)
    with pytest.raises(DataError, match=r"120x80 pixels: this graph takes 120x90 .*--size 120x80"):
        graph.predict([frame[:80]], unit=ThermalUnit.COUNTS)
    with pytest.raises(
        SettingsError, match=r"reads frames in counts .* export MODEL --unit display"
    ):
        graph(frame.astype(np.uint8))
    with pytest.raises(SettingsError, match=r"written for 64; .* --short-side 96"):
        open_predictor(path, short_side=96)
    assert open_predictor(path, short_side=64).short_side == 64


class Broken:
    """A session whose depth is none."""

    device_text = "broken"

    def __init__(self, path: Path) -> None:
        self._session = open_session(path, threads=1)
        self.facts = self._session.facts

    def run(self, feeds: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        maps = self._session.run(feeds)
        maps["depth_m"][0, 3, 4] = np.nan
        return maps


def test_depth_that_is_no_number_is_an_error(graph_file: Path, frame: NDArray[np.uint16]) -> None:
    graph = GraphPredictor(Broken(graph_file))
    with pytest.raises(WeightsError, match="1 of 10800 values of depth are no finite numbers"):
        graph(frame, focal_px=100.0)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        (
            {"runtime": "tflite"},
            SettingsError,
            r"unknown runtime 'tflite' \(known: onnx, openvino, torch\)",
        ),
        ({"runtime": "torch"}, SettingsError, "is a graph, which torch does not run"),
        ({"device": "npu"}, SettingsError, "device 'npu': expected auto, cpu or cuda"),
        ({"device": "cuda", "runtime": "onnx"}, SettingsError, "this onnxruntime has no CUDA"),
    ],
)
def test_what_no_graph_runs_on(
    options: dict[str, str], error: type[Exception], match: str, graph_file: Path
) -> None:
    with pytest.raises(error, match=match):
        thermodepth.load(graph_file, **options)


def test_a_runtime_that_is_not_installed(graph_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "is_installed", lambda _: False)
    with pytest.raises(DependencyError, match=r"needs onnxruntime or openvino: pip install onnx"):
        thermodepth.load(graph_file)
    with pytest.raises(DependencyError, match="needs openvino: pip install openvino"):
        thermodepth.load(graph_file.with_suffix(".xml"))
    with pytest.raises(
        SettingsError, match=r"runtime onnx does not open \.xml files; openvino does"
    ):
        thermodepth.load(graph_file.with_suffix(".xml"), runtime="onnx")


def test_a_model_is_not_run_by_a_graphs_runtime(model_folder: Path) -> None:
    with pytest.raises(SettingsError, match=r"export \S+ --to openvino"):
        thermodepth.load(model_folder, runtime="openvino")
    assert isinstance(thermodepth.load(model_folder, runtime="torch"), Predictor)
    with pytest.raises(SettingsError, match="unknown runtime 'onx'; did you mean 'onnx'"):
        thermodepth.load(model_folder, runtime="onx")


def test_openvino_runs_the_same_files(
    graph_file: Path, model: LoadedModel, frame: NDArray[np.uint16]
) -> None:
    pytest.importorskip("openvino", reason="needs the extra openvino")
    graph = thermodepth.load(graph_file, runtime="openvino", fov_deg=50)
    network = Predictor(model, device="cpu", lens=Lens.from_options(fov_deg=50))
    for part in (frame, frame[:70], frame[:, :100], frame[:60, :80], frame[:65], frame):
        np.testing.assert_allclose(graph(part).depth_m, network(part).depth_m, rtol=1e-3)
    assert graph.device_text == "openvino, cpu"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_frame_with_what_is_no_number_is_blamed_and_not_the_weights(
    value: float, model: LoadedModel, graph_file: Path
) -> None:
    kelvin = np.full((64, 80), 290, np.float32)
    kelvin[3, 4] = value
    for predictor in (Predictor(model, device="cpu"), open_predictor(graph_file, threads=1)):
        with pytest.raises(DataError, match="1 of 5120 values that are not finite"):
            predictor.predict([kelvin], unit=ThermalUnit.KELVIN)
        with pytest.raises(DataError, match="no frame"):
            predictor.predict([], unit=ThermalUnit.COUNTS)
