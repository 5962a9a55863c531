"""Files that are no graphs of ours are refused before a runtime opens them, with the reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from thermodepth.errors import WeightsError
from thermodepth.runtime.facts import FACTS_KEY
from thermodepth.runtime.graph_file import is_graph, read_onnx, read_openvino


def saved(path: Path, nodes: list[onnx.NodeProto], facts: str | None, **more: object) -> Path:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    proto = helper.make_model(helper.make_graph(nodes, "g", [x], [x], **more))
    if facts is not None:
        proto.metadata_props.add(key=FACTS_KEY, value=facts)
    path.write_bytes(proto.SerializeToString())
    return path


def test_a_graph_of_ours_is_read(graph_file: Path) -> None:
    file = read_onnx(graph_file)
    assert file.facts.unit == "counts"
    assert file.facts.size is None
    assert file.content == graph_file.read_bytes()


def test_a_tile_bomb_is_not_opened(tmp_path: Path) -> None:
    repeats = numpy_helper.from_array(np.array([2**40], np.int64), "n")
    bomb = [helper.make_node("Tile", ["x", "n"], ["y"])]
    path = saved(tmp_path / "bomb.onnx", bomb, "{}", initializer=[repeats])
    with pytest.raises(WeightsError, match=r"bomb\.onnx: is no graph .* it calls Tile"):
        read_onnx(path)


def test_loops_foreign_domains_and_functions_are_not_opened(tmp_path: Path) -> None:
    inner = helper.make_graph([], "inner", [], [])
    nodes = [
        helper.make_node("Loop", ["x"], ["y"], body=inner),
        helper.make_node("Conv", ["y"], ["z"], domain="com.microsoft"),
    ]
    with pytest.raises(WeightsError, match=r"it calls Loop, com\.microsoft\.Conv"):
        read_onnx(saved(tmp_path / "loop.onnx", nodes, "{}"))


def test_weights_in_other_files_are_not_opened(tmp_path: Path) -> None:
    tensor = numpy_helper.from_array(np.ones(4, np.float32), "w")
    onnx.external_data_helper.set_external_data(tensor, location="../../etc/passwd")
    path = saved(
        tmp_path / "out.onnx", [helper.make_node("Relu", ["w"], ["y"])], "{}", initializer=[tensor]
    )
    with pytest.raises(WeightsError, match="it keeps weights in other files"):
        read_onnx(path)


@pytest.mark.parametrize(
    ("facts", "match"),
    [
        (None, "it does not say what it is"),
        ("{", "cannot be read as JSON"),
        ('{"format": 2}', "format"),
        ("[]", "expected an object"),
    ],
)
def test_a_graph_must_say_what_it_is(facts: str | None, match: str, tmp_path: Path) -> None:
    path = saved(tmp_path / "x.onnx", [helper.make_node("Relu", ["x"], ["y"])], facts)
    with pytest.raises(WeightsError, match=match):
        read_onnx(path)


def test_damaged_files(graph_file: Path, tmp_path: Path) -> None:
    content = graph_file.read_bytes()
    path = tmp_path / "cut.onnx"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(WeightsError, match=r"cut\.onnx: cut short, or not an ONNX model"):
        read_onnx(path)
    path.write_bytes(b"\x89PNG\r\n")
    with pytest.raises(WeightsError, match=r"cut\.onnx: "):
        read_onnx(path)
    with pytest.raises(WeightsError, match=r"none\.onnx: cannot be read"):
        read_onnx(tmp_path / "none.onnx")
    with pytest.raises(WeightsError, match="is a folder"):
        read_onnx(tmp_path)


def test_an_openvino_file_may_hold_no_inner_graphs(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="it calls Loop, TensorIterator"):
        read_openvino(tmp_path / "x.xml", {"Add", "Loop", "TensorIterator"}, "{}")
    with pytest.raises(WeightsError, match="it does not say what it is"):
        read_openvino(tmp_path / "x.xml", {"Add"}, None)


def test_graphs_are_told_by_their_suffix() -> None:
    assert is_graph("a/model.onnx")
    assert is_graph(Path("MODEL.XML"))
    assert not is_graph("thermal-any")
    assert not is_graph("runs/mine.onnx/model")
