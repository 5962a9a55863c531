"""What an ONNX file refers to outside itself, calls and says of itself, read before any runtime opens it.

An ONNX file may keep tensors in other files, under names of its own choosing. Those are neither in the
hash of the file nor bounded by its size, so whole files alone are taken. The walk follows the few
message types of onnx.proto3 that lead to a tensor and steps over everything else.
"""

from __future__ import annotations

from collections.abc import Iterator

#: Deeper nesting of graphs within graphs than any exporter makes.
MAX_NESTING = 32
#: More nodes, attributes and tensors than any network has.
MAX_MESSAGES = 2_000_000

#: Wire types of a protocol buffer.
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

#: message -> {field number: message it holds}; numbers from onnx.proto3.
_LEADS_TO: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION = 13, 14
_MODEL_GRAPH, _MODEL_METADATA, _MODEL_FUNCTION = 7, 14, 25
_GRAPH_NODE = 1
_NODE_OPERATOR, _NODE_DOMAIN = 4, 7
_ENTRY_KEY, _ENTRY_VALUE = 1, 2


class OnnxFileError(ValueError):
    """Bytes that are not a whole ONNX model; who reads them says which file."""


def has_external_data(content: bytes) -> bool:
    """Whether any tensor of the model lies in another file.

    Raises:
        OnnxFileError: for bytes that are cut short, not a protocol buffer, or nested without end.
    """
    # Iterators and no list of what waits: two bytes of a file may be a message.
    entered = [("model", fields(content, 0, len(content)))]
    graphs = messages = 0
    while entered:
        kind, unread = entered[-1]
        for field, wire, first, last in unread:
            if kind == "tensor":
                if field == _TENSOR_EXTERNAL_DATA:
                    return True
                if field == _TENSOR_DATA_LOCATION and wire == VARINT and content[first] != 0:
                    return True
            elif wire == BYTES and field in _LEADS_TO[kind]:
                graphs += kind == "model"
                messages += 1
                if len(entered) > MAX_NESTING * 3:  # graph, node and attribute are one level
                    raise OnnxFileError("graphs nested too deep")
                if messages > MAX_MESSAGES:
                    raise OnnxFileError(f"more than {MAX_MESSAGES} nodes, attributes and tensors")
                entered.append((_LEADS_TO[kind][field], fields(content, first, last)))
                break
        else:
            entered.pop()
    if not graphs:
        raise OnnxFileError("holds no graph")
    return False


def operators(content: bytes) -> set[str]:
    """Names of what the nodes of the main graph call, the domain in front where it is not the default one.

    A node that holds a graph of its own (`If`, `Loop`, `Scan`) stands among them by its name, and what is
    within is not looked at; functions that the file defines stand there as `function`.

    Raises:
        OnnxFileError: as `has_external_data`.
    """
    names = {"function" for _ in _parts(content, (0, len(content)), _MODEL_FUNCTION)}
    for graph in _parts(content, (0, len(content)), _MODEL_GRAPH):
        for node in _parts(content, graph, _GRAPH_NODE):
            name = domain = ""
            for field, wire, first, last in fields(content, *node):
                if wire == BYTES and field == _NODE_OPERATOR:
                    name = _text(content, first, last)
                if wire == BYTES and field == _NODE_DOMAIN:
                    domain = _text(content, first, last)
            names.add(name if domain in ("", "ai.onnx") else f"{domain}.{name}")
    return names


def metadata(content: bytes, key: str) -> str | None:
    """What the file says of itself under a key; None where it does not.

    Raises:
        OnnxFileError: as `has_external_data`.
    """
    for entry in _parts(content, (0, len(content)), _MODEL_METADATA):
        texts = {
            field: (first, last)
            for field, wire, first, last in fields(content, *entry)
            if wire == BYTES
        }
        if _ENTRY_KEY in texts and _text(content, *texts[_ENTRY_KEY]) == key:
            return _text(content, *texts.get(_ENTRY_VALUE, (0, 0)))
    return None


def _parts(content: bytes, place: tuple[int, int], number: int) -> Iterator[tuple[int, int]]:
    """(first byte, byte after the last) of every field of this number."""
    for field, wire, first, last in fields(content, *place):
        if wire == BYTES and field == number:
            yield first, last


def _text(content: bytes, first: int, last: int) -> str:
    return content[first:last].decode("utf-8", "replace")


def fields(content: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """(field number, wire type, first byte, byte after the last) of each field of one message."""
    at = start
    while at < end:
        key, at = varint(content, at, end)
        wire = key & 7
        first = at
        if wire == VARINT:
            _, at = varint(content, at, end)
        elif wire == BYTES:
            length, first = varint(content, at, end)
            at = first + length
        elif wire in (FIXED64, FIXED32):
            at += 8 if wire == FIXED64 else 4
        else:
            raise OnnxFileError("not an ONNX model")
        if at > end:
            raise OnnxFileError("cut short, or not an ONNX model")
        yield key >> 3, wire, first, at


def varint(content: bytes, at: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            raise OnnxFileError("cut short, or not an ONNX model")
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise OnnxFileError("not an ONNX model")
