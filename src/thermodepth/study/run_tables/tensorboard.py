"""Scalars of TensorBoard: a folder of event files, or what its page downloads.

    LOGDIR/RUN/events.out.tfevents.*     read by the package `tensorboard` (extra `track`)
    run-RUN-tag-TAG.csv                  Wall time,Step,Value
    run-RUN-tag-TAG.json                 [[wall time, step, value], ...]

The value of the last step of each scalar counts. A page's downloads hold at most 1000 points of a curve, the
last among them.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from thermodepth.errors import DataError, DependencyError
from thermodepth.files import ask_folder, read_text
from thermodepth.study.run_tables.run import (
    MOST_BYTES,
    LoggedRun,
    RunExport,
    check_run_count,
    number_of,
    read_cells,
    read_header,
)

EVENTS_PROGRAM, DOWNLOAD_PROGRAM = "TensorBoard's event files", "TensorBoard's downloaded scalars"
_HEADER = ("Wall time", "Step", "Value")
_NAME = re.compile(r"run[-_](?P<run>.+)-tag-(?P<tag>.+)\.(?:csv|json)", re.IGNORECASE)
_EVENTS = "*tfevents*"
_SCALARS = "scalars"  # the plugin under whose name newer writers store them as tensors


def recognises(path: Path) -> bool:
    """Whether event files lie below the folder, or downloads in it, or it is one of either."""
    if path.is_dir():
        return any(True for _ in path.rglob(_EVENTS)) or any(True for _ in _downloads(path))
    return path.is_file() and ("tfevents" in path.name or _is_download(path))


def read_runs(path: Path) -> RunExport:
    """Every run, by its folder or by the names of the downloads.

    Raises:
        DataError: for a file that is damaged, or a download whose name tells no run.
        DependencyError: for event files without the package that reads them.
    """
    events = [path] if "tfevents" in path.name else sorted(path.rglob(_EVENTS))
    if path.is_dir() and not events:
        return _read_downloads(path, list(_downloads(path)))
    if not events:
        return _read_downloads(path, [path])
    if find_spec("tensorboard") is None:
        raise DependencyError(
            f"{path}: event files of TensorBoard, which the package tensorboard reads: pip install "
            "'thermodepth[track]'; or download the scalars as CSV from its page"
        )
    root = path if path.is_dir() else path.parent
    folders = list(dict.fromkeys(file.parent for file in events))
    check_run_count(path, len(folders))
    runs = []
    for folder in folders:
        name = folder.relative_to(root).as_posix()
        metrics = _scalars(folder)
        if metrics:
            name = folder.resolve().name if name == "." else name
            runs.append(LoggedRun(name=name, settings={}, metrics=metrics))
    return RunExport(program=EVENTS_PROGRAM, path=path, runs=tuple(runs), settings_are_own=False)


def _scalars(folder: Path) -> dict[str, float]:
    """The last value of every scalar of one run."""
    from tensorboard.backend.event_processing.event_accumulator import (
        SCALARS,
        TENSORS,
        EventAccumulator,
    )
    from tensorboard.util import tensor_util

    ask_folder(folder)
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    # One point of each curve is kept, and that is the last.
    accumulator = EventAccumulator(str(folder), size_guidance={SCALARS: 1, TENSORS: 1})
    try:
        accumulator.Reload()
        names = accumulator.Tags()
        values = {tag: float(accumulator.Scalars(tag)[-1].value) for tag in names[SCALARS]}
        for tag in names[TENSORS]:
            if accumulator.SummaryMetadata(tag).plugin_data.plugin_name == _SCALARS:
                proto = accumulator.Tensors(tag)[-1].tensor_proto
                values[tag] = float(tensor_util.make_ndarray(proto))
    except Exception as error:  # the package lets through whatever its reader stumbles on
        raise DataError(f"{folder}: event files that cannot be read ({error})") from None
    return values


def _is_download(path: Path) -> bool:
    if path.suffix.lower() == ".csv":
        return read_header(path) == _HEADER
    return path.suffix.lower() == ".json" and _NAME.fullmatch(path.name) is not None


def _downloads(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_file() and _is_download(path):
            yield path


def _read_downloads(path: Path, files: list[Path]) -> RunExport:
    metrics: dict[str, dict[str, float]] = {}
    for file in files:
        match = _NAME.fullmatch(file.name)
        if match is None:
            raise DataError(
                f"{file}: a scalar that TensorBoard's page downloads, whose name tells no run and tag; "
                "expected run-RUN-tag-TAG.csv, as the page names it"
            )
        metrics.setdefault(match["run"], {})[match["tag"]] = _last(file)
    runs = tuple(
        LoggedRun(name=run, settings={}, metrics=values) for run, values in metrics.items()
    )
    return RunExport(program=DOWNLOAD_PROGRAM, path=path, runs=runs, settings_are_own=False)


def _last(file: Path) -> float:
    """The value of the highest step."""
    points: list[Any]
    if file.suffix.lower() == ".csv":
        points = read_cells(file)[1]
    else:
        try:
            points = json.loads(read_text(file, limit=MOST_BYTES))
        except (ValueError, RecursionError) as error:
            raise DataError(f"{file}: cannot be read as JSON ({error})") from None
    best: tuple[float, float] | None = None
    for number, point in enumerate(points if isinstance(points, list) else [None], start=1):
        cells = [number_of(str(cell)) for cell in point] if isinstance(point, list | tuple) else []
        if len(cells) != 3 or cells[1] is None or cells[2] is None:
            raise DataError(f"{file}: point {number}: expected wall time, step and value")
        if best is None or cells[1] >= best[0]:
            best = (cells[1], cells[2])
    if best is None:
        raise DataError(f"{file}: no point")
    return best[1]
