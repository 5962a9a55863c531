"""Integers by hand: scales, rounding, what is taken back, and what stays as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from thermodepth.export.graph import Graph
from thermodepth.export.onnx_model import onnx_model
from thermodepth.export.quantisation import quantised

INPUT = "identity_1"  # the map that the convolution reads


def convolution(weight: np.ndarray, bias: np.ndarray) -> Any:
    graph = Graph()
    x = graph.node("Identity", graph.input("in", [1, weight.shape[1], "h", "w"]))
    with graph.scope("network/encoder"):
        y = graph.node("Conv", x, graph.constant(weight), graph.constant(bias), kernel_shape=[1, 1])
        y = graph.node("Relu", y)
    return graph.model([(y, "y", [1, len(weight), "h", "w"])], producer="test 0")


def constants(model: Any) -> dict[str, np.ndarray]:
    return {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}


def run(model: Any, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"in": x})[0]


def test_a_convolution_by_hand() -> None:
    # Channel 0 has weights 1.28 and 0.01: its step is 1.28 / 64 = 0.02, so 0.01 is half a step, which
    # goes to the even number, 0; on inputs of mean 3 that loses 0.03, and the bias has it back.
    weight = np.array([[[[1.28]], [[0.01]]]], np.float32)
    model = convolution(weight, np.array([0.5], np.float32))
    frames = [np.full((1, 2, 2, 2), value, np.float32) for value in (1.0, 5.0)]
    result = quantised(model, [{"in": frame} for frame in frames])
    onnx.checker.check_model(result)
    values = constants(result)
    whole = next(v for name, v in values.items() if name.endswith(":q") and v.dtype == np.int8)
    assert whole.ravel().tolist() == [64, 0]
    # Inputs: 0 to the mean of the largest, 3, in 255 steps from 0.
    assert values[f"{INPUT}:scale"] == pytest.approx(3 / 255)
    assert values[f"{INPUT}:zero"] == 0
    bias = next(
        v for name, v in values.items() if v.dtype == np.int32 and not name.endswith("zero")
    )
    assert bias[0] * 0.02 * 3 / 255 == pytest.approx(0.5 + 3 * 0.01, abs=2e-4)
    # At the mean input the output is right to a step.
    x = np.full((1, 2, 1, 1), 3.0, np.float32)
    step = values["y:scale"]
    assert run(result, x).item() == pytest.approx(3 * 1.29 + 0.5, abs=1.01 * step)
    assert run(model, x).item() == pytest.approx(3 * 1.29 + 0.5)


def test_a_range_below_zero_has_its_zero_inside() -> None:
    model = convolution(np.ones((1, 1, 1, 1), np.float32), np.zeros(1, np.float32))
    x = np.array([-1.0, 0.0, 4.0, 2.0], np.float32).reshape(1, 1, 2, 2)
    values = constants(quantised(model, [{"in": x}]))
    assert values[f"{INPUT}:scale"] == pytest.approx(5 / 255)
    assert values[f"{INPUT}:zero"] == 51  # 0 is a number of its own: -1 lies 51 steps below


def test_a_channel_without_weights_and_a_map_without_values() -> None:
    model = convolution(np.zeros((2, 1, 1, 1), np.float32), np.array([0.0, 1.0], np.float32))
    x = np.zeros((1, 1, 2, 2), np.float32)
    result = run(quantised(model, [{"in": x}]), x)
    np.testing.assert_allclose(result[0, :, 0, 0], [0.0, 1.0], atol=0.01)


def test_heads_norms_and_the_first_layers_stay_in_float32(make_model: Any) -> None:
    model = onnx_model(make_model(encoder="mobilenetv2", decoder="lean"))
    frame = np.random.default_rng(0).integers(7000, 9000, (1, 1, 64, 80)).astype(np.float32)
    feeds = {"thermal": frame, "focal_px": np.array([70.0], np.float32)}
    result = quantised(model, [feeds], float_layers=3)
    onnx.checker.check_model(result)
    by_output = {name: node for node in result.graph.node for name in node.output}
    in_integers, in_floats = [], []
    for node in result.graph.node:
        if node.op_type == "Conv":
            weight = by_output.get(node.input[1])
            (in_floats if weight is None else in_integers).append(node.name)
    assert all(name.startswith(("network/encoder/", "network/decoder/")) for name in in_integers)
    assert not any("/norm/" in name for name in in_integers)
    heads = [name for name in in_floats if name.startswith("network/heads/")]
    assert len(heads) > 8
    encoder = [name for name in in_floats if name.startswith("network/encoder/")]
    assert len(encoder) == 3
    assert len(in_integers) > 40
    session = onnxruntime.InferenceSession(
        result.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    before = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    depth, reference = (each.run(["depth_m"], feeds)[0] for each in (session, before))
    assert np.mean(np.abs(depth / reference - 1)) < 0.2
    assert len(result.SerializeToString()) < 0.6 * len(model.SerializeToString())
