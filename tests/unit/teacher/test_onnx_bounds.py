"""A foreign graph may hang, starve or crash its own process, and nothing else."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from thermodepth.errors import TeacherError
from thermodepth.teacher import onnx_child
from thermodepth.teacher.onnx_depth import OnnxTeacher, open_onnx
from thermodepth.teacher.onnx_run import bounds_for
from thermodepth.types import Geometry, Sample

FREE = ("b", 3, "h", "w")


def save(path: Path, nodes: Sequence[Any], initializers: Sequence[Any] = ()) -> Path:
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, FREE)],
        [helper.make_tensor_value_info("depth", TensorProto.FLOAT, None)],
        list(initializers),
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def greedy(path: Path, numbers: int, *, folded: bool = False) -> Path:
    """Some two hundred bytes that ask for `numbers` floats, at loading where the runtime may fold them."""
    size = numpy_helper.from_array(np.array([1, 1, numbers], np.int64), "size")
    one = numpy_helper.from_array(np.array([1], np.float32), "one")
    nodes = [helper.make_node("ConstantOfShape", ["size"], ["many"], value=one)]
    if not folded:  # a size that depends on the image
        nodes = [
            helper.make_node("ReduceMin", ["image"], ["least"], keepdims=0),
            helper.make_node("Cast", ["least"], ["zero"], to=TensorProto.INT64),
            helper.make_node("Add", ["size", "zero"], ["sizes"]),
            helper.make_node("ConstantOfShape", ["sizes"], ["many"], value=one),
        ]
    nodes += [
        helper.make_node("ReduceSum", ["many"], ["sum"], keepdims=0),
        helper.make_node("ReduceMean", ["image"], ["grey"], axes=[1]),
        helper.make_node("Add", ["grey", "sum"], ["depth"]),
    ]
    return save(path, nodes, [size])


def endless(path: Path) -> Path:
    """A Loop whose condition is always true."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["goes_on"]),
            helper.make_node("Identity", ["before"], ["after"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("goes_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, None),
        ],
    )
    yes = numpy_helper.from_array(np.array(True), "yes")
    return save(
        path,
        [
            helper.make_node("ReduceMean", ["image"], ["grey"], axes=[1]),
            helper.make_node("Loop", ["", "yes", "grey"], ["depth"], body=body),
        ],
        [yes],
    )


def open_bounded(path: Path, **bounds: Any) -> OnnxTeacher:
    return open_onnx(
        str(path),
        geometry=Geometry.AFFINE_INVERSE,
        normalise="none",
        input_size=56,
        device="cpu",
        **bounds,
    )


@pytest.mark.parametrize("folded", [False, True])
def test_a_small_file_that_wants_much_memory_is_refused(
    folded: bool, tmp_path: Path, sample_of: Callable[..., Sample]
) -> None:
    path = greedy(tmp_path / "greedy.onnx", 10**9, folded=folded)
    assert path.stat().st_size < 400
    with pytest.raises(TeacherError, match=r"greedy\.onnx: .*teacher\.runtime\.memory_gb"):
        open_bounded(path, memory_gb=0.5).label([sample_of()])
    little = greedy(tmp_path / "little.onnx", 10**5, folded=folded)
    (values,) = open_bounded(little, memory_gb=0.5).label([sample_of()])
    assert values.min() >= 10**5


def test_a_graph_that_never_ends_is_ended(tmp_path: Path, sample_of: Callable[..., Sample]) -> None:
    teacher = open_bounded(endless(tmp_path / "endless.onnx"), seconds_per_image=0.5)
    with pytest.raises(TeacherError, match=r"endless\.onnx: .*0\.5 s .*seconds_per_image"):
        teacher.label([sample_of()])
    assert teacher._graph._process.poll() is not None, "it is not left running"
    with pytest.raises(TeacherError, match=r"endless\.onnx"):
        teacher.label([sample_of()])


def test_the_process_ends_with_its_teacher(tmp_path: Path) -> None:
    teacher = open_bounded(greedy(tmp_path / "a.onnx", 1))
    process = teacher._graph._process
    assert process.poll() is None
    del teacher
    gc.collect()
    assert process.returncode is not None


def test_a_runtime_that_crashes_takes_nothing_with_it(
    tmp_path: Path, sample_of: Callable[..., Sample]
) -> None:
    teacher = open_bounded(greedy(tmp_path / "a.onnx", 1))
    teacher._graph._process.kill()
    with pytest.raises(TeacherError, match=r"a\.onnx: its process died .*SIGKILL"):
        teacher.label([sample_of()])


def test_an_output_far_larger_than_the_image_is_no_map(
    tmp_path: Path, sample_of: Callable[..., Sample]
) -> None:
    scales = numpy_helper.from_array(np.array([1, 1, 20, 20], np.float32), "scales")
    path = save(
        tmp_path / "large.onnx",
        [
            helper.make_node("ReduceMean", ["image"], ["grey"], axes=[1]),
            helper.make_node("Resize", ["grey", "", "scales"], ["depth"], mode="nearest"),
        ],
        [scales],
    )
    with pytest.raises(TeacherError, match=r"gives float32 \[1, 1, 1120, 1400\], too large"):
        open_bounded(path).label([sample_of(size=(48, 60))])


def test_the_bounds_without_settings_grow_with_the_file() -> None:
    small = bounds_for(1000, memory_gb=None, seconds_per_image=9.0)
    large = bounds_for(10**9, memory_gb=None, seconds_per_image=9.0)
    assert 0 < small.memory_bytes <= large.memory_bytes
    assert bounds_for(10**9, memory_gb=2.5, seconds_per_image=9.0).memory_bytes == 2.5e9


def test_messages_arrive_whole_or_not_at_all(tmp_path: Path) -> None:
    line = tmp_path / "line"
    with line.open("wb") as stream:
        onnx_child.send(stream, {"op": "run"}, b"\0" * 10)
    with line.open("rb") as stream:
        assert onnx_child.receive(stream, most_bytes=10) == ({"op": "run", "bytes": 10}, b"\0" * 10)
    with line.open("rb") as stream, pytest.raises(onnx_child.LineError, match="10 bytes"):
        onnx_child.receive(stream, most_bytes=9)
    content = line.read_bytes()
    for end in (0, 3, 9, len(content) - 1):
        line.write_bytes(content[:end])
        with line.open("rb") as stream, pytest.raises(onnx_child.LineError, match="ended"):
            onnx_child.receive(stream, most_bytes=10)
