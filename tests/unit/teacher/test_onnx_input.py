"""What a graph wants of a picture: told by its first nodes, or shown by maps that do not answer."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from thermodepth.errors import TeacherError
from thermodepth.onnx_file import OnnxFileError
from thermodepth.teacher import TeacherSettings
from thermodepth.teacher.onnx_depth import OnnxTeacher, open_onnx
from thermodepth.teacher.onnx_input import expected_normalisation
from thermodepth.teacher.sight import LEAST_RESPONSE, blindness, map_response
from thermodepth.types import Geometry, Sample

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
FREE = ("b", 3, "h", "w")
Step = tuple[str, Any]


def save(
    path: Path,
    steps: Sequence[Step],
    *,
    number: int = TensorProto.FLOAT,
    by_node: bool = False,
    last: Sequence[Any] = (),
) -> Path:
    """A graph that does `steps` to its image and gives the mean of the channels."""
    nodes: list[Any] = []
    initializers: list[Any] = []
    value = "image"
    for i, (operator, constant) in enumerate(steps):
        inputs, result = [value], f"step{i}"
        attributes: dict[str, Any] = {}
        if operator == "Cast":
            attributes["to"] = constant
        elif operator == "Transpose":
            attributes["perm"] = constant
        elif constant is not None:
            numbers = np.asarray(constant, np.float32)
            numbers = numbers.reshape(1, -1, 1, 1) if numbers.ndim else numbers
            tensor = numpy_helper.from_array(numbers, f"c{i}")
            if by_node:
                nodes.append(helper.make_node("Constant", [], [f"c{i}"], value=tensor))
            else:
                initializers.append(tensor)
            inputs.append(f"c{i}")
        nodes.append(helper.make_node(operator, inputs, [result], **attributes))
        value = result
    nodes += last or [helper.make_node("ReduceMean", [value], ["depth"], axes=[1])]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("image", number, FREE)],
        [helper.make_tensor_value_info("depth", TensorProto.FLOAT, None)],
        initializers,
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def open_cpu(path: Path, **settings: Any) -> OnnxTeacher:
    options = {"device": "cpu", "geometry": Geometry.AFFINE_INVERSE, "input_size": 56, **settings}
    return open_onnx(str(path), **options)


@pytest.mark.parametrize("by_node", [False, True])
@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([("Div", 255.0)], "byte"),
        ([("Mul", 1 / 255)], "byte"),
        ([("Div", 255.0), ("Sub", MEAN), ("Div", STD)], "byte"),
        ([("Sub", MEAN * 255), ("Div", STD * 255)], "byte"),
        ([("Sub", MEAN * 255), ("Mul", 1 / (STD * 255))], "byte"),
        ([("Add", -MEAN * 255)], "byte"),
        ([("Div", 127.5), ("Sub", 1.0)], "byte"),
        ([("Identity", None), ("Cast", TensorProto.FLOAT), ("Div", 255.0)], "byte"),
        ([("Sub", MEAN), ("Div", STD)], "none"),
        ([("Mul", 255.0), ("Sub", MEAN * 255), ("Div", STD * 255)], "none"),
        ([("Mul", 2.0), ("Sub", 1.0)], "none"),
        ([("Mul", 255.0)], "none"),
        ([("Div", 2.0), ("Add", 0.5)], "half"),
        ([], None),
        ([("Relu", None), ("Div", 255.0)], None),  # no picture any more
        ([("Mul", 1.5)], None),
        ([("Mul", -1 / 255)], None),
        ([("Mul", np.ones(40) / 255)], None),  # weights, no constant of channels
    ],
)
def test_first_nodes_tell_the_range(
    steps: list[Step], expected: str | None, by_node: bool, tmp_path: Path
) -> None:
    path = save(tmp_path / "a.onnx", steps, by_node=by_node)
    assert expected_normalisation(path.read_bytes(), "image") == expected


def test_a_constant_behind_other_nodes_is_read(tmp_path: Path) -> None:
    """As exporters write `x / 255`: a double, unsqueezed, cast."""
    double = numpy_helper.from_array(np.array(255.0), "double")
    last = [
        helper.make_node("Constant", [], ["raw"], value=double),
        helper.make_node("Cast", ["raw"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Shape", ["image"], ["shape"]),  # looks at the size only
        helper.make_node("Div", ["image", "float"], ["unit"]),
        helper.make_node("ReduceMean", ["unit"], ["depth"], axes=[1]),
    ]
    path = save(tmp_path / "a.onnx", [], last=last)
    assert expected_normalisation(path.read_bytes(), "image") == "byte"
    assert expected_normalisation(path.read_bytes(), "another") is None


def test_any_damage_ends_in_an_answer(tmp_path: Path) -> None:
    whole = save(tmp_path / "a.onnx", [("Div", 255.0), ("Sub", MEAN), ("Div", STD)]).read_bytes()
    generator = np.random.default_rng(0)
    answers = set()
    for _ in range(500):
        broken = bytearray(whole)
        for at in generator.integers(0, len(whole), 3):
            broken[at] = generator.integers(0, 256)
        try:
            answers.add(expected_normalisation(bytes(broken), "image"))
        except OnnxFileError:
            answers.add("refused")
    assert answers <= {"byte", "none", "half", None, "refused"}
    assert {"byte", None, "refused"} <= answers


def test_without_a_setting_a_graph_is_fed_what_it_wants_and_that_is_said(
    tmp_path: Path, sample_of: Callable[..., Sample]
) -> None:
    sample = sample_of(rgb=np.full((48, 64, 3), 51, np.uint8))
    path = save(tmp_path / "byte.onnx", [("Div", 255.0)])
    with pytest.warns(UserWarning, match=r"byte\.onnx: .* 0 to 255 .*teacher\.normalise=byte"):
        teacher = open_cpu(path)
    np.testing.assert_allclose(teacher.label([sample])[0], 0.2, rtol=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chosen = open_cpu(path, normalise="byte")
    assert chosen.fingerprint() == teacher.fingerprint()
    with pytest.warns(UserWarning, match="normalise=none gives it others: it may see next to noth"):
        wrong = open_cpu(path, normalise="none")
    np.testing.assert_allclose(wrong.label([sample])[0], 0.2 / 255, rtol=1e-5)
    twice = save(tmp_path / "twice.onnx", [("Sub", MEAN), ("Div", STD)])
    with pytest.warns(UserWarning, match=r"twice\.onnx: .* 0 to 1 themselves, so it is fed these"):
        (values,) = open_cpu(twice).label([sample])
    np.testing.assert_allclose(values, np.mean((0.2 - MEAN) / STD), rtol=1e-4)


def test_an_input_of_whole_numbers_is_fed_bytes(
    tmp_path: Path, sample_of: Callable[..., Sample]
) -> None:
    path = save(tmp_path / "whole.onnx", [("Cast", TensorProto.FLOAT)], number=TensorProto.UINT8)
    (values,) = open_cpu(path).label([sample_of(rgb=np.full((48, 64, 3), 51, np.uint8))])
    np.testing.assert_allclose(values, 51.0, rtol=1e-6)
    with pytest.raises(TeacherError, match=r"tensor\(uint8\).*byte only, not imagenet"):
        open_cpu(path, normalise="imagenet")
    assert TeacherSettings(kind="onnx", model="x", normalise="byte").normalise == "byte"


def layout(contrast: float) -> list[Any]:
    """A network that knows a ramp by heart and adds `contrast` of what it sees."""
    return [
        helper.make_node("ReduceMean", ["image"], ["grey"], axes=[1]),
        helper.make_node("Constant", [], ["c"], value_float=contrast),
        helper.make_node("Mul", ["grey", "c"], ["part"]),
        helper.make_node("Mul", ["grey", "zero"], ["none"]),
        helper.make_node("Add", ["none", "one"], ["ones"]),
        helper.make_node("Constant", [], ["axis"], value_int=2),
        helper.make_node("CumSum", ["ones", "axis"], ["ramp"]),
        helper.make_node("Constant", [], ["zero"], value_float=0.0),
        helper.make_node("Constant", [], ["one"], value_float=1.0),
        helper.make_node("Constant", [], ["rows"], value_float=56.0),
        helper.make_node("Div", ["ramp", "rows"], ["unit"]),
        helper.make_node("Add", ["unit", "part"], ["depth"]),
    ]


def in_order(nodes: list[Any]) -> list[Any]:
    return [n for n in nodes if not n.input] + [n for n in nodes if n.input]


@pytest.mark.parametrize(("contrast", "sees"), [(1.0, True), (1 / 255, False), (0.0, False)])
def test_a_network_that_does_not_see_is_named(
    contrast: float, sees: bool, tmp_path: Path, sample_of: Callable[..., Sample]
) -> None:
    path = save(tmp_path / "net.onnx", [], last=in_order(layout(contrast)))
    problem = blindness(open_cpu(path, normalise="none"), sample_of("first"))
    if sees:
        assert problem == ""
    else:
        assert "net.onnx" in problem
        assert "frame first" in problem
        assert "teacher.normalise" in problem


def test_the_response_is_in_units_of_the_maps() -> None:
    one = np.random.default_rng(0).normal(size=(20, 30))
    other = np.random.default_rng(1).normal(size=(20, 30))
    assert map_response(one, one) == 0.0
    assert map_response(one, other) > LEAST_RESPONSE
    assert map_response(3 * one + 1, 3 * other + 1) == pytest.approx(map_response(one, other))
    assert map_response(one, one + 1e-3 * other) < LEAST_RESPONSE
    flat = np.ones((20, 30))
    assert map_response(flat, flat) == 0.0
    assert map_response(flat, 2 * flat) == np.inf
    holes = np.where(one > 1, np.nan, one)
    assert map_response(holes, other) > LEAST_RESPONSE
