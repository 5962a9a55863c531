"""Which numbers a graph wants of a picture, by what it does to them first.

Exporters often put the preprocessing into the graph: a division by 255, or by the deviation of ImageNet.
Such a graph must be fed what it was exported with. Fed 0 to 1 where it divides by 255, it sees black, and a
network that sees black still draws the layout of the scenes it was trained on, which scores well.

From the image on, nodes that only move pixels are stepped over, and those that add, subtract, multiply or
divide by a constant are composed to `a x + b`. What `a` and `b` are tells what `x` is:

    1/a or -b/a far above 1       x is 0 to 255        (/ 255, or - 123.7 / 58.4)
    a > 1, -b/a around .5         x is 0 to 1          (- .485 / .229; a = 255: turned into bytes)
    a, b around .5                x is -1 to 1         (x / 2 + .5)
"""

from __future__ import annotations

import struct
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal

from thermodepth.onnx_file import BYTES, FIXED32, VARINT, fields, varint

Span = tuple[int, int]

#: Nodes from the image on that are looked at.
MAX_STEPS = 16
#: A constant of one number a channel, or a few more; larger ones are weights.
MAX_CONSTANT = 16
#: Constants behind constants, such as a Cast of an Unsqueeze.
MAX_CONSTANT_STEPS = 4

#: What moves pixels, or stores them in another type, and leaves their values.
_MOVES = frozenset(
    {"Identity", "Cast", "Transpose", "Resize", "Upsample", "Reshape", "Squeeze", "Unsqueeze"}
)
#: What reads only the size of the image.
_ASIDE = frozenset({"Shape", "Size"})

#: Bytes are at least this many times a picture in 0 to 1; no deviation of one comes near.
_BYTES_AT_LEAST = 30.0

#: number type of onnx.proto3 -> how a value is packed
_PACKED = {1: "f", 11: "d", 10: "e", 6: "i", 7: "q", 2: "B"}


@dataclass
class _Node:
    operator: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    attributes: list[Span] = field(default_factory=list)


def expected_normalisation(content: bytes, image: str) -> Literal["byte", "none", "half"] | None:
    """How the input named `image` wants its pictures, as a name of NORMALISATIONS; None if that is not
    visible.

    Args:
        content: a whole ONNX file.
        image: name of its input.

    Raises:
        OnnxFileError: for bytes that are no protocol buffer.
    """
    nodes, initializers = _graph_of(content)
    consumers: dict[str, list[_Node]] = defaultdict(list)
    for node in nodes:
        for name in set(node.inputs):
            consumers[name].append(node)
    constants = _Constants(content, initializers, nodes)
    factor, offset, composed = 1.0, 0.0, False
    for _ in range(MAX_STEPS):
        following = [node for node in consumers[image] if node.operator not in _ASIDE]
        if len(following) != 1 or not following[0].outputs:
            break
        (node,) = following
        if node.operator not in _MOVES:
            step = _affine(node, image, constants)
            if step is None:
                break
            factor, offset, composed = factor * step[0], offset * step[0] + step[1], True
        elif node.inputs[0] != image:
            break
        image = node.outputs[0]
    return _meaning(factor, offset) if composed else None


def _meaning(factor: float, offset: float) -> Literal["byte", "none", "half"] | None:
    if not factor > 0:
        return None
    centre = -offset / factor  # the picture's value that becomes 0
    if factor < 1 / _BYTES_AT_LEAST or centre > _BYTES_AT_LEAST:
        return "byte"
    if (factor > 1.5 and 0.2 < centre < 0.8) or (200 < factor < 300 and abs(centre) < 0.1):
        return "none"
    if 0.3 < factor < 0.7 and -1.5 < centre < -0.5:
        return "half"
    return None


