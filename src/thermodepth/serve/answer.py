"""What the page says of one frame: the files of `predict`, and three numbers in metres. Knows no web."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from thermodepth.errors import DataError, DependencyError
from thermodepth.inference.outputs import write_depth
from thermodepth.inference.predictor import Predictor
from thermodepth.thermal import read_thermal
from thermodepth.types import ThermalUnit

UNIT_WORDS = {
    ThermalUnit.COUNTS: "raw counts",
    ThermalUnit.KELVIN: "kelvin",
    ThermalUnit.DISPLAY: "an 8-bit picture after the camera's gain control",
}
DISPLAY_NOTE = "Raw 14/16-bit counts keep more and are what the model was trained on."

#: Beyond this the picture for people is a thread, and the network's input grows with the long side.
LONGEST_TO_SHORTEST = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One predicted frame, on disk and in numbers."""

    view: Path  # thermal | structure | metric depth, PNG
    depth: Path  # 16-bit PNG, metres*256
    structure: Path  # 16-bit PNG, larger = nearer
    median_m: float
    near_m: float  # 5 % of the pixels are nearer
    far_m: float  # 5 % of the pixels are further
    size: tuple[int, int]  # rows, columns
    unit: ThermalUnit


def answer(upload: Path, predictor: Predictor, folder: Path) -> Answer:
    """Predict an uploaded frame.

    Args:
        upload: PNG, TIFF, JPEG, BMP, NPY or FLIR's radiometric JPEG, known by its content.
        predictor: the loaded model.
        folder: where the three files are written.

    Raises:
        DataError: for a file that is not one thermal frame; it names the file, not the server's folder.
        DependencyError: for a radiometric JPEG without the package that reads it.
        SettingsError: for a unit that the model's normaliser cannot read.
    """
    try:
        raw, unit = read_thermal(upload)
    except (DataError, DependencyError) as error:
        raise type(error)(str(error).removeprefix(f"{upload.parent}{os.sep}")) from None
    rows, columns = raw.shape
    if max(rows, columns) > LONGEST_TO_SHORTEST * min(rows, columns):
        raise DataError(f"{upload.name}: {columns}x{rows} pixels is a strip, not a camera's frame")
    result = predictor.predict([raw], unit=unit)[0]
    depth, structure, view = write_depth(
        folder, upload.stem, result, thermal=raw, unit=unit, depth_format="png", view=True
    )
    near, median, far = (float(q) for q in np.percentile(result.depth_m, [5, 50, 95]))
    return Answer(
        view=view,
        depth=depth,
        structure=structure,
        median_m=median,
        near_m=near,
        far_m=far,
        size=(rows, columns),
        unit=unit,
    )


def markdown(said: Answer) -> str:
    """The numbers for people, and the note that 8-bit pictures get."""
    rows, columns = said.size
    text = (
        f"### Median depth {said.median_m:.2f} m\n"
        f"5 to 95 %: {said.near_m:.2f} to {said.far_m:.2f} m. Frame: {columns}x{rows}, "
        f"{UNIT_WORDS[said.unit]}."
    )
    return f"{text} {DISPLAY_NOTE}" if said.unit is ThermalUnit.DISPLAY else text


def numbers_of(result: Answer) -> dict[str, float | int | str]:
    """The numbers for programs, by name."""
    return {
        "median_m": round(result.median_m, 4),
        "near_m": round(result.near_m, 4),
        "far_m": round(result.far_m, 4),
        "rows": result.size[0],
        "columns": result.size[1],
        "unit": result.unit.value,
    }
