"""One row of every kind but a loss term, each as small as it can be: a start for your own."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from thermodepth.data import Dataset
from thermodepth.data.registry import DatasetRow
from thermodepth.metrics import ErrorRow, MapFamily, Measured, MetricRow, PixelErrors, TruthMap
from thermodepth.model.encoders import EncoderRow
from thermodepth.teacher.interface import fingerprint_of, rgb_of
from thermodepth.teacher.registry import TeacherRow
from thermodepth.thermal.normalisers import Normaliser
from thermodepth.types import Geometry, Sample, ThermalUnit

# --- a metric over pixels, and one that looks at the map as a picture -----------------------------


def log_mae(errors: PixelErrors) -> np.ndarray:
    """`[k]`: one value per group of pixels."""
    return errors.mean(np.abs(errors.log_ratio))


def measure_tilt(prediction_m: np.ndarray, truth: TruthMap) -> dict[str, Measured]:
    """How much more the upper half is too far than the lower one, in ln units."""
    half = truth.valid.shape[0] // 2
    upper, lower = truth.valid.copy(), truth.valid.copy()
    upper[half:], lower[:half] = False, False
    if not upper.any() or not lower.any():
        return {}  # not measurable: no row is written
    ratio = np.log(prediction_m[truth.valid] / truth.depth_m[truth.valid])
    tilt = abs(float(ratio[upper[truth.valid]].mean() - ratio[lower[truth.valid]].mean()))
    return {"tilt": Measured(tilt, int(truth.valid.sum()))}


# --- a data set ----------------------------------------------------------------------------------

SIZE = (64, 80)


class Ramps:
    """Frames of one split: a floor that rises, warm and cold by turns, drawn from their number."""

    noise_is_drawn = False

    def __init__(self, split: str) -> None:
        self.split = split
        self.sample_ids = [f"{split}-{number}" for number in range(4)]

    def read(self, index: int, *, draw: int = 0, with_rgb: bool = True) -> Sample:
        del draw  # of noise that is drawn anew; this one is not
        rng = np.random.default_rng([index, len(self.split), ord(self.split[1])])
        ramp = np.linspace(0, 1, SIZE[0])[:, None] * np.ones(SIZE[1]) + 0.02 * rng.normal(size=SIZE)
        depth_m = (40.0 * np.exp(-2.5 * ramp)).astype(np.float32)
        depth_m[:4] = np.nan  # sky
        rgb = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8) if with_rgb else None
        return Sample(
            sample_id=self.sample_ids[index],
            thermal=(7000 + 900 * ramp + rng.normal(0, 4, SIZE)).astype(np.uint16),
            thermal_unit=ThermalUnit.COUNTS,
            intrinsics=np.array([[60, 0, 40], [0, 60, 32], [0, 0, 1]], np.float32),
            rgb=rgb,
            depth_m=depth_m,
            sequence=f"{self.split}-{index}",
            condition="day",
        )

    def fingerprint(self) -> str:
        return f"ramps-1-{self.split}"


def open_ramps(path: Path | None) -> Dataset:
    """They are drawn: no path is needed."""
    del path
    return Dataset(
        name="ramps",
        spec="ramps",
        splits={split: Ramps(split) for split in ("train", "val", "test")},
        protocol="range:1-60",
        depth_range_m=(1.0, 60.0),
        training_size=SIZE,
        licence="CC0",
        note="drawn ramps, a floor that rises: 4 frames in each split",
    )


# --- a teacher -----------------------------------------------------------------------------------


class Brightness:
    """Takes what is bright for near."""

    geometry = Geometry.AFFINE_INVERSE
    description = "brightness of the RGB picture"

    def fingerprint(self) -> str:
        return fingerprint_of("brightness", {})

    def label(self, samples: list[Sample]) -> list[np.ndarray]:
        return [rgb_of(sample).mean(axis=2).astype(np.float32) for sample in samples]


# --- an encoder ----------------------------------------------------------------------------------


class Plain(nn.Module):
    """Four maps at strides 4, 8, 16 and 32."""

    strides = (4, 8, 16, 32)

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = [16, 16, 24, 32]
        widths = [channels, *self.channels]
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(inputs, outputs, 5, stride=4 if number == 0 else 2, padding=2),
                nn.GroupNorm(8, outputs),
                nn.GELU(),
            )
            for number, (inputs, outputs) in enumerate(pairwise(widths))
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        maps: list[Tensor] = []
        for stage in self.stages:
            maps.append(stage(maps[-1] if maps else image))
        return maps


# --- an input recipe -----------------------------------------------------------------------------


def square_root(raw, unit, settings, state):
    """Percentiles, then the root: what is cold gets more of the range."""
    del unit, state
    low, high = np.percentile(raw, [settings.low_percentile, settings.high_percentile])
    share = np.clip((raw - low) / max(high - low, 1e-6), 0, 1)
    return np.sqrt(share).astype(np.float32)


ROWS = (
    ErrorRow(
        name="log_mae",
        unit="",
        better="lower",
        label="MAElog",
        digits=4,
        definition="mean |ln p - ln d|",
        source="Eigen et al. (2014), without the square",
        optimum=0.0,
        compute=log_mae,
    ),
    MapFamily(
        name="tilt",
        rows=(
            MetricRow(
                name="tilt",
                unit="",
                better="lower",
                label="Tilt",
                digits=4,
                definition="|mean ln(p / d) of the upper half - that of the lower half|",
                source="this file",
                optimum=0.0,
                scale_invariant=True,
            ),
        ),
        measure=measure_tilt,
    ),
    DatasetRow(name="ramps", open=open_ramps, summary="drawn ramps, a floor that rises"),
    TeacherRow(
        name="brightness",
        summary="takes what is bright for near",
        open=lambda *_: Brightness(),
        looks=True,
    ),
    EncoderRow(
        name="plain", summary="four convolutions, the least that a decoder takes", build=Plain
    ),
    Normaliser(
        name="square_root",
        apply=square_root,
        reads=frozenset({"low_percentile", "high_percentile"}),
    ),
)
