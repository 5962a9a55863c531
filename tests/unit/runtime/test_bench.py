"""Contestants take turns in processes of their own; numbers are summed up as the docs say."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from thermodepth.errors import UserError
from thermodepth.machine import energy_counter
from thermodepth.runtime.bench import Contestant, _Answer, _timing, bench

CONTESTANT = Contestant(runtime="onnx", model="", threads=2)


def test_a_graph_is_timed(graph_file: Path) -> None:
    contestants = [
        Contestant(runtime="onnx", model=str(graph_file), threads=threads) for threads in (1, 2)
    ]
    sizes = [(64, 80), (50, 60)]
    told: list[tuple[int, int]] = []
    timings = bench(
        contestants,
        sizes,
        rounds=2,
        environment=os.environ,
        progress=lambda *counts: told.append(counts),
    )
    assert [(t.size, t.threads) for t in timings] == [
        (size, threads) for size in sizes for threads in (1, 2)
    ]
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    for timing in timings:
        assert 0 < timing.p50_ms <= timing.p95_ms
        assert timing.cpu_ms > 0
        assert timing.peak_mb is None or timing.peak_mb > 20


def test_what_goes_wrong_in_a_process_is_said_of_it(tmp_path: Path, graph_file: Path) -> None:
    missing = Contestant(runtime="onnx", model=str(tmp_path / "none.onnx"), threads=1)
    with pytest.raises(UserError, match=r"onnx with 1 threads: .*none\.onnx: cannot be read"):
        bench([missing], [(64, 80)], rounds=1, environment=os.environ)
    strip = Contestant(runtime="onnx", model=str(graph_file), threads=1)
    with pytest.raises(UserError, match="is a strip, not a camera's frame"):
        bench([strip], [(32, 2000)], rounds=1, environment=os.environ)


def test_percentiles_and_means_by_hand() -> None:
    walls = [0.001 * n for n in range(1, 22)]  # 1 to 21 ms
    answers = [_Answer(wall, 0.002, 50.0 + n, 0.004) for n, wall in enumerate(walls)]
    timing = _timing(CONTESTANT, (4, 5), answers)
    assert (timing.p50_ms, timing.p95_ms) == (pytest.approx(11.0), pytest.approx(20.0))
    assert timing.cpu_ms == pytest.approx(2.0)
    assert timing.peak_mb == 70.0
    assert timing.energy_mj == pytest.approx(4.0)
    one_missing = [*answers[:-1], _Answer(0.001, 0.002, None, None)]
    assert _timing(CONTESTANT, (4, 5), one_missing).energy_mj is None


@pytest.fixture
def counters(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """`counters({"intel-rapl:0": "1000000"})`: a folder as Linux has it."""

    def make(values: dict[str, str]) -> Path:
        for name, value in values.items():
            (tmp_path / name).mkdir()
            (tmp_path / name / "energy_uj").write_text(value)
        return tmp_path

    return make


def test_the_energy_of_all_packages(counters: Callable[[dict[str, str]], Path]) -> None:
    root = counters(
        {
            "intel-rapl:0": "1500000\n",
            "intel-rapl:0:0": "999",  # the cores of package 0, which are in it
            "intel-rapl:1": "500000\n",
            "dtpm": "7",
        }
    )
    assert energy_counter(root)() == 2.0


def test_no_energy_where_nobody_tells(
    counters: Callable[[dict[str, str]], Path], tmp_path: Path
) -> None:
    assert energy_counter(tmp_path / "none")() is None
    assert energy_counter(counters({"intel-rapl:0": "?"}))() is None


def test_a_process_that_says_much_is_not_waited_for_without_end(graph_file: Path) -> None:
    """More than a pipe holds: 64 kB."""
    contestant = Contestant(runtime="onnx", model=str(graph_file), threads=1)
    environment = {**os.environ, "PYTHONVERBOSE": "1"}
    (timing,) = bench([contestant], [(64, 80)], rounds=1, environment=environment)
    assert timing.p50_ms > 0
