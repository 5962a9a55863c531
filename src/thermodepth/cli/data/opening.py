"""Data as the commands of this room take it: a spec as everywhere, or the bare path of rendered frames."""

from __future__ import annotations

from pathlib import Path

from thermodepth.data import DATASETS, Dataset, open_dataset
from thermodepth.errors import DataError, nearest


def open_any(data: str) -> Dataset:
    """A spec as everywhere, or the bare path of rendered frames."""
    path = Path(data).expanduser()
    if data.partition(":")[0] in DATASETS:
        return open_dataset(data)
    if path.exists():
        return open_dataset(f"synthetic:{data}")
    if path.suffix or len(path.parts) > 1:
        raise DataError(f"{data}: no such file or folder, and no data set of that name")
    raise DataError(
        f"unknown data set '{data}'{nearest(data, DATASETS)} (known: {', '.join(sorted(DATASETS))}, "
        "or the path of a rendered folder or .zip)"
    )
