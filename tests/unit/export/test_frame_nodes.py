"""Sizes, resizing and rounding as nodes, against `network_size` and OpenCV."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from thermodepth.export.frame import write_resized, write_sizes
from thermodepth.export.graph import Graph
from thermodepth.inference.working_size import network_size
from thermodepth.types import ThermalUnit


def run(graph: Graph, value: str, **feeds: np.ndarray) -> np.ndarray:
    import onnxruntime

    model = graph.model([(value, "result", ["a", "b", "c", "d"])], producer="test 0")
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, feeds)[0]


@pytest.mark.parametrize("short_side", [33, 64, 96, 160])
def test_sizes_are_those_that_the_predictor_takes(short_side: int) -> None:
    random = np.random.default_rng(short_side)
    sizes = [*random.integers(32, 1300, (40, 2)).tolist(), [704, 715], [512, 640], [32, 512]]
    for rows, columns in sizes:
        graph = Graph()
        frame = graph.input("frame", [1, 1, rows, columns])
        written = write_sizes(graph, frame, short_side=short_side)
        inner = [graph.known(side) for side in (written.inner_rows, written.inner_columns)]
        expected = network_size((rows, columns), short_side)
        assert tuple(int(side[0]) for side in inner if side is not None) == expected
        assert graph.nodes == []


def test_halves_go_to_the_even_number() -> None:
    # 96 / 704 of 715 is 97.5, and of 803 109.5
    assert network_size((704, 715), 96) == (96, 98)
    assert network_size((704, 803), 96) == (96, 110)
    assert network_size((512, 640), 160) == (160, 200)
    assert network_size((100, 3200), 16) == (32, 512)  # no side below 32


SIZES = ((512, 640), (256, 320), (241, 333), (160, 200), (100, 130), (87, 91))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("few_operators", [False, True])
def test_counts_are_resized_as_opencv_does(size: tuple[int, int], few_operators: bool) -> None:
    frame = np.random.default_rng(0).integers(0, 65536, size).astype(np.uint16)
    graph = Graph()
    sides = size if few_operators else ("rows", "columns")
    value = graph.input("frame", [1, 1, *sides])
    sizes = write_sizes(graph, value, short_side=128)
    resized = write_resized(
        graph, value, sizes, unit=ThermalUnit.COUNTS, few_operators=few_operators
    )
    inner = network_size(size, 128)
    shrinks = inner[0] <= size[0]
    expected = cv2.resize(
        frame, inner[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    result = run(graph, resized, frame=frame[None, None].astype(np.float32))[0, 0]
    # Sums in another order decide between two counts where a mean lies half way.
    assert np.abs(result - expected).max() <= 1
    assert (result != expected).mean() < 2e-3


def test_kelvin_is_not_rounded() -> None:
    frame = np.random.default_rng(0).uniform(270, 310, (90, 120)).astype(np.float32)
    graph = Graph()
    value = graph.input("frame", [1, 1, "rows", "columns"])
    sizes = write_sizes(graph, value, short_side=64)
    resized = write_resized(graph, value, sizes, unit=ThermalUnit.KELVIN, few_operators=False)
    expected = cv2.resize(frame, (85, 64), interpolation=cv2.INTER_AREA)
    result = run(graph, resized, frame=frame[None, None])[0, 0]
    np.testing.assert_allclose(result, expected, rtol=1e-5)


def test_what_is_known_is_computed_and_the_rest_is_left_to_the_run() -> None:
    graph = Graph()
    x = graph.input("x", [2])
    with graph.scope("part"):
        four = graph.node("Add", graph.constant([1.0, 2.0]), graph.constant([3.0, 2.0]))
        total = graph.node("Add", x, four)
    assert graph.known(four) is not None
    np.testing.assert_array_equal(graph.known(four), [4.0, 4.0])
    assert graph.known(total) is None
    assert [node.op_type for node in graph.nodes] == ["Add"]
    assert total.startswith("part/")
    np.testing.assert_array_equal(run(graph, total, x=np.array([1, 2], np.float32)), [5, 6])
