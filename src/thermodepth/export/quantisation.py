"""Convolutions of a graph in 8-bit integers, by what their inputs hold on calibration frames.

    x ~ scale (q - zero),   q in 0..255     one scale for a map, from the mean over frames of its extremes
    w ~ scale_c q,          q in -64..64    one scale for each output channel
    bias + (w - scale_c q) mean(x)          what rounding the weights moves on average is taken back

Weights take seven bits: without VNNI an x86 processor adds pairs of products in 16 bits, where eight would
overflow. Written as quantise-dequantise pairs, which ONNX Runtime and OpenVINO turn into integer kernels, and
others compute as they stand. Heads, norms, and what happens before and after the network stay in float32.

Source of the correction: Nagel et al., ICCV 2019, arXiv 1906.04721, with means from frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.export.network import NORM

if TYPE_CHECKING:
    from numpy.typing import NDArray

Feeds = Mapping[str, "NDArray[np.float32]"]
Range = tuple[float, float]

#: Parts of the graph whose convolutions are quantised, by the first letters of their names.
PARTS = ("network/encoder/", "network/decoder/")
_MOST_ACTIVATION, _MOST_WEIGHT = 255, 64
#: Of a map: one that holds nothing on any frame would leave no room for the bias behind it.
_LEAST_RANGE = 1e-3
_CLAMPS = ("Relu", "Clip")  # right behind a convolution they cost nothing


@dataclass(frozen=True, slots=True)
class Observed:
    """What the inputs and outputs of convolutions hold on calibration frames."""

    ranges: Mapping[str, Range]
    means: Mapping[str, NDArray[np.float64]]  # `[channels]`


def quantised(model: Any, frames: Iterable[Feeds], *, float_layers: int = 0) -> Any:
    """The `onnx.ModelProto` with quantised convolutions.

    Args:
        model: from `onnx_model`; left as it is.
        frames: inputs of the graph, one run each.
        float_layers: so many convolutions of the encoder, from its first on, stay in float32.
    """
    import onnx

    convolutions = [node for node in model.graph.node if _is_chosen(node)]
    first = [node.name for node in convolutions if node.name.startswith(PARTS[0])][:float_layers]
    convolutions = [node for node in convolutions if node.name not in first]
    assert convolutions, "a network has some"
    outputs = _outputs(model.graph.node, convolutions)
    inputs = dict.fromkeys(node.input[0] for node in convolutions)
    tensors = dict.fromkeys([*inputs, *(outputs[node.name] for node in convolutions)])
    observed = _observed(model, list(tensors), frames)
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    _rewrite(copy.graph, {node.name for node in convolutions}, observed)
    return copy


def _is_chosen(node: Any) -> bool:
    in_part = node.name.startswith(PARTS) and f"/{NORM}/" not in node.name
    return bool(node.op_type == "Conv" and in_part)


def _outputs(nodes: Iterable[Any], convolutions: Iterable[Any]) -> dict[str, str]:
    """Name of a convolution -> the tensor that is stored: behind the clamp where only that reads it."""
    readers: dict[str, list[Any]] = {}
    for node in nodes:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    outputs = {}
    for node in convolutions:
        following = readers.get(node.output[0], [])
        is_clamped = len(following) == 1 and following[0].op_type in _CLAMPS
        outputs[node.name] = following[0].output[0] if is_clamped else node.output[0]
    return outputs


def _observed(model: Any, tensors: list[str], frames: Iterable[Feeds]) -> Observed:
    """0 is within every range, for that is what padding holds."""
    import onnx
    import onnxruntime

    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    del watched.graph.output[:]
    reductions = (("ReduceMin", None), ("ReduceMax", None), ("ReduceMean", [0, 2, 3]))
    for index, tensor in enumerate(tensors):
        for reduce, axes in reductions:
            name = f"{reduce}:{index}"
            node = onnx.helper.make_node(reduce, [tensor], [name], keepdims=0, axes=axes)
            watched.graph.node.append(node)
            value = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
            watched.graph.output.append(value)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    content = watched.SerializeToString()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    runs = [session.run(None, dict(feeds)) for feeds in frames]
    assert runs, "calibration frames are asked for before"
    means = [np.mean(values, axis=0, dtype=np.float64) for values in zip(*runs, strict=True)]
    by_tensor = dict(
        zip(tensors, zip(means[::3], means[1::3], means[2::3], strict=True), strict=True)
    )
    return Observed(
        ranges={
            tensor: (min(float(low), 0.0), max(float(high), 0.0))
            for tensor, (low, high, _) in by_tensor.items()
        },
        means={tensor: np.asarray(mean) for tensor, (_, _, mean) in by_tensor.items()},
    )


class _Rewriting:
    """The nodes and constants of a graph whose chosen convolutions are being quantised."""

    def __init__(self, graph: Any, observed: Observed) -> None:
        import onnx

        self._observed = observed
        self._constants = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
        self._scales: dict[str, float] = {}  # of the tensors that have a pair
        self.added: dict[str, NDArray[Any]] = {}
        self.nodes: list[Any] = []

    def take(self, node: Any, *, is_chosen: bool) -> None:
        """The next node of the graph, its weights and biases quantised where it is chosen."""
        before = node.input[0] if node.input else ""
        node.input[:] = [self._name_of(name) for name in node.input]
        if is_chosen:
            weight = self._constants[node.input[1]]
            scales = _weight_scales(weight)
            whole = np.rint(weight / _by_channel(scales, weight))
            bias = _correction(
                weight - whole * _by_channel(scales, weight), self._observed.means[before], node
            )
            if len(node.input) > 2:
                bias = bias + self._constants[node.input[2]]
            products = scales * self._scales[before]
            name = node.input[1]
            whole_bias = np.clip(np.rint(bias / products), -(2**31 - 1), 2**31 - 1)
            weights = [
                self._dequantised(name, whole.astype(np.int8), scales),
                self._dequantised(f"{name}:bias", whole_bias.astype(np.int32), products),
            ]
            node.input[:] = [node.input[0], *weights]
        self.nodes.append(node)
        for name in node.output:
            if name in self._observed.ranges:
                self._pair(name)

    def _name_of(self, tensor: str) -> str:
        return f"{tensor}:dq" if tensor in self._scales else tensor

    def _pair(self, tensor: str) -> None:
        low, high = self._observed.ranges[tensor]
        scale = np.float32(max(high - low, _LEAST_RANGE) / _MOST_ACTIVATION)
        self._scales[tensor] = float(scale)
        self.added[f"{tensor}:scale"] = np.asarray(scale)
        self.added[f"{tensor}:zero"] = np.asarray(round(-low / float(scale)), np.uint8)
        self._node("QuantizeLinear", tensor, tensor, f"{tensor}:q")
        self._node("DequantizeLinear", f"{tensor}:q", tensor, f"{tensor}:dq")

    def _dequantised(self, name: str, whole: NDArray[Any], scales: NDArray[np.float64]) -> str:
        self.added[f"{name}:q"] = whole
        self.added[f"{name}:scale"] = scales.astype(np.float32)
        self.added[f"{name}:zero"] = np.zeros(len(scales), whole.dtype)
        self._node("DequantizeLinear", f"{name}:q", name, f"{name}:dq", axis=0)
        return f"{name}:dq"

    def _node(self, op: str, source: str, about: str, target: str, **attributes: Any) -> None:
        import onnx

        inputs = [source, f"{about}:scale", f"{about}:zero"]
        node = onnx.helper.make_node(op, inputs, [target], name=target, **attributes)
        self.nodes.append(node)


def _rewrite(graph: Any, chosen: set[str], observed: Observed) -> None:
    """Put pairs behind every tensor with a range, and dequantisations before weights and biases."""
    import onnx

    rewriting = _Rewriting(graph, observed)
    for node in graph.node:
        rewriting.take(node, is_chosen=node.name in chosen)
    read = {name for node in rewriting.nodes for name in node.input}
    constants = [one for one in graph.initializer if one.name in read]
    constants += [
        onnx.numpy_helper.from_array(value, name) for name, value in rewriting.added.items()
    ]
    nodes = list(rewriting.nodes)
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(constants)


def _correction(
    rounding: NDArray[np.floating], means: NDArray[np.float64], node: Any
) -> NDArray[np.float64]:
    """`[outputs]` what rounding the weights `[outputs inputs k k]` takes from a channel on average."""
    groups = next((a.i for a in node.attribute if a.name == "group"), 1)
    summed = rounding.sum((2, 3)).reshape(groups, -1, rounding.shape[1])
    moved: NDArray[np.float64] = np.einsum("goi,gi->go", summed, means.reshape(groups, -1))
    return moved.reshape(-1)


def _by_channel(scales: NDArray[np.float64], weight: NDArray[np.float32]) -> NDArray[np.float64]:
    return scales.reshape(-1, *(1 for _ in weight.shape[1:]))


def _weight_scales(weight: NDArray[np.float32]) -> NDArray[np.float64]:
    """`[outputs]`; of a channel without weights any scale does."""
    most = np.abs(weight).reshape(len(weight), -1).max(axis=1).astype(np.float64)
    return np.where(most > 0, most, 1.0) / _MOST_WEIGHT
