"""The picture on top of the README: `make pictures DATA=FOLDER`.

Two test frames of the shipped pack, chosen by rule: among the streets by night, and among the lit rooms,
the frame whose AbsRel under the shipped model is the median one. Above them real frames that no training saw,
where FOLDER has them: the only one of MS2's demo and the first of Fieldscale's video (both MIT).
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import thermodepth
from thermodepth.data import open_dataset
from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.files import read_raster
from thermodepth.inference.frame_predictor import FramePredictor
from thermodepth.inference.predictor import Depth
from thermodepth.inference.view import view_png
from thermodepth.types import ThermalUnit

TARGET = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "first.png"
CONDITIONS = ("street-night", "room-lit")
#: Pattern of a frame and degrees across it: of MS2 by its calibration, of Fieldscale as benchmarks take it.
REAL = (("ms2/sync_data/*/thr/img_left/000011.png", 79.1), ("video/*.tiff", 45.0))
COLUMNS = 1100  # of the sheet


def main(arguments: list[str]) -> None:
    """Write the picture and say what it shows."""
    predictor = thermodepth.load()
    views = [*real_views(predictor, Path(arguments[0]))] if arguments else []
    views += rendered_views(predictor)
    rows = [
        row.resize((COLUMNS, round(row.height * COLUMNS / row.width)), Image.Resampling.LANCZOS)
        for row in views
    ]
    sheet = Image.new("RGB", (COLUMNS, sum(row.height for row in rows)), "white")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    TARGET.parent.mkdir(exist_ok=True)
    sheet.save(TARGET, optimize=True)


def real_views(predictor: FramePredictor, folder: Path) -> Iterator[Image.Image]:
    """One of each recording."""
    for pattern, fov_deg in REAL:
        path = min(folder.glob(pattern))
        frame = read_raster(path)
        result = predictor(frame, fov_deg=fov_deg)
        print(f"{path.name}: median {float(np.median(result.depth_m)):.1f} m")
        yield picture(result, frame, ThermalUnit.COUNTS)


def rendered_views(predictor: FramePredictor) -> Iterator[Image.Image]:
    """The median frame of each condition."""
    frames = open_dataset("synthetic").split("test")
    protocol = named_protocol("synthetic")
    for condition in CONDITIONS:
        entries = []
        for index in range(len(frames.sample_ids)):
            sample = frames.read(index)
            if sample.condition != condition or sample.depth_m is None:
                continue
            (result,) = predictor.predict(
                [sample.thermal], unit=sample.thermal_unit, lens=[sample.focal_px]
            )
            scored = protocol.scored(sample.depth_m)
            error = np.abs(result.depth_m - sample.depth_m)[scored] / sample.depth_m[scored]
            entries.append((float(error.mean()), sample, result))
        error, sample, result = sorted(entries, key=lambda entry: entry[0])[len(entries) // 2]
        print(f"{sample.sample_id}: AbsRel {error:.3f}, the median of {len(entries)} frames")
        yield picture(result, sample.thermal, sample.thermal_unit)


def picture(result: Depth, thermal: NDArray[np.generic], unit: ThermalUnit) -> Image.Image:
    """One row of the sheet."""
    view = view_png(result, thermal=thermal, unit=unit)
    return Image.open(io.BytesIO(view)).convert("RGB")


if __name__ == "__main__":
    main(sys.argv[1:])
