"""An ONNX graph that is written node by node; what is known already when a node is written is computed.

A frame size that is given leaves no arithmetic about sizes in the graph; one that is free leaves some. Both
come from the same lines: a node whose inputs are all constants becomes a constant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

OPSET = 17
#: Of the file format; runtimes refuse a newer one than they know.
IR_VERSION = 8
#: Element types, as `Cast` names them.
FLOAT32, INT64, FLOAT64 = 1, 7, 11
Value = str  # the name of a tensor in the graph


class Graph:
    """Nodes and constants so far; values are names."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self._constants: dict[Value, NDArray[Any]] = {}
        self._inputs: dict[Value, list[int | str]] = {}
        self._scope: tuple[str, ...] = ()
        self._count = 0

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Names within begin with this one and a slash."""
        before, self._scope = self._scope, (*self._scope, name)
        try:
            yield
        finally:
            self._scope = before

    def input(self, name: Value, shape: Sequence[int | str]) -> Value:
        """A float32 input; a side that is free is a name."""
        self._inputs[name] = list(shape)
        return name

    def constant(self, value: ArrayLike, dtype: DTypeLike = np.float32) -> Value:
        """A tensor of numbers."""
        name = self._name("constant")
        self._constants[name] = np.ascontiguousarray(value, dtype=dtype)
        return name

    def whole(self, *numbers: int) -> Value:
        """`[n]` int64."""
        return self.constant(numbers, np.int64)

    def known(self, value: Value) -> NDArray[Any] | None:
        """The numbers of a constant; None for what only a run knows."""
        return self._constants.get(value)

    def sizes(self, value: Value, first: int, end: int) -> Value:
        """`[end - first]` int64, sides of an input."""
        sides = self._inputs[value][first:end]
        if all(isinstance(side, int) for side in sides):
            return self.constant(sides, np.int64)
        return self.node("Slice", self.node("Shape", value), self.whole(first), self.whole(end))

    def node(self, op: str, *inputs: Value, **attributes: Any) -> Value:
        """The only output of an operator; an input that is left out is an empty name."""
        import onnx

        name = self._name(op.lower())
        node = onnx.helper.make_node(op, list(inputs), [name], name=name, **attributes)
        if all(value in self._constants for value in inputs if value):
            self._constants[name] = self._computed(node)
        else:
            self.nodes.append(node)
        return name

    def nodes_of(self, op: str, *inputs: Value, outputs: int, **attributes: Any) -> list[Value]:
        """As `node`, of an operator with several outputs, which is always left to the run."""
        import onnx

        name = self._name(op.lower())
        names = [f"{name}:{index}" for index in range(outputs)]
        self.nodes.append(onnx.helper.make_node(op, list(inputs), names, name=name, **attributes))
        return names

    def model(
        self, outputs: Sequence[tuple[Value, str, Sequence[int | str]]], *, producer: str
    ) -> Any:
        """An `onnx.ModelProto` with the constants that are read.

        Args:
            outputs: (value, name of the output, shape) of float32 each.
            producer: name and version of the program, with a blank between them.
        """
        import onnx

        nodes = _renamed(self.nodes, {value: name for value, name, _ in outputs})
        read = {value for node in nodes for value in node.input}
        float32 = onnx.TensorProto.FLOAT
        graph = onnx.helper.make_graph(
            nodes,
            "thermodepth",
            [
                onnx.helper.make_tensor_value_info(name, float32, shape)
                for name, shape in self._inputs.items()
            ],
            [
                onnx.helper.make_tensor_value_info(name, float32, shape)
                for _, name, shape in outputs
            ],
            [
                onnx.numpy_helper.from_array(value, name)
                for name, value in self._constants.items()
                if name in read
            ],
        )
        opset = onnx.helper.make_opsetid("", OPSET)
        name, _, version = producer.partition(" ")
        return onnx.helper.make_model(
            graph,
            opset_imports=[opset],
            ir_version=IR_VERSION,
            producer_name=name,
            producer_version=version,
        )

    def _name(self, kind: str) -> Value:
        self._count += 1
        return "/".join((*self._scope, f"{kind}_{self._count}"))

    def _computed(self, node: Any) -> NDArray[Any]:
        import onnx
        from onnx.reference import ReferenceEvaluator

        names = [value for value in dict.fromkeys(node.input) if value]
        undefined = onnx.TensorProto.UNDEFINED
        graph = onnx.helper.make_graph(
            [node],
            "constant",
            [onnx.helper.make_tensor_value_info(name, undefined, None) for name in names],
            [onnx.helper.make_tensor_value_info(node.output[0], undefined, None)],
        )
        opset = onnx.helper.make_opsetid("", OPSET)
        model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
        feeds = {name: self._constants[name] for name in names}
        (result,) = ReferenceEvaluator(model).run(None, feeds)
        return np.asarray(result)


def _renamed(nodes: Sequence[Any], names: Mapping[Value, str]) -> list[Any]:
    """The nodes with other names for some of their values."""
    import onnx

    copies = []
    for node in nodes:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        for values in (copy.input, copy.output):
            values[:] = [names.get(value, value) for value in values]
        copies.append(copy)
    return copies
