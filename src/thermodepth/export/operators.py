"""The few operators that graphs for small neural processors keep to, and whether a graph does.

Arithmetic by pixel, convolutions, means and sums, resizing, slicing. Not among them is what compilers for
such processors often lack: unfolding, sorting, gathering, comparing, control flow, and whatever depends on a
shape that only a run knows. No list holds for all of them: the compiler decides, and `operator_counts` is
what to hold against its own.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

NPU_OPERATORS = frozenset(
    {
        "Add",
        "Clip",
        "Concat",
        "Conv",
        "DepthToSpace",
        "DequantizeLinear",
        "Div",
        "Exp",
        "Floor",
        "GlobalAveragePool",
        "HardSwish",
        "Log",
        "MatMul",
        "Max",
        "MaxPool",
        "Min",
        "Mul",
        "Pad",
        "QuantizeLinear",
        "ReduceMax",
        "ReduceMin",
        "ReduceSum",
        "Relu",
        "Reshape",
        "Resize",
        "Sigmoid",
        "Slice",
        "SpaceToDepth",
        "Split",
        "Sqrt",
        "Squeeze",
        "Sub",
    }
)


def operator_counts(model: Any) -> dict[str, int]:
    """How often each operator stands in an `onnx.ModelProto`, most often first."""
    return dict(Counter(node.op_type for node in model.graph.node).most_common())


def beyond_npus(model: Any) -> list[str]:
    """Operators of the graph that are not in NPU_OPERATORS."""
    return sorted(set(operator_counts(model)) - NPU_OPERATORS)
