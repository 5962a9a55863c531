"""What the page says of one frame: the files of `predict`, and three numbers in metres. Knows no web."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from thermodepth.errors import DataError, SettingsError
from thermodepth.inference.lens import Lens
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One predicted frame, on disk and in numbers."""

    view: Path  # thermal | structure | metric depth, PNG
    depth: Path  # 16-bit PNG, metres*256
    structure: Path  # 16-bit PNG, larger = nearer
    median_m: float
    near_m: float  # 5 % of the pixels are nearer; like the other two, sky is left out
    far_m: float  # 5 % of the pixels are further
    size: tuple[int, int]  # rows, columns
    unit: ThermalUnit
    assumed_deg: float | None = None  # the training's field of view, where nobody knows the lens


def answer(
    upload: Path, predictor: Predictor, folder: Path, *, fov_deg: float | None = None
) -> Answer:
    """Predict an uploaded frame.

    Args:
        upload: PNG, TIFF, JPEG, BMP, PFM, NPY or a radiometric JPEG, known by its content.
        predictor: the loaded model.
        folder: where the files are written.
        fov_deg: what the frame's columns see, degrees; None: what the file states, or the training's.

    Raises:
        DataError: for a file that is not one thermal frame; it names the file, not the server's folder.
        SettingsError: for a unit that the model's normaliser cannot read, or a lens that cannot be.
        WeightsError: for a model whose maps are no numbers.
    """
    lens = Lens.from_options(fov_deg=fov_deg)
    try:
        raw, unit = read_thermal(upload)
    except DataError as error:
        raise DataError(str(error).removeprefix(f"{upload.parent}{os.sep}")) from None
    rows, columns = raw.shape
    try:
        lens = lens or predictor.stated_lens(upload)
        result = predictor.predict([raw], unit=unit, lens=lens)[0]
    except DataError as error:
        raise DataError(f"{upload.name}: {error}") from None
    depth, structure, *_, view = write_depth(  # of models that tell sky, its file lies between
        folder, upload.stem, result, thermal=raw, unit=unit, depth_format="png", view=True
    )
    training = predictor.model.recipe.lens
    assumed = training is not None and lens is None and predictor.lens is None
    near, median, far = (float(q) for q in np.percentile(result.solid_m, [5, 50, 95]))
    return Answer(
        view=view,
        depth=depth,
        structure=structure,
        median_m=median,
        near_m=near,
        far_m=far,
        size=(rows, columns),
        unit=unit,
        assumed_deg=training.field_of_view_deg if training is not None and assumed else None,
    )


def typed_degrees(typed: str | float | None) -> float | None:
    """What stands in the field of the lens; None where it is empty.

    Raises:
        SettingsError: for what is no number.
    """
    text = "" if typed is None else str(typed).strip()
    try:
        return float(text) if text else None
    except ValueError:
        raise SettingsError(
            f"field of view {text[:40]!r}: expected degrees across the frame, such as 45"
        ) from None


def markdown(said: Answer) -> str:
    """The numbers for people, and the note that 8-bit pictures get."""
    rows, columns = said.size
    text = (
        f"### Median depth {said.median_m:.2f} m\n"
        f"5 to 95 %: {said.near_m:.2f} to {said.far_m:.2f} m. Frame: {columns}x{rows}, "
        f"{UNIT_WORDS[said.unit]}."
    )
    if said.assumed_deg is not None:
        text += (
            f" The lens is not known: the training's {said.assumed_deg:.0f} degrees are assumed, and with "
            "another all metres are off by one factor."
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
