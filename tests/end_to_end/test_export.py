"""`thermodepth export` and `bench` as people type them, and what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from thermodepth.files import encode_png
from thermodepth.model import ModelRecipe, ModelSettings, TrainingLens, save_model
from thermodepth.model.network import build_network
from thermodepth.thermal import NormaliserSettings
from thermodepth.types import ThermalUnit

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
Thermodepth = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is told the lens, trained at 64x80 on counts."""
    settings = ModelSettings(
        encoder="resnet-small",
        weights="none",
        decoder_width=16,
        depth_range_m=(0.5, 80.0),
        focal_px=70.0,
    )
    recipe = ModelRecipe(
        model=settings,
        modality="thermal",
        normaliser=NormaliserSettings(),
        trained_unit=ThermalUnit.COUNTS,
        working_size=(64, 80),
        lens=TrainingLens(focal_px=70.0, field_of_view_deg=60.0),
    )
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("model") / "toy"
    save_model(folder, build_network(settings, channels=1), recipe)
    return folder


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Three frames of a camera."""
    folder = tmp_path / "frames"
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(3):
        counts = random.integers(7000, 9000, (64, 80)).astype(np.uint16)
        (folder / f"{number}.png").write_bytes(encode_png(counts))
    return folder


def test_export_predict_bench(
    thermodepth: Thermodepth, toy: Path, frames: Path, tmp_path: Path
) -> None:
    code, out, err = thermodepth(
        "export", toy, "--data", frames, "--size", "80x64", "--json", "export.json"
    )
    assert (code, err) == (0, "")
    assert "onnx: metres differ by 0.0" in out
    assert "on average, 3 frames of" in out
    assert "frames in counts of 80x64, any number at once" in out
    tree = json.loads((tmp_path / "export.json").read_text())
    assert tree["files"] == ["toy.onnx"]
    assert tree["graph"]["size"] == [64, 80]
    assert {row["frame"] for row in tree["parity"]} == {"scene", "flat", "saturated", "noise"}

    code, out, _ = thermodepth(
        "predict", frames, "--model", "toy.onnx", "--fov", "50", "--no-view", "--out", "depth"
    )
    assert code == 0
    assert "3 frames predicted into depth" in out
    assert (tmp_path / "depth" / "2_depth.png").is_file()

    code, out, _ = thermodepth(
        *("bench", "toy.onnx", "--runtime", "onnx", "--size", "80x64"),
        *("--threads", "1", "--rounds", "2", "--json", "bench.json"),
    )
    assert code == 0
    assert "p95 ms" in out
    (timing,) = json.loads((tmp_path / "bench.json").read_text())["timings"]
    assert timing["runtime"] == "onnx"
    assert timing["p95_ms"] >= timing["p50_ms"] > 0


def test_the_metres_of_a_camera_are_not_in_the_graph(
    thermodepth: Thermodepth, toy: Path, frames: Path
) -> None:
    (toy / "metres.json").write_text("{}")
    try:
        code, _, err = thermodepth("export", toy, "--data", frames, "--size", "80x64")
    finally:
        (toy / "metres.json").unlink()
    assert code == 0
    assert "note: the graph has the model's own depth" in " ".join(err.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("export", "TOY", "--to", "trt"), "--to: unknown kind of graph 'trt'"),
        (("export", "TOY", "--unit", "celsius"), "--unit: unknown unit 'celsius'"),
        (("export", "TOY", "--size", "640"), "--size 640: expected WIDTHxHEIGHT"),
        (("export", "TOY", "--out", "model.xml"), "expected a name that ends in .onnx"),
        (("export", "TOY", "--npu"), "is of one size"),
        (("export", "nothing"), "nothing: no such model folder"),
        (("export", "rgb-small"), "reads RGB; export takes a thermal model"),
        (("predict", "FRAMES", "--model", "none.onnx"), "none.onnx: cannot be read"),
        (("predict", "FRAMES", "--model", "TOY", "--runtime", "onnx"), "write a graph first"),
        (("predict", "FRAMES", "--model", "TOY", "--runtime", "onyx"), "did you mean 'onnx'"),
        (("predict", "FRAMES", "--model", "x.onnx", "--runtime", "torch"), "torch does not run"),
        (("bench", "TOY", "--runtime", "tensorrt"), "--runtime: unknown runtime 'tensorrt'"),
        (("bench", "TOY", "--size", "0x0", "--runtime", "torch"), "--size 0x0"),
    ],
)
def test_wrong_words(
    words: tuple[str, ...], message: str, thermodepth: Thermodepth, toy: Path, frames: Path
) -> None:
    names = {"TOY": toy, "FRAMES": frames}
    code, _, err = thermodepth(*(names.get(word, word) for word in words))
    assert code == 2
    assert message in " ".join(err.split())
