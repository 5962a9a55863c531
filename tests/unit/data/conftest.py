"""Frames and folders that the tests of this room share, made by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from thermodepth.files import encode_png, write_bytes
from thermodepth.synthetic.rendering.frame import Frame
from thermodepth.types import Geometry, Sample, ThermalUnit

MakeSample = Callable[..., Sample]
WriteMM5 = Callable[..., Path]


@pytest.fixture
def make_sample() -> MakeSample:
    """`make_sample(size, **changes)`: every map is filled, a tenth of depth and label are holes."""

    def make(size: tuple[int, int] = (12, 16), *, seed: int = 0, **changes: Any) -> Sample:
        rng = np.random.default_rng(seed)
        depth_m = rng.uniform(1, 20, size).astype(np.float32)
        label = rng.uniform(-1, 1, size).astype(np.float32)
        for holed in (depth_m, label):
            holed[rng.random(size) < 0.1] = np.nan
        fields: dict[str, Any] = {
            "sample_id": f"frame-{seed}",
            "thermal": rng.integers(7000, 8000, size, dtype=np.uint16),
            "thermal_unit": ThermalUnit.COUNTS,
            "intrinsics": np.array([[15, 0, 7.5], [0, 15, 6.2], [0, 0, 1]], np.float32),
            "depth_m": depth_m,
            "rgb": rng.integers(0, 256, (*size, 3), dtype=np.uint8),
            "label": label,
            "label_geometry": Geometry.AFFINE_INVERSE,
        }
        return Sample(**{**fields, **changes})

    return make


@pytest.fixture
def write_mm5(tmp_path: Path) -> WriteMM5:
    """`write_mm5(numbers, names=..., ...)`: a small MM5 folder; frame n holds 19000 + n and 800 + n."""

    def write(
        numbers: range | list[int],
        *,
        names: tuple[str, str, str] = ("RGB", "Thermal", "Depth"),
        file_names: tuple[str, str, str] = ("{}.jpg", "{}.png", "{}.png"),
        size: tuple[int, int] = (12, 16),
    ) -> Path:
        root = tmp_path / "mm5"
        row = np.arange(size[1], dtype=np.uint16)
        for number in numbers:
            rgb, thermal, depth = (
                root / folder / name.format(number)
                for folder, name in zip(names, file_names, strict=True)
            )
            millimetres = np.tile(row + np.uint16(800 + number), (size[0], 1))
            millimetres[0] = 0  # a row of holes
            kelvin_64 = np.tile(row + np.uint16(19000 + number), (size[0], 1))
            write_bytes(thermal, encode_png(kelvin_64))
            write_bytes(depth, encode_png(millimetres))
            rgb.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((*size, 3), (200, number % 256, 30), np.uint8)).save(rgb)
        return root

    return write


@pytest.fixture
def made_frame() -> Callable[..., Frame]:
    """`made_frame(number)`: a synthetic frame of 12 x 8 pixels without any rendering."""

    def make(number: int, *, suffix: str = "", kelvin: float | None = None) -> Frame:
        rng = np.random.default_rng(number)
        depth_m = rng.uniform(1, 70, (8, 12)).astype(np.float32)
        depth_m[0, :3] = np.nan
        warm = rng.uniform(270, 310, (8, 12)) if kelvin is None else np.full((8, 12), kelvin)
        return Frame(
            frame_id=f"street-day-{number:07d}{suffix}",
            kind="street",
            condition="day",
            seed=number,
            rgb=np.full((8, 12, 3), (200, 120, 40), np.uint8),
            apparent_temperature_k=warm.astype(np.float32),
            depth_m=depth_m,
            intrinsics=np.array([[10.4, 0, 6], [0, 10.4, 4], [0, 0, 1]], np.float32),
        )

    return make