def _affine(node: _Node, image: str, constants: _Constants) -> tuple[float, float] | None:
    """(factor, offset) of a node that does arithmetic with a constant; None for any other."""
    if node.operator not in ("Add", "Sub", "Mul", "Div") or len(node.inputs) != 2:
        return None
    first = node.inputs[0] == image
    value = constants.mean(node.inputs[1] if first else node.inputs[0])
    if value is None or (not first and node.operator in ("Sub", "Div")):
        return None
    match node.operator:
        case "Add":
            return 1.0, value
        case "Sub":
            return 1.0, -value
        case "Mul":
            return value, 0.0
        case _:
            return (1.0 / value, 0.0) if value else None


class _Constants:
    """The small constants of a graph, read when they are asked for."""

    def __init__(self, content: bytes, initializers: dict[str, Span], nodes: list[_Node]) -> None:
        self._content = content
        self._initializers = initializers
        self._makers = {name: node for node in nodes for name in node.outputs}

    def mean(self, name: str) -> float | None:
        """The mean of a constant; None for what is none, or is large."""
        for _ in range(MAX_CONSTANT_STEPS):
            if name in self._initializers:
                return self._mean_of_tensor(self._initializers[name])
            node = self._makers.get(name)
            if node is None:
                return None
            if node.operator == "Constant":
                return self._mean_of_attribute(node)
            if node.operator not in _MOVES or not node.inputs:
                return None
            name = node.inputs[0]
        return None

    def _mean_of_attribute(self, node: _Node) -> float | None:
        for start, end in node.attributes:
            for number, wire, first, last in fields(self._content, start, end):
                if number == 5 and wire == BYTES:  # value
                    return self._mean_of_tensor((first, last))
                if number == 2 and wire == FIXED32:  # value_float
                    return float(struct.unpack_from("<f", self._content, first)[0])
        return None

    def _mean_of_tensor(self, span: Span) -> float | None:
        kind, packed, numbers = 0, b"", list[float]()
        for number, wire, first, last in fields(self._content, *span):
            if number == 2 and wire == VARINT:
                kind = varint(self._content, first, last)[0]
            elif number == 9 and wire == BYTES:  # raw_data, always little-endian
                if last - first > MAX_CONSTANT * 8:
                    return None
                packed = self._content[first:last]
            elif number == 4 and last - first <= MAX_CONSTANT * 4:  # float_data
                count = (last - first) // 4
                numbers += struct.unpack_from(f"<{count}f", self._content, first)
        code = _PACKED.get(kind)
        if packed and code is not None and len(packed) % struct.calcsize(f"<{code}") == 0:
            count = len(packed) // struct.calcsize(f"<{code}")
            numbers += struct.unpack(f"<{count}{code}", packed)
        return sum(numbers) / len(numbers) if numbers else None


def _graph_of(content: bytes) -> tuple[list[_Node], dict[str, Span]]:
    """The nodes of the main graph, and where each initializer stands."""
    nodes: list[_Node] = []
    initializers: dict[str, Span] = {}
    for number, wire, start, end in fields(content, 0, len(content)):
        if number != 7 or wire != BYTES:
            continue
        for part, part_wire, first, last in fields(content, start, end):
            if part == 1 and part_wire == BYTES:
                nodes.append(_node(content, first, last))
            elif part == 5 and part_wire == BYTES:
                initializers[_tensor_name(content, first, last)] = (first, last)
    return nodes, initializers


def _node(content: bytes, start: int, end: int) -> _Node:
    node = _Node()
    for number, wire, first, last in fields(content, start, end):
        if wire != BYTES:
            continue
        if number == 5:
            node.attributes.append((first, last))
        elif number in (1, 2, 4):
            text = content[first:last].decode("utf-8", "replace")
            if number == 1:
                node.inputs.append(text)
            elif number == 2:
                node.outputs.append(text)
            else:
                node.operator = text
    return node


def _tensor_name(content: bytes, start: int, end: int) -> str:
    for number, wire, first, last in fields(content, start, end):
        if number == 8 and wire == BYTES:
            return content[first:last].decode("utf-8", "replace")
    return ""
