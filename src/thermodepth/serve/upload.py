"""What the page shows of one frame: the files of `predict`, and a few numbers. Knows no web."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from thermodepth.errors import DataError, SettingsError
from thermodepth.files import write_bytes
from thermodepth.inference.depth import Depth
from thermodepth.inference.error_view import error_png
from thermodepth.inference.lens import Lens
from thermodepth.inference.predictor import Predictor
from thermodepth.outputs import FORMATS, VIEW, write_frame
from thermodepth.outputs.registry import frame_rows
from thermodepth.thermal import read_thermal
from thermodepth.types import ThermalUnit

UNIT_WORDS = {
    ThermalUnit.COUNTS: "raw counts",
    ThermalUnit.KELVIN: "kelvin",
    ThermalUnit.DISPLAY: "an 8-bit picture after the camera's gain control",
}
#: What is written of an upload, by the rows of OUTPUTS.
FILES = (*FORMATS["png"], VIEW)
DISPLAY_NOTE = "Raw 14/16-bit counts keep more and are what the model was trained on."


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameResult:
    """One predicted frame, on disk and in numbers. What a model does not tell is None."""

    view: Path  # thermal | structure | metric depth, PNG
    depth: Path  # 16-bit PNG, metres*256
    structure: Path  # 16-bit PNG, larger = nearer
    median_m: float
    near_m: float  # 5 % of the pixels are nearer; like the other two, sky is left out
    far_m: float  # 5 % of the pixels are further
    size: tuple[int, int]  # rows, columns
    unit: ThermalUnit
    assumed_deg: float | None = None  # the training's field of view, where nobody knows the lens
    sky: Path | None = None  # 8-bit PNG, 255 = sky
    sky_share: float | None = None  # of the pixels
    error_view: Path | None = None  # the expected relative error for people, PNG: darker = worse
    error: Path | None = None  # 16-bit PNG, thousandths of the depth, larger = worse
    median_error: float | None = None  # of the expected relative errors, sky left out


def predict_upload(
    upload: Path, predictor: Predictor, folder: Path, *, fov_deg: float | None = None
) -> FrameResult:
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
    files = write_frame(folder, upload.stem, result, frame_rows(FILES))
    near, median, far = (float(q) for q in np.percentile(result.solid_m, [5, 50, 95]))
    assumed = result.lens is not None and result.lens.assumed
    return FrameResult(
        view=files["view.png"],
        depth=files["depth.png"],
        structure=files["structure.png"],
        median_m=median,
        near_m=near,
        far_m=far,
        size=(rows, columns),
        unit=unit,
        assumed_deg=predictor.facts.view_deg if assumed else None,
        sky=files.get("sky.png"),
        sky_share=None if result.sky is None else float(result.sky.mean()),
        error_view=_write_error_view(files.get("relative_error.png"), result),
        error=files.get("relative_error.png"),
        median_error=_median_error(result),
    )


def _write_error_view(error: Path | None, result: Depth) -> Path | None:
    """Beside the file of the numbers."""
    if error is None:
        return None
    path = error.with_name(error.name.replace("_relative_error.png", "_error_view.png"))
    write_bytes(path, error_png(result))
    return path


def _median_error(result: Depth) -> float | None:
    if result.relative_error is None or not result.has_depth.any():
        return None
    return float(np.median(result.relative_error[result.has_depth]))


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


def markdown(result: FrameResult) -> str:
    """The numbers for people, and the note that 8-bit pictures get."""
    rows, columns = result.size
    text = (
        f"### Median depth {result.median_m:.2f} m\n"
        f"5 to 95 %: {result.near_m:.2f} to {result.far_m:.2f} m. Frame: {columns}x{rows}, "
        f"{UNIT_WORDS[result.unit]}."
    )
    if result.sky_share:
        text += f" Sky: {result.sky_share:.0%} of the frame, left out of these numbers."
    if result.median_error is not None:
        factor = 1 + result.median_error
        text += (
            f"\n\n**Expected relative error {result.median_error:.0%}** (median; the larger, the worse): "
            f"at such a pixel the true distance is expected at {1 / factor:.2f} to {factor:.2f} times the "
            "depth, which is right for 68 % of the pixels of scenes like those it was calibrated on."
        )
    if result.assumed_deg is not None:
        text += (
            f"\n\nThe lens is not known: the training's {result.assumed_deg:.0f} degrees are assumed, and "
            "with another all metres are off by one factor."
        )
    return f"{text}\n\n{DISPLAY_NOTE}" if result.unit is ThermalUnit.DISPLAY else text


def numbers_of(result: FrameResult) -> dict[str, float | int | str]:
    """The numbers for programs, by name; what the model does not tell is not among them."""
    numbers: dict[str, float | int | str] = {
        "median_m": round(result.median_m, 4),
        "near_m": round(result.near_m, 4),
        "far_m": round(result.far_m, 4),
        "rows": result.size[0],
        "columns": result.size[1],
        "unit": result.unit.value,
    }
    if result.sky_share is not None:
        numbers["sky_share"] = round(result.sky_share, 4)
    if result.median_error is not None:
        numbers["median_relative_error"] = round(result.median_error, 4)
    return numbers
