"""What every row of TEACHERS keeps."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from thermodepth.errors import TeacherError
from thermodepth.teacher import (
    TEACHERS,
    Teacher,
    TeacherSettings,
    open_store,
    open_teacher,
    to_affine_inverse,
)
from thermodepth.teacher.rgb_small import TrainedNetwork
from thermodepth.types import Geometry, Sample, ThermalUnit


def sample_of(
    sample_id: str, seed: int, size: tuple[int, int] = (48, 80), **changes: Any
) -> Sample:
    generator = np.random.default_rng(seed)
    depth_m = generator.uniform(1, 60, size).astype(np.float32)
    depth_m[0] = np.nan
    fields: dict[str, Any] = {
        "sample_id": sample_id,
        "thermal": np.zeros(size, np.uint16),
        "thermal_unit": ThermalUnit.COUNTS,
        "intrinsics": np.eye(3, dtype=np.float32),
        "rgb": generator.integers(0, 256, (*size, 3), dtype=np.uint8),
        "depth_m": depth_m,
    }
    return Sample(**{**fields, **changes})


def load_network(_folder: Path) -> TrainedNetwork:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 1, 3, padding=1), torch.nn.Flatten(1, 2))
    return TrainedNetwork(network, 96)


@pytest.fixture(scope="module")
def settings_of(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TeacherSettings]:
    """Settings under which each row opens without a network or a download."""
    from safetensors.torch import save_file
    from transformers import GLPNConfig, GLPNForDepthEstimation

    built_in = tmp_path_factory.mktemp("rgb-small")
    save_file({"w": torch.zeros(1)}, built_in / "model.safetensors")
    glpn = tmp_path_factory.mktemp("glpn")
    config = GLPNConfig(
        depths=[1, 1, 1, 1],
        hidden_sizes=[8, 8, 16, 16],
        num_attention_heads=[1, 1, 2, 2],
        decoder_hidden_size=8,
    )
    GLPNForDepthEstimation(config).save_pretrained(glpn)
    maps = tmp_path_factory.mktemp("maps")
    sizes = {"b": (64, 48), "0": (64, 64), "2": (64, 64), "4": (64, 64)}
    (maps / "drive").mkdir()
    for i, name in enumerate([*"abc01234", "drive/0", "drive/1", "drive/2"]):
        values = np.random.default_rng(i).normal(size=sizes.get(name, (48, 80)))
        np.save(maps / f"{name}.npy", values)
    network = tmp_path_factory.mktemp("onnx") / "tiny.onnx"
    save_onnx(network)
    given: dict[str, dict[str, str]] = {
        "rgb-small": {"model": str(built_in)},
        "rgb-any": {},
        "transformers": {"model": str(glpn)},
        "onnx": {"model": str(network), "geometry": "affine_inverse"},
        "maps": {"model": str(maps), "geometry": "affine_inverse"},
        "truth": {},
    }
    runtime = {"device": "cpu", "batch_size": 2}
    return {
        kind: TeacherSettings.parse({"kind": kind, "runtime": runtime, **more})
        for kind, more in given.items()
    }


def save_onnx(path: Path) -> None:
    """One random convolution over an image of any size and batch."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    kernel = np.random.default_rng(0).normal(size=(1, 3, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "kernel"], ["depth"], pads=[1, 1, 1, 1])],
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["b", 3, "h", "w"])],
        [helper.make_tensor_value_info("depth", TensorProto.FLOAT, ["b", 1, "h", "w"])],
        [numpy_helper.from_array(kernel, "kernel")],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)


@pytest.fixture(params=sorted(TEACHERS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def teacher(kind: str, settings_of: dict[str, TeacherSettings]) -> Teacher:
    return open_teacher(settings_of[kind], network_loader=load_network)


def test_rows_are_named_by_their_key_and_say_what_they_are(kind: str) -> None:
    row = TEACHERS[kind]
    assert row.name == kind
    assert 10 < len(row.summary) < 110


def test_it_is_a_teacher(teacher: Teacher, kind: str) -> None:
    assert isinstance(teacher, Teacher)
    assert isinstance(teacher.geometry, Geometry)
    assert teacher.description
    assert teacher.fingerprint().startswith(f"{kind}-")


def test_maps_have_the_frame_s_size_and_a_label_in_them(teacher: Teacher) -> None:
    samples = [sample_of("a", 0), sample_of("b", 1, (64, 48)), sample_of("c", 2)]
    maps = teacher.label(samples)
    for sample, values in zip(samples, maps, strict=True):
        assert values.shape == sample.size
        assert values.dtype == np.float32
        label = to_affine_inverse(values, teacher.geometry)
        assert np.isfinite(label).any()
        assert not np.isinf(label).any()
    assert teacher.label([]) == []


def test_batching_and_order_change_nothing(teacher: Teacher) -> None:
    samples = [sample_of(str(i), i, (48, 80) if i % 2 else (64, 64)) for i in range(5)]
    together = teacher.label(samples)
    backwards = teacher.label(samples[::-1])[::-1]
    for sample, values, other in zip(samples, together, backwards, strict=True):
        alone = teacher.label([sample])[0]
        np.testing.assert_allclose(alone, values, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(other, values, rtol=1e-4, atol=1e-4)


def test_the_frame_is_left_alone_and_the_map_is_its_own(teacher: Teacher) -> None:
    sample = sample_of("a", 0)
    assert sample.rgb is not None
    assert sample.depth_m is not None
    rgb, depth_m = sample.rgb.copy(), sample.depth_m.copy()
    (values,) = teacher.label([sample])
    values[:] = 0
    np.testing.assert_array_equal(sample.rgb, rgb)
    np.testing.assert_array_equal(sample.depth_m, depth_m)


def test_a_frame_without_what_it_reads_is_named(teacher: Teacher) -> None:
    with pytest.raises(TeacherError, match="frame seven has no"):
        teacher.label([sample_of("seven", 0, rgb=None, depth_m=None)])


def test_the_fingerprint_ignores_how_it_is_run(
    kind: str, teacher: Teacher, settings_of: dict[str, TeacherSettings]
) -> None:
    other = settings_of[kind].edit({"runtime.batch_size": 7})
    assert open_teacher(other, network_loader=load_network).fingerprint() == teacher.fingerprint()


def test_its_labels_go_through_a_store(teacher: Teacher, tmp_path: Path) -> None:
    samples = [sample_of(f"drive/{i}", i) for i in range(3)]
    store = open_store(tmp_path, teacher, "data-1")
    assert store.fill(teacher, samples, batch_size=2) == 3
    for sample, values in zip(samples, teacher.label(samples), strict=True):
        direct = to_affine_inverse(values, teacher.geometry)
        spread = np.nanmax(direct) - np.nanmin(direct)
        assert np.nanmax(np.abs(store.label(sample.sample_id) - direct)) <= 1e-4 * spread
