"""What every row of TEACHERS keeps."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"

from pathlib import Path

import numpy as np
import pytest
import torch

from thermodepth.contracts import Contract
from thermodepth.contracts.teachers import TEACHER_CONTRACTS, TeacherCase, sample_of
from thermodepth.errors import TeacherError
from thermodepth.teacher import TEACHERS, TeacherSettings, open_teacher
from thermodepth.teacher.rgb_small import TrainedNetwork


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


@pytest.mark.parametrize("kind", sorted(TEACHERS))
@pytest.mark.parametrize("contract", TEACHER_CONTRACTS, ids=lambda contract: contract.name)
def test_a_kind_keeps_the_contract(
    kind: str, contract: Contract[TeacherCase], settings_of: dict[str, TeacherSettings]
) -> None:
    case = TeacherCase(row=TEACHERS[kind], settings=settings_of[kind], network_loader=load_network)
    if contract.applies(case):
        contract.check(case)


@pytest.mark.parametrize("kind", sorted(TEACHERS))
def test_a_frame_without_what_it_reads_is_named(
    kind: str, settings_of: dict[str, TeacherSettings]
) -> None:
    teacher = open_teacher(settings_of[kind], network_loader=load_network)
    with pytest.raises(TeacherError, match="frame seven has no"):
        teacher.label([sample_of("seven", 0, rgb=None, depth_m=None)])
