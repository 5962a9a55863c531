"""Small thermal frames with structure, so that no reader takes them for noise or telemetry."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray


def ramp(seed: int, rows: int = 24, columns: int = 32) -> NDArray[np.uint16]:
    """Counts that differ from frame to frame."""
    rng = np.random.default_rng(seed)
    slope = 20 * np.arange(rows)[:, None] + 7 * np.arange(columns)
    return (7000 + 100 * seed + slope + rng.integers(0, 9, (rows, columns))).astype(np.uint16)


@pytest.fixture
def clip() -> NDArray[np.uint16]:
    """`[5 24 32]` counts."""
    return np.stack([ramp(seed) for seed in range(5)])
