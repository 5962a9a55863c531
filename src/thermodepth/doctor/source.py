"""Where frames come from: an opened data set, or the picture files of a bare folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from thermodepth.data import Dataset
from thermodepth.data.frames import Accompanied, Frames
from thermodepth.doctor.facts import (
    Band,
    FrameFacts,
    depth_facts,
    look_of,
    rgb_facts,
    thermal_facts,
)
from thermodepth.doctor.pixels import MOST_FRAMES, Deviation, deviation
from thermodepth.doctor.tree import band_of, split_of
from thermodepth.doctor.views import camera_faults, view_facts
from thermodepth.errors import DataError, UserError
from thermodepth.files import read_raster
from thermodepth.thermal import Margins, describe_rows, read_radiometric, telemetry_rows
from thermodepth.types import Sample, ThermalUnit

#: A sample is taken in runs of neighbouring frames, or frames that repeat would never be seen.
RUN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFrame:
    """One frame, read and let go."""

    facts: FrameFacts
    deviation: Deviation | None  # of frames whose pixels are watched


Job = Callable[[], ReadFrame]


def selected_frames(count: int, limit: int | None) -> list[int]:
    """Which of `count` frames are read: all, or about `limit` in runs spread evenly, in order."""
    if limit is None or count <= limit:
        return list(range(count))
    run = min(RUN, limit)
    starts = np.linspace(0, count - run, limit // run).astype(int)
    return sorted({int(start) + i for start in starts for i in range(run)})


def watched(indices: Sequence[int]) -> set[int]:
    """The frames whose single pixels are watched."""
    positions = np.linspace(0, len(indices) - 1, min(len(indices), MOST_FRAMES)).astype(int)
    return {indices[i] for i in positions} if indices else set()


def dataset_jobs(dataset: Dataset, limit: int | None) -> Iterator[Job]:
    """One job a frame, split after split; of a limit each split gets its share."""
    splits = dataset.whole_splits
    total = sum(len(frames.sample_ids) for frames in splits.values())
    for split, frames in splits.items():
        count = len(frames.sample_ids)
        share = None if limit is None else max(limit * count // max(total, 1), 1)
        indices = selected_frames(count, share)
        watch = watched(indices)
        for index in indices:
            yield _frame_job(frames, split, index, watch=index in watch)


def _frame_job(frames: Frames, split: str, index: int, *, watch: bool) -> Job:
    def read() -> ReadFrame:
        name = frames.sample_ids[index]
        try:
            sample = frames.read(index)
            if isinstance(frames, Accompanied):
                frames.check_beside(index)
        except DataError as error:
            return _unreadable(name, split, "", index, error)
        facts = _sample_facts(sample, split, index)
        usable = watch and np.isfinite(sample.thermal).all()
        return ReadFrame(facts=facts, deviation=deviation(sample.thermal) if usable else None)

    return read


def _unreadable(name: str, split: str, sequence: str, index: int, error: UserError) -> ReadFrame:
    facts = FrameFacts(name=name, split=split, sequence=sequence, index=index, problem=str(error))
    return ReadFrame(facts=facts, deviation=None)


def _sample_facts(sample: Sample, split: str, index: int) -> FrameFacts:
    view = sample.rgb_view
    return FrameFacts(
        name=sample.sample_id,
        split=split,
        sequence=sample.sequence,
        index=index,
        thermal=thermal_facts(sample.thermal, sample.thermal_unit),
        depth=None if sample.depth_m is None else depth_facts(sample.depth_m, in_metres=True),
        rgb=None if sample.rgb is None else rgb_facts(sample.rgb),
        view=None
        if view is None
        else view_facts(view, depth_m=sample.depth_m, intrinsics=sample.intrinsics),
        camera_faults=camera_faults(sample),
    )


def tree_jobs(root: Path, pictures: Sequence[Path], limit: int | None) -> Iterator[Job]:
    """One job a picture file; its place is the one in its folder."""
    in_folder_index: list[int] = []
    in_folder: dict[Path, int] = {}
    for path in pictures:
        in_folder_index.append(in_folder.get(path.parent, 0))
        in_folder[path.parent] = in_folder_index[-1] + 1
    selected = selected_frames(len(pictures), limit)
    watch = watched(selected)
    for index in selected:
        yield _file_job(root, pictures[index], in_folder_index[index], watch=index in watch)


def _file_job(root: Path, path: Path, index: int, *, watch: bool) -> Job:
    name = path.relative_to(root).as_posix()
    split, folder = split_of(name), path.relative_to(root).parent.as_posix()

    def read() -> ReadFrame:
        try:
            frame = read_radiometric(path)
            picture = read_raster(path) if frame is None else frame.values
        except UserError as error:  # damaged, or a package is missing
            return _unreadable(name, split, folder, index, error)
        if picture.dtype.kind == "b":
            picture = picture.astype(np.uint8)
        about: dict[str, Any] = {"name": name, "split": split, "sequence": folder, "index": index}
        grey = picture[..., 0] if picture.ndim == 3 else picture
        margins = telemetry_rows(picture)
        inner = margins.cut(picture, str(path))  # what the file shows is judged without its words
        band = band_of(name, inner) if frame is None else Band.THERMAL
        if band is Band.THERMAL and picture.ndim == 2 and np.isfinite(picture).all():
            telemetry = "" if margins == Margins() else describe_rows(margins, len(picture))
            facts = FrameFacts(
                **about, thermal=thermal_facts(inner, _unit(inner), telemetry=telemetry)
            )
            return ReadFrame(facts=facts, deviation=deviation(inner) if watch else None)
        if band is Band.DEPTH and picture.ndim == 2:
            # A bare folder does not say the unit: stored numbers stay stored numbers.
            return ReadFrame(
                facts=FrameFacts(**about, depth=depth_facts(grey, in_metres=False)), deviation=None
            )
        if band is Band.RGB and picture.dtype == np.uint8:
            return ReadFrame(facts=FrameFacts(**about, rgb=rgb_facts(picture)), deviation=None)
        return ReadFrame(facts=FrameFacts(**about, other=look_of(picture)), deviation=None)

    return read


def _unit(thermal: np.ndarray[Any, Any]) -> ThermalUnit:
    if thermal.dtype == np.uint8:
        return ThermalUnit.DISPLAY
    return ThermalUnit.KELVIN if thermal.dtype.kind == "f" else ThermalUnit.COUNTS
