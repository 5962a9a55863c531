"""A random scene in float64, and the sums of the terms in plain numpy."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from thermodepth.losses import LOSSES
from thermodepth.types import Batch, Prediction

Array = NDArray[np.float64]
F64 = torch.float64


def scene(rows: int = 13, columns: int = 17) -> tuple[Prediction, Batch]:
    """Two images of random maps in float64 with holes in both masks."""
    draw = torch.Generator().manual_seed(3)

    def noise() -> Tensor:
        return torch.randn(2, rows, columns, generator=draw, dtype=F64)

    batch = Batch(
        image=noise()[:, None].sigmoid(),
        depth_m=(1.5 + 0.5 * noise()).exp(),
        depth_valid=noise() > 0.0,
        label=noise() + 3.0,
        label_valid=noise() > -0.8,
        intrinsics=torch.eye(3).expand(2, 3, 3),
        sample_ids=("a", "b"),
    )
    return Prediction(structure=noise() - 1.0, log_depth=1.5 + 0.4 * noise()), batch


def value(name: str, prediction: Prediction, batch: Batch, **edits: Any) -> list[float]:
    """The term by name, with edited settings."""
    row = LOSSES[name]
    return row.function(prediction, batch, row.settings().edit(edits)).tolist()


def n_of(x: Array, valid: NDArray[np.bool_]) -> Array:
    """N(x) over the valid pixels, as a map; NaN elsewhere."""
    values = np.sort(x[valid])
    centred = x - values[(len(values) - 1) // 2]
    return np.where(valid, centred / np.abs(centred[valid]).mean(), np.nan)


def gradient_of(residual: Array, scales: int) -> float:
    """Sum over scales of block means of the two mean differences; a block counts if half of it does."""
    total = 0.0
    for k in range(scales):
        rows, columns = (n // 2**k for n in residual.shape)
        whole = residual[: rows * 2**k, : columns * 2**k]
        blocks = whole.reshape(rows, 2**k, columns, 2**k)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of a block without a valid pixel
            level = np.nanmean(blocks, (1, 3))
        level[np.isfinite(blocks).mean((1, 3)) < 0.5] = np.nan
        for axis in (0, 1):
            steps = np.abs(np.diff(level, axis=axis))
            total += float(np.nanmean(steps)) if np.isfinite(steps).any() else 0.0
    return total


def smooth_of(x: Array, guide: Array, sharpness: float) -> float:
    """Edge-aware smoothness; NaN pixels make no pair."""
    return sum(
        float(
            np.nanmean(
                np.abs(np.diff(x, axis=axis))
                * np.exp(-sharpness * np.abs(np.diff(guide, axis=axis)))
            )
        )
        for axis in (0, 1)
    )
