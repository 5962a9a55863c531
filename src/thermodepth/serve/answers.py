"""A result as what is sent: any file that `predict` writes, numbers as JSON, all maps at once."""

from __future__ import annotations

import json
import struct
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, Field

from thermodepth.errors import DependencyError
from thermodepth.files import encode_png, read_bytes
from thermodepth.inference.view import thermal_picture
from thermodepth.outputs import OUTPUTS, FrameOutput, write_frame
from thermodepth.outputs.registry import frame_rows
from thermodepth.serve.refusals import RefusedError
from thermodepth.sources.source import safe_label

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from thermodepth.inference.depth import Depth
    from thermodepth.inference.frame_predictor import FramePredictor
    from thermodepth.sources import SourceFrame

NUMBERS, MAPS, THERMAL = "numbers.json", "maps.safetensors", "thermal.png"
_OWN = {
    NUMBERS: "numbers of the frame, its lens and its model",
    MAPS: "depth_m, structure, thermal and, of models that tell, sky, relative_error, relative_error_90: all "
    "maps in one safetensors file, whose metadata has numbers.json under `numbers`",
    THERMAL: "the thermal frame, 8 bit, hot = bright",
}
MEDIA_TYPES = {
    ".png": "image/png",
    ".json": "application/json",
    ".npy": "application/octet-stream",
    ".safetensors": "application/octet-stream",
    ".tiff": "image/tiff",
    ".exr": "image/x-exr",
    ".ply": "application/octet-stream",
    ".pcd": "application/octet-stream",
}
#: Of one answer; a frame of the largest size as PLY.
_MOST_BYTES = 1_000_000_000


class LensNumbers(BaseModel):
    """The lens that the metres hold for."""

    fov_deg: float = Field(description="Across the frame, degrees.")
    fx: float = Field(
        description="Pixels of the frame, as are fy, cx and cy; its corner is at (0, 0)."
    )
    fy: float
    cx: float
    cy: float
    source: Literal["request", "file", "model", "assumed"] = Field(
        description="Who states it: the request, the file, whoever started the server, or nobody: then that "
        "of the model's training is assumed, and with another all metres are off by one factor."
    )


class Numbers(BaseModel):
    """What there is to say of a frame in numbers."""

    name: str
    frame: int = Field(description="Its number in the file, from 0.")
    time_s: float | None = Field(description="Of the recording's own clock, where it has one.")
    rows: int
    columns: int
    unit: Literal["counts", "kelvin", "display"] = Field(
        description="What the values of the thermal frame mean; `display` is 8 bits after gain control."
    )
    near_m: float = Field(description="5 % of the pixels that are not sky are nearer.")
    median_m: float
    far_m: float = Field(description="95 % of the pixels that are not sky are nearer.")
    sky_share: float | None = Field(description="Of the frame; null: the model does not tell.")
    median_relative_error: float | None = Field(
        description="Expected at 68 % of the pixels, as a share of the depth; null: the model does not tell."
    )
    lens: LensNumbers | None = Field(
        description="null: nobody states one, and the model needs none."
    )
    scale_calibration: str | None = Field(description="What made the metres of the model's own.")
    model: str
    notes: list[str] = Field(description="What to keep in mind about these numbers, as sentences.")


def output_names() -> dict[str, str]:
    """Name -> summary of everything that a frame may be asked for as."""
    rows = {row.name: row.summary for row in OUTPUTS.values() if isinstance(row, FrameOutput)}
    return {**_OWN, **rows}


def check_output(name: str) -> None:
    """
    Raises:
        RefusedError: 404 for a name that is none, or one whose package is not installed.
    """
    names = output_names()
    if name not in names:
        raise RefusedError(404, f"no output of that name; there are {', '.join(sorted(names))}")
    if name not in _OWN:
        try:
            frame_rows([name])
        except DependencyError as error:
            raise RefusedError(404, str(error)) from None


def media_type(name: str) -> str:
    """Of an output."""
    return MEDIA_TYPES[Path(name).suffix]


def numbers_of(
    result: Depth, frame: SourceFrame, predictor: FramePredictor, *, fov_deg: float | None
) -> Numbers:
    """The numbers of a result.

    Args:
        result: of this frame.
        frame: what was predicted.
        predictor: by which.
        fov_deg: as the request had it.
    """
    near, median, far = (float(q) for q in np.percentile(result.solid_m, [5, 50, 95]))
    rows, columns = result.depth_m.shape
    lens = _lens_numbers(result, stated=fov_deg is not None, in_file=frame.intrinsics is not None)
    calibration = result.scale_calibration
    return Numbers(
        name=frame.origin,
        frame=frame.index,
        time_s=frame.time_s,
        rows=rows,
        columns=columns,
        unit=frame.unit.value,
        near_m=round(near, 4),
        median_m=round(median, 4),
        far_m=round(far, 4),
        sky_share=None if result.sky is None else round(float(result.sky.mean()), 4),
        median_relative_error=_median_error(result),
        lens=lens,
        scale_calibration=None if calibration is None else str(calibration),
        model=predictor.name,
        notes=_notes(frame, lens, knows_lens=predictor.knows_lens),
    )


