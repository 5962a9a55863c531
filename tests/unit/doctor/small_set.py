"""A small clean set in MM5's layout, drawn from numbers, and what the tests of this room ask of a report."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from thermodepth.doctor import Finding, Report, Severity
from thermodepth.files import encode_png

Diagnose = Callable[..., dict[str, Finding]]

FRAMES = 60  # 40 train, 20 val, in blocks of 20
ROWS, COLUMNS = 48, 64
A_RECORDING = 5  # frames


def scene(number: int, size: tuple[int, int] = (ROWS, COLUMNS)) -> dict[str, NDArray[np.generic]]:
    """Thermal (1/64 K), depth (mm, 0.5 to 1.4 m) and RGB of a place of its own, with noise."""
    rng = np.random.default_rng(number)

    def patches(channels: int) -> NDArray[np.float32]:
        coarse = rng.random((6, 8, channels)).astype(np.float32)
        return cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_NEAREST).reshape(*size, -1)

    thermal = 18900 + 900 * patches(1)[..., 0] + rng.normal(0, 4, size)
    depth = 500 + 900 * patches(1)[..., 0] + rng.normal(0, 2, size)
    depth[rng.random(size) < 0.1] = 0
    rgb = 40 + 150 * patches(3) + rng.normal(0, 3, (*size, 3))
    return {
        "Thermal": thermal.round().astype(np.uint16),
        "Depth": depth.round().astype(np.uint16),
        "RGB": rgb.round().astype(np.uint8),
    }


def write_frame(root: Path, number: int, bands: dict[str, NDArray[np.generic]]) -> None:
    for band, picture in bands.items():
        folder = root / band
        folder.mkdir(parents=True, exist_ok=True)
        if band == "RGB":
            stream = io.BytesIO()
            Image.fromarray(picture).save(stream, "JPEG", quality=95)
            (folder / f"{number}.jpg").write_bytes(stream.getvalue())
        else:
            (folder / f"{number}.png").write_bytes(encode_png(picture))


def harmful(report: Report) -> dict[str, Finding]:
    findings = [one for one in report.findings if one.severity is not Severity.NOTE]
    by_check = {one.check: one for one in findings}
    assert len(by_check) == len(findings), [one.title for one in findings]
    return by_check
