"""The stage that steadies a video: what the loop asks of it, and which frames it names."""

from __future__ import annotations

import numpy as np
import pytest

from thermodepth.inference.depth import Depth
from thermodepth.pipeline import Steadying
from thermodepth.sources import SourceFrame
from thermodepth.types import FrameEvent, ThermalUnit

SIZE = (48, 64)


def frame(index: int, *, seed: int) -> SourceFrame:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    scene = 200 * np.sin(rows / 9 + seed) * np.cos(columns / 7)
    noise = np.random.default_rng(seed).normal(0, 3, SIZE)
    raw = np.rint(7000 + scene + noise).astype(np.uint16)
    name = f"f{index}"
    return SourceFrame(
        raw=raw, unit=ThermalUnit.COUNTS, name=name, index=index, origin=name, sequence="s"
    )


def depth(metres: float) -> Depth:
    depth_m = np.full(SIZE, metres, np.float32)
    return Depth(depth_m=depth_m, structure=(1 / depth_m).astype(np.float32))


def test_frozen_frames_are_named_together_and_held() -> None:
    stage = Steadying()
    stage.reset()
    seeds = [0, 1e-3, 2e-3, 2e-3, 2e-3, 2e-3, 3e-3, 3e-3]
    raw = [frame(n, seed=round(1e3 * seed)) for n, seed in enumerate(seeds)]
    same = raw[2].raw
    for n in (3, 4, 5):
        np.testing.assert_array_equal(raw[n].raw, same)
    results = []
    for n, each in enumerate(raw):
        state = stage.prepare(each)
        assert state.memory == stage.video.settings.memory
        results.append(stage.refine(each, depth(5.0 + n)))
    assert [str(each) for each in stage.events if each.event is FrameEvent.FROZEN] == [
        "f3 to f5",
        "f7",
    ]
    assert results[4].depth_m[0, 0] == results[2].depth_m[0, 0]


def test_another_sequence_begins_anew() -> None:
    stage = Steadying()
    for metres in (5.0, 6.0):
        stage.reset()
        stage.prepare(frame(0, seed=0))
        result = stage.refine(frame(0, seed=0), depth(metres))
        assert result.depth_m[0, 0] == pytest.approx(metres)
    assert stage.events == []
