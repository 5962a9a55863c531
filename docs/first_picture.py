"""The picture on top of the README: `make pictures`.

Two test frames of the shipped pack, chosen by rule: among the streets by night, and among the lit rooms,
the frame whose AbsRel under the shipped model is the median one.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

import thermodepth
from thermodepth.data import open_dataset
from thermodepth.evaluation.protocols.protocol import named_protocol
from thermodepth.inference.view import view_png

TARGET = Path(__file__).resolve().parent / "pictures" / "first.png"
CONDITIONS = ("street-night", "room-lit")


def main() -> None:
    """Write the picture and say what it shows."""
    predictor = thermodepth.load()
    frames = open_dataset("synthetic").split("test")
    protocol = named_protocol("synthetic")
    rows = []
    for condition in CONDITIONS:
        found = []
        for index in range(len(frames.sample_ids)):
            sample = frames.read(index)
            if sample.condition != condition or sample.depth_m is None:
                continue
            result = predictor.predict(
                [sample.thermal], unit=sample.thermal_unit, lens=[sample.focal_px]
            )[0]
            scored = protocol.scored(sample.depth_m)
            error = np.abs(result.depth_m - sample.depth_m)[scored] / sample.depth_m[scored]
            found.append((float(error.mean()), sample, result))
        error, sample, result = sorted(found, key=lambda entry: entry[0])[len(found) // 2]
        print(f"{sample.sample_id}: AbsRel {error:.3f}, the median of {len(found)} frames")
        view = view_png(result, thermal=sample.thermal, unit=sample.thermal_unit)
        rows.append(Image.open(io.BytesIO(view)).convert("RGB"))
    width = max(row.width for row in rows)
    sheet = Image.new("RGB", (width, sum(row.height for row in rows)), "white")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    TARGET.parent.mkdir(exist_ok=True)
    sheet.save(TARGET, optimize=True)


if __name__ == "__main__":
    main()
