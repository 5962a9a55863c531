"""Is the truth in the unit that it is read in? Held against the range that is to be scored.

Predictions in a wrong unit show against the truth. Where both sides are wrong alike nothing shows but this:
most of the truth lies outside the range of the protocol, and in another usual unit inside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.scoring.map_folders import MapFolders

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: {what depth is read as and what it is: the factor that mends it, the option that does}.
_UNITS = {
    "millimetres read as 1/256 m": (256 / 1000, "--truth-scale 1000, and --png-scale 1000"),
    "1/256 m read as millimetres": (1000 / 256, "--truth-scale 256, and --png-scale 256"),
    "millimetres read as metres": (
        1 / 1000,
        "values / 1000, as float files hold metres, in both folders",
    ),
    "metres in whole numbers": (256.0, "--truth-scale 1, and --png-scale 1"),
}
FRAMES = 8  # evenly spread
PIXELS = 20_000  # of each
#: Share of the truth inside the range below which the unit is doubted, and that another one must reach.
DOUBTED, EXPLAINED = 0.6, 0.95


def truth_unit_hint(folders: MapFolders, protocol: Protocol) -> str:
    """A line where another unit fits the truth to the range; else empty.

    Raises:
        DataError: naming a file of the truth that cannot be read.
    """
    frames = np.linspace(0, len(folders) - 1, min(len(folders), FRAMES)).astype(int)
    values = [_some(folders.truth_m(int(frame))) for frame in frames]
    truth_m = np.concatenate(values)
    if truth_m.size == 0:
        return ""
    near, far = protocol.min_depth_m, protocol.max_depth_m
    inside = _share(truth_m, near, far)
    if inside >= DOUBTED:
        return ""
    shares = {unit: _share(truth_m * factor, near, far) for unit, (factor, _) in _UNITS.items()}
    likeliest = max(shares, key=lambda name: shares[name])
    if shares[likeliest] < EXPLAINED:
        return ""
    return (
        f"{inside:.0%} of the truth lies in {near:g} to {far:g} m, with a median of {np.median(truth_m):.3g} "
        f"m: are these {likeliest}? Use {_UNITS[likeliest][1]} where the predictions are in the same unit"
    )


def _some(truth_m: NDArray[np.float32]) -> NDArray[np.float64]:
    known = truth_m[np.isfinite(truth_m)].astype(np.float64)
    return known[:: max(known.size // PIXELS, 1)]


def _share(truth_m: NDArray[np.float64], near: float, far: float) -> float:
    return float(((truth_m > near) & (truth_m < far)).mean())
