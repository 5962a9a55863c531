"""How much of a depth edge is drawn: the share of the true step of ln depth over four pixels.

Between neighbours i and i + 1 in a row or a column lies an edge where the truth steps by more than .25
(28 %). Over the four pixels i - 1 to i + 2 around it, D = ln d(i + 2) - ln d(i - 1) of the truth, and P of
the map:

    share = sum P sign(D) / sum |D|

over the edges of which both ends have truth, the whole step is more than .25 too, and goes the same way. A
map that is blurred over more than four pixels has a share below 1; one that is off by a pixel keeps its 1,
which is what tells this from `edge_sharpness` (of neighbours) and from boundary F1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST_STEP = 0.25
LEAST_EDGES = 30


def step_share(log_map: NDArray[np.float64], log_truth: NDArray[np.float64]) -> float:
    """The share of one frame.

    Args:
        log_map: `[h w]` ln metres.
        log_truth: `[h w]` ln metres, NaN where there is none.

    Returns:
        NaN with fewer than 30 edges.
    """
    drawn = true = 0.0
    edges = 0
    for axis in (0, 1):
        truth, values = np.moveaxis(log_truth, axis, 0), np.moveaxis(log_map, axis, 0)
        step = np.diff(truth, axis=0)[1:-1]  # between the two pixels in the middle
        whole = truth[3:] - truth[:-3]
        with np.errstate(invalid="ignore"):
            is_edge = (np.abs(step) > LEAST_STEP) & (np.abs(whole) > LEAST_STEP)
            is_edge &= step * whole > 0  # False at a hole
        along = (values[3:] - values[:-3]) * np.sign(whole)
        drawn += float(along[is_edge].sum())
        true += float(np.abs(whole[is_edge]).sum())
        edges += int(np.count_nonzero(is_edge))
    return drawn / true if edges >= LEAST_EDGES else float("nan")
