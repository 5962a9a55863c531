"""Source -> predictor -> stages -> writers: order, failures, sequences, stopping and going on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import thermodepth
from thermodepth.errors import DataError, OutputError
from thermodepth.inference.depth import Depth
from thermodepth.outputs import FORMATS, Outputs, rows_of
from thermodepth.pipeline import LoopProgress, OutputFiles, WrittenFrames, predict_source
from thermodepth.sources import Source, SourceFrame
from thermodepth.thermal import NormaliserState


@dataclass(slots=True)
class Doubling:
    """Depth is the counts times two; frame `bad` cannot be predicted."""

    names: list[str] = field(default_factory=list)
    states: list[Any] = field(default_factory=list)
    bad: str = ""

    def predict_frame(self, frame: SourceFrame, *, state: Any = None) -> Depth:
        if frame.name == self.bad:
            raise DataError("a strip")
        self.names.append(frame.name)
        self.states.append(state)
        depth_m = frame.raw.astype(np.float32) * 2
        return Depth(depth_m=depth_m, structure=-depth_m)


@dataclass(slots=True)
class Remembering:
    """Adds how many frames of the sequence it saw."""

    seen: int = 0
    resets: int = 0
    memory: NormaliserState = field(default_factory=NormaliserState)

    def prepare(self, frame: SourceFrame) -> NormaliserState | None:
        self.seen += 1
        return self.memory if frame.index else None

    def refine(self, frame: SourceFrame, depth: Depth) -> Depth:
        assert frame.raw.shape == depth.depth_m.shape
        return replace(depth, depth_m=depth.depth_m + np.float32(self.seen))

    def reset(self) -> None:
        self.seen = 0
        self.resets += 1


@dataclass(slots=True)
class Listing:
    """Keeps the first pixel of every depth."""

    values: dict[str, float] = field(default_factory=dict)
    is_closed: bool = False
    is_resumable: bool = False

    def write(self, frame: SourceFrame, depth: Depth) -> Sequence[Path]:
        self.values[frame.name] = float(depth.depth_m[0, 0])
        return ()

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def clips(tmp_path: Path) -> Source:
    """Two recordings of three frames whose first pixels are 100, 101, 102 and 200, 201, 202."""
    for name, first in (("a", 100), ("b", 200)):
        frames = np.arange(24 * 32).reshape(24, 32) + first + np.arange(3)[:, None, None]
        np.save(tmp_path / f"{name}.npy", frames.astype(np.uint16))
    return thermodepth.frames([tmp_path / "a.npy", tmp_path / "b.npy"])


def test_every_frame_goes_through_all_in_order(clips: Source) -> None:
    stage, writer, predictor = Remembering(), Listing(), Doubling()
    steps: list[LoopProgress] = []
    outcome = predict_source(
        clips, predictor, stages=[stage], writers=[writer], report=steps.append
    )
    assert list(writer.values.values()) == [201, 204, 207, 401, 404, 407]
    assert stage.resets == 2
    assert predictor.states == [None, *[stage.memory] * 5]
    assert writer.is_closed
    assert (outcome.predicted, outcome.failed, outcome.skipped) == (6, 0, 0)
    assert [(step.frames, step.total) for step in steps] == [(n, 6) for n in range(1, 7)]
    assert all(step.frames_per_s > 0 and step.latency_s >= 0 for step in steps)
    assert outcome.last is not None
    assert outcome.last[0].name == "b-000002"


def test_a_video_has_one_memory_a_sequence(clips: Source) -> None:
    predictor = Doubling()
    predict_source(clips, predictor, writers=[], remembers=True)
    first, second = predictor.states[0], predictor.states[3]
    assert first is not None
    assert first is not second
    assert predictor.states == [first] * 3 + [second] * 3
    still = Doubling()
    predict_source(clips, still, writers=[])
    assert still.states == [None] * 6


def test_a_frame_that_cannot_be_predicted_is_listed_and_the_rest_goes_on(clips: Source) -> None:
    writer = Listing()
    outcome = predict_source(clips, Doubling(bad="a-000001"), writers=[writer])
    assert list(writer.values) == ["a-000000", "a-000002", "b-000000", "b-000001", "b-000002"]
    (failure,) = outcome.failures
    assert failure.reason.endswith("a.npy, frame 1: a strip")
    assert (outcome.frames, outcome.failed) == (6, 1)


def test_a_stop_is_heard_between_frames_and_writers_are_closed(clips: Source) -> None:
    writer = Listing()
    outcome = predict_source(
        clips, Doubling(), writers=[writer], is_stopped=lambda: len(writer.values) == 2
    )
    assert outcome.is_stopped
    assert outcome.predicted == 2
    assert writer.is_closed


def test_a_full_disk_ends_it_and_writers_are_closed(clips: Source) -> None:
    class Full(Listing):
        def write(self, frame: SourceFrame, depth: Depth) -> Sequence[Path]:
            raise OutputError(f"{frame.name} of {depth}: full")

    writers = [Listing(), Full(), Listing()]
    with pytest.raises(OutputError):
        predict_source(clips, Doubling(), writers=writers)
    assert all(writer.is_closed for writer in writers)


# --- going on -----------------------------------------------------------------------------------------


def map_files(out: Path) -> OutputFiles:
    return OutputFiles(Outputs(out, rows_of(FORMATS["npy"])))


def run(
    clips: Source,
    out: Path,
    *,
    facts: dict[str, Any] | None = None,
    stop_after: int = 99,
    again: bool = False,
    **more: Any,
) -> tuple[list[str], int]:
    """(names that were predicted, how many were skipped)."""
    predictor = Doubling()
    written = WrittenFrames.open(out, facts or {"model": 1}, again=again)
    outcome = predict_source(
        clips,
        predictor,
        writers=[map_files(out)],
        written=written,
        is_stopped=lambda: len(predictor.names) >= stop_after,
        **more,
    )
    return predictor.names, outcome.skipped


def test_a_stopped_run_goes_on_where_it_was(clips: Source, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(clips, out, stop_after=4)[0][-1] == "b-000000"
    assert run(clips, out) == (["b-000001", "b-000002"], 4)
    assert run(clips, out) == ([], 6)
    assert run(clips, out, again=True)[1] == 0


def test_a_frame_without_its_files_is_predicted_again(clips: Source, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(clips, out)
    (out / "a-000001_structure.npy").unlink()
    assert run(clips, out) == (["a-000001"], 5)


def test_other_settings_and_other_files_are_predicted_again(clips: Source, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(clips, out)
    assert run(clips, out, facts={"model": 2})[1] == 0
    assert run(clips, out)[1] == 0  # what stands there now is of model 2
    changed = np.load(tmp_path / "b.npy")
    np.save(tmp_path / "b.npy", np.concatenate([changed, changed]))
    assert run(thermodepth.frames([tmp_path / "a.npy", tmp_path / "b.npy"]), out)[1] == 3


def test_a_line_that_a_kill_cut_off_is_no_line(clips: Source, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(clips, out)
    record = out / "frames.jsonl"
    record.write_bytes(record.read_bytes()[:-20])
    assert run(clips, out) == (["b-000002"], 5)
    assert run(clips, out) == ([], 6)


def test_a_record_of_something_else_is_no_record(clips: Source, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "frames.jsonl").write_text('[1]\n{"name": 3}\nnull\n{}\n"\n' + "[" * 5000)
    assert run(clips, out)[1] == 0


def test_what_remembers_frames_sees_them_all(clips: Source, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(clips, out)
    assert run(clips, out, stages=[Remembering()])[1] == 0
    assert run(clips, out, remembers=True)[1] == 0


def test_a_writer_of_one_file_for_all_gets_every_frame(clips: Source, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(clips, out)
    one = Listing()
    written = WrittenFrames.open(out, {"model": 1})
    predict_source(clips, Doubling(), writers=[map_files(out), one], written=written)
    assert len(one.values) == 6


def test_maps_are_those_of_the_frame(clips: Source, tmp_path: Path) -> None:
    run(clips, tmp_path / "out")
    depth: NDArray[np.float32] = np.load(tmp_path / "out" / "b-000001_depth.npy")
    assert depth[0, 0] == 402
