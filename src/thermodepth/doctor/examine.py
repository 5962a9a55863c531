"""One pass over a data set or a recording: files hashed, frames read once, then every check answered."""

from __future__ import annotations

import glob
import time
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from thermodepth.data import DATASETS, Dataset, open_dataset
from thermodepth.doctor.evidence import Evidence, Subject
from thermodepth.doctor.finding import Finding, Severity
from thermodepth.doctor.pixels import PixelWatch
from thermodepth.doctor.recording import RecordedFrames, open_recording
from thermodepth.doctor.registry import CHECKS
from thermodepth.doctor.source import Job, ReadFrame, dataset_jobs, tree_jobs
from thermodepth.doctor.stamps import StampList, is_stamps, read_stamps
from thermodepth.doctor.tree import (
    FileFacts,
    files_below,
    hash_file,
    is_calibration,
    is_picture,
    split_lists,
)
from thermodepth.doctor.views import file_faults
from thermodepth.errors import DataError, SettingsError, nearest
from thermodepth.sources import Source, known_schemes
from thermodepth.threads import available_cores

#: Frames in flight, for each thread: enough to keep it busy, few enough to stay small in memory.
AHEAD = 4
#: Frame sizes of which single pixels are watched; a folder of pictures from everywhere has hundreds.
MOST_SIZES = 8

Progress = Callable[[str, int, int], None]


def _silent(stage: str, done: int, total: int) -> None:
    del stage, done, total


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was looked at and what was found, worst first."""

    spec: str
    note: str
    frames: int  # in all
    frames_read: int
    files_hashed: int
    bytes_hashed: int
    seconds: float
    findings: tuple[Finding, ...]

    def count(self, severity: Severity) -> int:
        """How many findings are as bad as this."""
        return sum(finding.severity is severity for finding in self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Below:
    """What stands below a root."""

    root: Path
    pictures: Sequence[Path] = ()
    stamps: Sequence[StampList] = ()
    calibrations: Sequence[Path] = ()


def examine(
    spec: str,
    *,
    most_frames: int | None = None,
    threads: int | None = None,
    progress: Progress = _silent,
) -> Report:
    """Examine what `open_dataset` opens, any folder of pictures, or a recording that has an end.

    Args:
        spec: `NAME`, `NAME:PATH`, the path of a rendered pack or of a bare folder, or whatever else
            `thermodepth.frames` opens: a video, a stack, a SEQ file, a bag, a glob.
        most_frames: about how many frames are decoded, in short runs spread evenly; None is all.
            Files are hashed to the last one either way.
        threads: that decode side by side; None is one a core.
        progress: told (stage, done, total).

    Raises:
        SettingsError: for a number that cannot be.
        DataError: for an unknown data set or a path that is not there. A data set that is there and
            does not open is a finding.
    """
    opened = _open(spec)
    return _examined(opened, spec, most_frames, threads, progress)


def examine_dataset(
    dataset: Dataset,
    *,
    most_frames: int | None = None,
    threads: int | None = None,
    progress: Progress = _silent,
) -> Report:
    """Examine a data set that is open already, by its frames alone; arguments as of `examine`.

    Raises:
        SettingsError: for a number that cannot be.
    """
    return _examined(_Opened(dataset=dataset), dataset.spec, most_frames, threads, progress)


def _examined(
    opened: _Opened,
    spec: str,
    most_frames: int | None,
    threads: int | None,
    progress: Progress,
) -> Report:
    for name, value in (("most_frames", most_frames), ("threads", threads)):
        if value is not None and value < 1:
            raise SettingsError(f"{name} {value}: expected at least 1")
    workers = threads or available_cores()
    begun = time.perf_counter()
    dataset = opened.dataset
    below = _below(opened.root) if opened.root is not None else None
    files = _hashed(below, workers, progress) if below else []
    reading: Iterable[ReadFrame]
    total: int | None
    recorded = None
    if opened.recording is not None:
        reading = recorded = RecordedFrames(opened.recording, most_frames)
        total, in_all = recorded.selected, recorded.count
        note = "a recording"
    elif dataset is not None:
        jobs = list(dataset_jobs(dataset, most_frames))
        reading, total = _in_order(jobs, workers), len(jobs)
        in_all = sum(len(frames.sample_ids) for frames in dataset.whole_splits.values())
        note = dataset.note
    else:
        assert below is not None
        jobs = list(tree_jobs(below.root, below.pictures, most_frames))
        reading, total = _in_order(jobs, workers), len(jobs)
        in_all = len(below.pictures)
        note = f"{in_all} pictures in a folder, their roles guessed"
    frames, watches = [], _Watches()
    for frame in reading:
        frames.append(frame.facts)
        watches.add(frame)
        progress("reading", len(frames), total or len(frames))
    in_all = len(frames) if in_all is None else in_all
    stamps = recorded.stamps if recorded else below.stamps if below else ()
    evidence = Evidence(
        subject=Subject(
            spec=spec,
            is_tree=dataset is None,
            depth_range_m=dataset.depth_range_m if dataset else None,
            calibrations=file_faults(below.calibrations, below.root)
            if below and dataset is None
            else (),
            failure=opened.failure,
        ),
        frames=frames,
        frames_in_all=in_all,
        files=files,
        stamps=stamps,
        lists=split_lists(below.root) if below else {},
        watches=list(watches.by_size.values()),
    )
    findings = [entry for check in CHECKS.values() for entry in check.find(evidence)]
    order = list(Severity)
    return Report(
        spec=spec,
        note=note,
        frames=in_all,
        frames_read=len(frames),
        files_hashed=len(files),
        bytes_hashed=sum(file.size_bytes for file in files),
        seconds=time.perf_counter() - begun,
        findings=tuple(sorted(findings, key=lambda entry: order.index(entry.severity))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A data set, a recording, or a folder."""

    dataset: Dataset | None = None
    recording: Source | None = None
    root: Path | None = None  # whose files are hashed
    failure: str = ""  # why the data set did not open


