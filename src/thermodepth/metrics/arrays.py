"""What the arrays of a metric are called."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float64]  # [n] the scored pixels of one frame
Map = NDArray[np.float64]  # [h w]
