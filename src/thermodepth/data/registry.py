"""DATASETS: one row a data set. A new one is a file that opens it and a row here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from thermodepth.data.firestereo import open_firestereo
from thermodepth.data.folder import open_folder
from thermodepth.data.frames import Dataset
from thermodepth.data.mm5 import open_mm5
from thermodepth.data.ms2 import open_ms2
from thermodepth.data.synthetic import open_synthetic
from thermodepth.data.vivid import open_vivid
from thermodepth.errors import DataError, unknown
from thermodepth.extensions.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRow:
    """How a data set is named on the command line, and how it is opened."""

    name: str
    open: Callable[[Path | None], Dataset]
    summary: str


DATASETS: Registry[DatasetRow] = Registry(
    "data set",
    DatasetRow,
    (
        DatasetRow(
            name="synthetic",
            open=open_synthetic,
            summary="the shipped pack of rendered streets and rooms, or your own: synthetic:PATH",
        ),
        DatasetRow(
            name="mm5",
            open=open_mm5,
            summary="MM5, real aligned RGB + thermal + depth table-top frames: mm5:FOLDER",
        ),
        DatasetRow(
            name="ms2",
            open=open_ms2,
            summary="MS2, driving by day, night and rain, RGB from another view: ms2:ROOT",
        ),
        DatasetRow(
            name="vivid_indoor",
            open=partial(open_vivid, part="indoor"),
            summary="ViViD, handheld indoors in light and darkness: vivid_indoor:ROOT",
        ),
        DatasetRow(
            name="vivid_outdoor",
            open=partial(open_vivid, part="outdoor"),
            summary="ViViD, handheld outdoors by day and night: vivid_outdoor:ROOT",
        ),
        DatasetRow(
            name="firestereo",
            open=open_firestereo,
            summary="FIReStereo, forests and houses from a drone's rig, no RGB: firestereo:ROOT",
        ),
        DatasetRow(
            name="folder",
            open=open_folder,
            summary="any tree of files that a short YAML file describes: folder:FILE.yaml",
        ),
    ),
)


def absolute_spec(spec: str) -> str:
    """The same data set, named so that it is found from any folder; what names no path stays as it is."""
    name, colon, path = spec.partition(":")
    if name not in DATASETS or not path:
        return spec
    return f"{name}{colon}{Path(path).expanduser().absolute()}"


def open_dataset(spec: str) -> Dataset:
    """Open `NAME` or `NAME:PATH`.

    Raises:
        DataError: for an unknown name, a missing path or a broken data set.
    """
    name, colon, path = spec.partition(":")
    if name not in DATASETS:
        candidate = Path(spec).expanduser()
        if spec and candidate.exists():
            kind = "ms2" if (candidate / "sync_data").is_dir() else "synthetic"
            raise DataError(
                f"{spec}: is a path; say what it is, such as {kind}:{spec} (known: {', '.join(DATASETS)})"
            )
        raise DataError(unknown("data set", name, DATASETS))
    if colon and not path:
        raise DataError(f"{spec}: expected a path after the colon, or no colon")
    return DATASETS[name].open(Path(path).expanduser() if path else None)