def _open(spec: str) -> _Opened:
    name, colon, argument = spec.partition(":")
    if name in DATASETS:
        # Options of a reader stand behind a question mark, `ms2:ROOT?truth=depth`.
        candidates = [
            Path(text).expanduser() for text in (argument, argument.rpartition("?")[0]) if text
        ]
        folder = next((candidate for candidate in candidates if candidate.is_dir()), None)
        try:
            return _Opened(dataset=open_dataset(spec), root=folder)
        except DataError as error:
            if folder is None:
                raise
            return _Opened(root=_with_pictures(folder), failure=str(error))
    path = Path(spec).expanduser()
    is_rendered = any((path / name).is_file() for name in ("pack.json", "rendering.json"))
    if is_rendered or (path.is_file() and zipfile.is_zipfile(path)):
        return _open(f"synthetic:{spec}")
    if path.is_dir():
        pictures = any(is_picture(file) for file in files_below(path))
        return _Opened(root=path) if pictures else _Opened(recording=open_recording(spec))
    if path.exists() or glob.has_magic(spec) or name in known_schemes():
        return _Opened(recording=open_recording(spec))
    if colon or path.suffix or len(path.parts) > 1:
        raise DataError(f"{spec}: no such file or folder, and no data set of that name")
    raise DataError(
        f"unknown data set '{spec}'{nearest(spec, DATASETS)} (known: {', '.join(sorted(DATASETS))}, "
        "or the path of a folder of pictures or of a recording)"
    )


def _with_pictures(folder: Path) -> Path:
    if not any(is_picture(path) for path in files_below(folder)):
        raise DataError(f"{folder}: holds no pictures (PNG, TIFF, JPEG, BMP, NPY or PFM)")
    return folder


def _below(root: Path) -> _Below:
    pictures, stamps, calibrations = [], [], []
    for path in files_below(root):
        if is_picture(path):
            pictures.append(path)
        elif is_stamps(path) or (path.suffix.lower() == ".csv" and path.parent == root):
            stamps += read_stamps(path, root)
        if is_calibration(path):
            calibrations.append(path)
    return _Below(root=root, pictures=pictures, stamps=stamps, calibrations=calibrations)


def _hashed(below: _Below, threads: int, progress: Progress) -> list[FileFacts]:
    files = []
    with ThreadPoolExecutor(threads) as pool:
        for file in pool.map(lambda path: hash_file(path, below.root), below.pictures):
            files.append(file)
            progress("hashing", len(files), len(below.pictures))
    return files


def _in_order(jobs: Sequence[Job], threads: int) -> Iterator[ReadFrame]:
    """Results in the order of the jobs, with a few in flight."""
    if not jobs:
        return
    yield jobs[0]()  # alone: a reader opens its archive at the first frame
    waiting: deque[Future[ReadFrame]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for job in jobs[1:]:
                waiting.append(pool.submit(job))
                if len(waiting) > AHEAD * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for late in waiting:
                late.cancel()


class _Watches:
    """A `PixelWatch` for each of the first frame sizes."""

    def __init__(self) -> None:
        self.by_size: dict[tuple[int, int], PixelWatch] = {}
        self._last: bytes = b""

    def add(self, frame: ReadFrame) -> None:
        """Add a frame; one equal to the last teaches nothing and would make every pixel look stuck."""
        thermal = frame.facts.thermal
        if frame.deviation is None or thermal is None or thermal.look.digest == self._last:
            return
        self._last = thermal.look.digest
        size = thermal.look.size
        if size not in self.by_size and len(self.by_size) < MOST_SIZES:
            self.by_size[size] = PixelWatch(size)
        if size in self.by_size:
            self.by_size[size].add(frame.deviation)
