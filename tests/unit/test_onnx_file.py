"""What an ONNX file calls and says of itself, read without a runtime."""

from __future__ import annotations

import onnx
import pytest
from onnx import TensorProto, helper

from thermodepth.onnx_file import OnnxFileError, has_external_data, metadata, operators


def model(nodes: list[onnx.NodeProto], **more: object) -> onnx.ModelProto:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    graph = helper.make_graph(nodes, "g", [value], [value])
    return helper.make_model(graph, **more)


def test_operators_by_domain_functions_and_inner_graphs() -> None:
    inner = helper.make_graph([helper.make_node("Tile", [], ["y"])], "inner", [], [])
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Mine", ["b"], ["c"], domain="my.domain"),
        helper.make_node("If", ["c"], ["d"], then_branch=inner, else_branch=inner),
    ]
    content = model(nodes).SerializeToString()
    assert operators(content) == {"Relu", "my.domain.Mine", "If"}
    function = helper.make_function("", "Relu", ["a"], ["b"], [], [helper.make_opsetid("", 17)])
    with_function = model(nodes[:1], functions=[function]).SerializeToString()
    assert operators(with_function) == {"Relu", "function"}


def test_metadata_by_key() -> None:
    proto = model([])
    for key, value in (("other", "1"), ("mine", "héllo"), ("empty", "")):
        proto.metadata_props.add(key=key, value=value)
    content = proto.SerializeToString()
    assert metadata(content, "mine") == "héllo"
    assert metadata(content, "empty") == ""
    assert metadata(content, "none") is None


def test_what_is_cut_short_is_no_model() -> None:
    content = model([helper.make_node("Relu", ["x"], ["a"])]).SerializeToString()
    for read in (operators, has_external_data, lambda c: metadata(c, "mine")):
        with pytest.raises(OnnxFileError, match="cut short, or not an ONNX model"):
            read(content[:-3])
