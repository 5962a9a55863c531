"""Exported graphs on disk, looked at before a runtime opens them.

A graph is a program. One that `export` wrote calls a few operators, holds its weights within, and says what
it is; an ONNX file that calls more, or says nothing, is refused before a runtime sees it. That keeps loops,
functions and other files out, and mistakes apart. An OpenVINO file is read by OpenVINO, whose names of
operators change with its versions: refused is what holds inner graphs, or says nothing. Neither bounds
memory, so a graph is to be as trusted as any program.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from thermodepth.errors import DataError, SettingsError, WeightsError
from thermodepth.files import MAX_FILE_BYTES, byte_count, read_bytes
from thermodepth.onnx_file import OnnxFileError, has_external_data, metadata, operators
from thermodepth.runtime.facts import FACTS_KEY, GraphFacts

ONNX_SUFFIX, OPENVINO_SUFFIX = ".onnx", ".xml"
PROGRAM_SUFFIX = ".pt2"  # of torch programs, which are not opened
#: All that graphs of ours call.
OPERATORS = frozenset(
    {
        "Abs",
        "Add",
        "And",
        "Cast",
        "Clip",
        "Concat",
        "Conv",
        "DepthToSpace",
        "DequantizeLinear",
        "Div",
        "Equal",
        "Exp",
        "Floor",
        "GlobalAveragePool",
        "Greater",
        "HardSwish",
        "LessOrEqual",
        "Log",
        "MatMul",
        "Max",
        "MaxPool",
        "Min",
        "Mul",
        "Pad",
        "QuantizeLinear",
        "Range",
        "ReduceMax",
        "ReduceMin",
        "ReduceSum",
        "Relu",
        "Reshape",
        "Resize",
        "Round",
        "Shape",
        "Sigmoid",
        "Slice",
        "SpaceToDepth",
        "Split",
        "Sqrt",
        "Squeeze",
        "Sub",
        "TopK",
        "Transpose",
        "Unsqueeze",
        "Where",
    }
)
#: Operators of OpenVINO that hold a graph of their own.
INNER_GRAPHS = frozenset({"If", "Loop", "TensorIterator"})
_NOT_OURS = "is no graph that `thermodepth export` wrote"


@dataclass(frozen=True, slots=True)
class GraphFile:
    """A file and what it says of itself; an OpenVINO one is read by its path."""

    path: Path
    content: bytes | None  # of an ONNX file
    facts: GraphFacts


def is_graph(name: str | Path) -> bool:
    """Whether a model is named by the file of a graph."""
    return Path(name).suffix.lower() in (ONNX_SUFFIX, OPENVINO_SUFFIX)


def read_onnx(path: Path) -> GraphFile:
    """An ONNX file of ours.

    Raises:
        WeightsError: naming the file, when it is missing, broken or not ours.
    """
    try:
        content = read_bytes(path, limit=MAX_FILE_BYTES)
        outside, calls = has_external_data(content), operators(content)
        facts = metadata(content, FACTS_KEY)
    except DataError as error:
        raise WeightsError(str(error)) from None
    except OnnxFileError as error:
        raise WeightsError(f"{path}: {error}") from None
    if outside:
        raise WeightsError(f"{path}: {_NOT_OURS}: it keeps weights in other files")
    if foreign := sorted(calls - OPERATORS):
        raise WeightsError(f"{path}: {_NOT_OURS}: it calls {', '.join(foreign)}")
    return GraphFile(path, content, _facts(facts, path))


def read_openvino(path: Path, calls: set[str], facts: str | None) -> GraphFile:
    """An OpenVINO file of ours that OpenVINO has read, without compiling it.

    Args:
        path: of the `.xml`.
        calls: the operators that stand in it.
        facts: what it says of itself.

    Raises:
        WeightsError: naming the file, when it is not ours.
    """
    if inner := sorted(calls & INNER_GRAPHS):
        raise WeightsError(f"{path}: {_NOT_OURS}: it calls {', '.join(inner)}")
    return GraphFile(path, None, _facts(facts, path))


def weights_beside(path: Path) -> Path:
    """The `.bin` that belongs to an OpenVINO `.xml`.

    Raises:
        WeightsError: where one of them is missing, no file, or larger than any of ours.
    """
    weights = path.with_suffix(".bin")
    try:
        for file in (path, weights):
            if byte_count(file) > MAX_FILE_BYTES:
                raise WeightsError(f"{file}: larger than any graph of ours")
    except DataError as error:
        raise WeightsError(str(error)) from None
    return weights


def _facts(text: str | None, path: Path) -> GraphFacts:
    if text is None:
        raise WeightsError(f"{path}: {_NOT_OURS}: it does not say what it is")
    from thermodepth.files import json_object

    try:
        return GraphFacts.parse(json_object(text, str(path)), where=str(path))
    except (DataError, SettingsError) as error:
        raise WeightsError(str(error)) from None
