"""Frames and maps as one picture: nobody should trust a number whose maps they have not seen."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from recordings.answers import Model, depth_of
from recordings.frames import Frame
from thermodepth.files import write_bytes
from thermodepth.inference.view import view_png

WIDTH = 1100  # pixels of a row
OF_A_PART = 4  # frames, evenly spread


def spread(frames: Sequence[Frame], count: int = OF_A_PART) -> list[Frame]:
    """At most so many frames, evenly spread."""
    count = min(count, len(frames))
    return [frames[int((place + 0.5) * len(frames) / count)] for place in range(count)]


def view(model: Model, frame: Frame) -> Image.Image:
    """A row of the sheet: what `predict` draws, or of an RGB model the picture and its structure."""
    if model.predictor is not None:
        sample = frame.sample
        drawn = view_png(
            depth_of(model.predictor, frame), thermal=sample.thermal, unit=sample.thermal_unit
        )
        row = Image.open(io.BytesIO(drawn)).convert("RGB")
    else:
        assert frame.sample.rgb is not None
        structure = model.answer(frame).structure
        pair = np.concatenate([frame.sample.rgb, _coloured(structure)], axis=1)
        row = Image.fromarray(pair)
    height = round(row.height * WIDTH / row.width)
    return row.resize((WIDTH, height), Image.Resampling.LANCZOS)


def _coloured(structure: np.ndarray) -> np.ndarray:
    from matplotlib import colormaps

    far, near = np.percentile(structure, [0.5, 99.5])
    share = (structure - far) / max(near - far, 1e-9)
    return np.asarray(colormaps["magma"](share, bytes=True))[..., :3]


def write_sheet(path: Path, rows: Sequence[Image.Image]) -> None:
    """All rows below one another, as PNG."""
    sheet = Image.new("RGB", (WIDTH, sum(row.height for row in rows)), "white")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    stream = io.BytesIO()
    sheet.save(stream, "PNG", optimize=True)
    write_bytes(path, stream.getvalue())
