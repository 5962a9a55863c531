"""Random maps and a per-image loop, for the tests of the tensor maths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]


def maps(
    images: int = 3, rows: int = 7, columns: int = 9, share: float = 0.7, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Random values and a random mask, float64."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(images, rows, columns, generator=draw, dtype=torch.float64)
    return x, torch.rand(images, rows, columns, generator=draw) < share


def per_image(function: Callable[[Array], Any], x: Tensor, valid: Tensor) -> list[Any]:
    """Apply a numpy function to the valid values of each image."""
    return [function(a[m]) for a, m in zip(x.numpy(), valid.numpy(), strict=True)]
