"""Thermal frames without truth, each with what another network makes of the same view: to watch a model by.

    FOLDER/thermal/NAME.png      a thermal frame of any kind that `read_thermal` reads
    FOLDER/reference/NAME.png    inverse depth up to factor and offset, larger is nearer, of any size
    FOLDER/rgb/NAME.jpg          the same view in RGB; may be absent

`FOLDER?fov=DEGREES` says what the frames see across; without it their lens is not known. A reference is no
truth: only ranks of it are compared (`metrics.rank_agreement`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.camera import focal_of_view, pinhole
from thermodepth.data.listing import decimal_between, first_names, split_options
from thermodepth.errors import DataError
from thermodepth.files import pictures_in, read_raster
from thermodepth.thermal import read_thermal
from thermodepth.types import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_FRAMES = 1000  # they are held in memory
_LEAST_SIDE = 16  # of a reference: fewer rows or columns have no ranks to speak of


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReferenceFrame:
    """A frame and what it is compared with."""

    sample: Sample
    reference: NDArray[
        np.float64
    ]  # [h' w'] inverse depth up to factor and offset, larger is nearer


def read_reference_frames(path: Path, *, with_rgb: bool = False) -> list[ReferenceFrame]:
    """The frames of `FOLDER` or `FOLDER?fov=DEGREES`, in the order of their names.

    Raises:
        DataError: for a folder without frames, frames and references that do not pair up, more than 1000
            frames, a file that is no such picture, or an option that cannot be.
    """
    root, options = split_options(path, ("fov",))
    fov_deg = decimal_between(options, "fov", default=float("nan"), low=1.0, high=170.0)
    bands = ["thermal", "reference", *(["rgb"] if with_rgb else [])]
    files = {band: _by_name(root / band) for band in bands}
    names = list(files["thermal"])
    if not names:
        raise DataError(f"{root / 'thermal'}: no frames; expected pictures such as 0001.png")
    if len(names) > MOST_FRAMES:
        raise DataError(f"{root}: {len(names)} frames; at most {MOST_FRAMES} are held")
    for band in bands[1:]:
        if lonely := sorted(set(names) ^ set(files[band])):
            raise DataError(
                f"{root}: in only one of thermal and {band}: {first_names(lonely, room=3)}; each thermal "
                "frame has one of the same name"
            )
    return [_read({band: files[band][name] for band in bands}, fov_deg) for name in names]


def _by_name(folder: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in pictures_in(folder):
        earlier = files.setdefault(path.stem, path)
        if earlier is not path:
            raise DataError(f"{folder}: {earlier.name} and {path.name} have one name; keep one")
    return files


def _read(files: dict[str, Path], fov_deg: float) -> ReferenceFrame:
    thermal, unit = read_thermal(files["thermal"])
    height, width = thermal.shape
    reference = read_raster(files["reference"])
    if reference.ndim != 2 or min(reference.shape) < _LEAST_SIDE:
        raise DataError(
            f"{files['reference']}: {list(reference.shape)}, expected one band [h w] of at least "
            f"{_LEAST_SIDE} pixels each way"
        )
    focal_px = focal_of_view(fov_deg, width)
    sample = Sample(
        sample_id=files["thermal"].stem,
        thermal=thermal,
        thermal_unit=unit,
        intrinsics=pinhole(focal_px, width, height),
        rgb=read_raster(files["rgb"]) if "rgb" in files else None,
    )
    return ReferenceFrame(sample=sample, reference=reference.astype(np.float64))