def _lens_numbers(result: Depth, *, stated: bool, in_file: bool) -> LensNumbers | None:
    lens = result.lens
    if lens is None:
        return None
    matrix = lens.intrinsics
    stating = "request" if stated else "file" if in_file else "model"
    return LensNumbers(
        fov_deg=round(lens.view_deg(result.depth_m.shape[1]), 3),
        fx=float(matrix[0, 0]),
        fy=float(matrix[1, 1]),
        cx=float(matrix[0, 2]),
        cy=float(matrix[1, 2]),
        source="assumed" if lens.assumed else stating,
    )


def _median_error(result: Depth) -> float | None:
    if result.relative_error is None or not result.has_depth.any():
        return None
    return round(float(np.median(result.relative_error[result.has_depth])), 4)


def _notes(frame: SourceFrame, lens: LensNumbers | None, *, knows_lens: bool) -> list[str]:
    notes = []
    if lens is not None and lens.source == "assumed":
        notes.append(
            f"The lens is not known: {lens.fov_deg:.0f} degrees across are assumed, as in the model's "
            "training; with another lens all metres are off by one factor."
        )
    if not knows_lens:
        notes.append("This model is not told the lens: its metres hold for that of its training.")
    if frame.unit.value == "display":
        notes.append(
            "An 8-bit picture after the camera's gain control: raw 14/16-bit counts keep more, and are what "
            "the model was trained on."
        )
    return notes


def output_bytes(result: Depth, name: str, numbers: Numbers, folder: Path) -> bytes:
    """One output of a result.

    Args:
        result: the maps.
        name: of `output_names`.
        numbers: of the same result.
        folder: of this server, for a file in between.

    Raises:
        RefusedError: 404 for what this model does not tell, or takes a package that is not installed.
        SettingsError: for points without a lens.
    """
    if name == NUMBERS:
        return numbers.model_dump_json().encode()
    if name == MAPS:
        return maps_bytes(result, numbers)
    if name == THERMAL:
        assert result.thermal is not None
        assert result.thermal_unit is not None
        return encode_png(thermal_picture(result.thermal, result.thermal_unit)[..., 0])
    (row,) = frame_rows([name])
    if not row.has(result):
        raise RefusedError(404, f"{name}: the model of this server does not tell it")
    with tempfile.TemporaryDirectory(dir=folder) as inner:
        try:
            paths = write_frame(Path(inner), "frame", result, [row])
        except ModuleNotFoundError as error:  # of an installation without torch and its like
            text = f"{name}: takes the package {error.name}, which this server lacks"
            raise RefusedError(404, text) from None
        return read_bytes(paths[name], limit=_MOST_BYTES)


def maps_bytes(result: Depth, numbers: Numbers) -> bytes:
    """All maps as a safetensors file: the length of a header of JSON, the header, the values.

    Source: the format's own description, https://github.com/huggingface/safetensors.
    """
    assert result.thermal is not None
    maps: dict[str, NDArray[Any]] = {"depth_m": result.depth_m, "structure": result.structure}
    if result.relative_error is not None and result.relative_error_90 is not None:
        maps |= {
            "relative_error": result.relative_error,
            "relative_error_90": result.relative_error_90,
        }
    if result.lens is not None and result.lens.distortion is not None:
        maps["rays"] = result.lens.rays((numbers.rows, numbers.columns))
    maps["thermal"] = result.thermal
    if result.sky is not None:
        maps["sky"] = result.sky
    # Wide values first, so that all are aligned.
    maps = dict(sorted(maps.items(), key=lambda item: -item[1].dtype.itemsize))
    header: dict[str, Any] = {"__metadata__": {"numbers": numbers.model_dump_json()}}
    values = b""
    end = 0
    pieces = []
    for name, array in maps.items():
        values = np.ascontiguousarray(array).tobytes()
        header[name] = {
            "dtype": _TENSOR_TYPES[array.dtype.str[1:]],
            "shape": list(array.shape),
            "data_offsets": [end, end + len(values)],
        }
        end += len(values)
        pieces.append(values)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([struct.pack("<Q", len(text)), text, *pieces])


_TENSOR_TYPES = {"f4": "F32", "u2": "U16", "u1": "U8", "b1": "BOOL"}


def download_name(name: str, output: str, frame: int, frames: int) -> str:
    """What a browser calls an output that it saves: `clip_0012_depth.png`."""
    stem = safe_label(Path(name).stem)[:60]
    number = f"_{frame:04d}" if frames > 1 else ""
    return f"{stem}{number}_{output}"
