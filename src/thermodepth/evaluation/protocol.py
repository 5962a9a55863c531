"""Protocols: which pixels count, and what is done to a prediction before it is scored.

Two AbsRel numbers may be compared only when they were made under the same protocol, and most tables in
print do not say theirs. Here a protocol is data with a name, and its id (name and fingerprint) stands in
every row of results.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from thermodepth.config import Settings
from thermodepth.errors import SettingsError, unknown


class Protocol(Settings):
    """How predictions are turned into numbers.

    A pixel is scored where `min_depth_m < truth < max_depth_m`, both strictly: a sensor that saturates
    writes its limit, and such a pixel is no measurement. The comparison is made in float32, the truth's
    own precision, so that a pixel stored as exactly the limit is at the limit.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]
    min_depth_m: Annotated[float, Field(gt=0)]
    max_depth_m: Annotated[float, Field(gt=0)]
    #: Edges of the depth ranges that are also scored one by one, by the truth, each `low <= truth < high`.
    range_bin_edges_m: Annotated[tuple[float, ...], Field(min_length=2)]
    #: The prediction is limited to the range of the truth before it is scored.
    clamp_prediction: bool = True
    #: "none": metres are scored as metres. Nothing of the truth is shown to the prediction.
    alignment: Literal["none"] = "none"
    #: "per_frame": each frame gives one value and frames weigh the same; pixels are never pooled.
    averaging: Literal["per_frame"] = "per_frame"
    #: "native": the prediction is brought to the truth's size, bilinear in log depth; the truth is as read.
    resize: Literal["native"] = "native"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not np.float32(self.min_depth_m) < np.float32(self.max_depth_m):
            raise ValueError(
                f"min_depth_m {self.min_depth_m:g} must be below max_depth_m {self.max_depth_m:g}"
            )
        edges = self.range_bin_edges_m
        if not all(np.float32(low) < np.float32(high) for low, high in pairwise(edges)):
            raise ValueError(f"range_bin_edges_m must increase, got {edges}")
        # Bins that cover the range exactly split the scored pixels: none is lost, none counted twice.
        if edges[0] != self.min_depth_m or edges[-1] != self.max_depth_m:
            raise ValueError(
                f"range_bin_edges_m must run from min_depth_m {self.min_depth_m:g} "
                f"to max_depth_m {self.max_depth_m:g}, got {edges}"
            )
        # Slice names are parsed again, so an edge must be what its name says: no rounding, no exponent.
        unnamed = [edge for edge in edges if "e" in f"{edge:g}" or float(f"{edge:g}") != edge]
        if unnamed:
            raise ValueError(f"range_bin_edges_m {unnamed} need more than six digits to be written")
        return self

    def protocol_id(self) -> str:
        """The name and the fingerprint of every choice in it, such as `synthetic-0123456789ab`."""
        return f"{self.name}-{self.fingerprint()}"

    def range_slices(self) -> tuple[str, ...]:
        """The slice name of each depth range, near to far, such as `range:2.5-6`."""
        return tuple(f"range:{low:g}-{high:g}" for low, high in pairwise(self.range_bin_edges_m))

    def scored(self, truth_m: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Which pixels count. `truth_m` has any shape; NaN, infinity and the bounds themselves do not."""
        truth = np.asarray(truth_m, dtype=np.float32)
        return (truth > np.float32(self.min_depth_m)) & (truth < np.float32(self.max_depth_m))

    def range_index(self, truth_m: NDArray[np.floating]) -> NDArray[np.intp]:
        """The number of the depth range each scored pixel is in; `truth_m` as `scored` let it through."""
        inner = np.asarray(self.range_bin_edges_m[1:-1], dtype=np.float32)
        return np.searchsorted(inner, np.asarray(truth_m, dtype=np.float32), side="right")


PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        # The LWIR world: a street or a room; edges a factor of about 2.5 apart.
        Protocol(
            name="synthetic",
            min_depth_m=0.3,
            max_depth_m=80.0,
            range_bin_edges_m=(0.3, 1.0, 2.5, 6.0, 16.0, 40.0, 80.0),
        ),
        # MM5: a table-top rig. Nearly all truth lies about one metre away, so the bins are narrow there.
        Protocol(
            name="mm5",
            min_depth_m=0.2,
            max_depth_m=3.0,
            range_bin_edges_m=(0.2, 0.6, 0.8, 1.0, 1.2, 3.0),
        ),
        # MS2: a car. The published range, without the median scaling that published tables may have had.
        Protocol(
            name="ms2",
            min_depth_m=0.001,
            max_depth_m=80.0,
            range_bin_edges_m=(0.001, 6.0, 10.0, 20.0, 40.0, 80.0),
        ),
        # ViViD: a hand-held rig. Published tables start at 1 mm and are median-scaled; these are not.
        Protocol(
            name="vivid_indoor",
            min_depth_m=0.1,
            max_depth_m=10.0,
            range_bin_edges_m=(0.1, 1.0, 2.0, 4.0, 10.0),
        ),
        Protocol(
            name="vivid_outdoor",
            min_depth_m=0.001,
            max_depth_m=80.0,
            range_bin_edges_m=(0.001, 2.5, 6.0, 16.0, 40.0, 80.0),
        ),
        # FIReStereo: a drone's rig. No protocol for depth from one picture is published.
        Protocol(
            name="firestereo",
            min_depth_m=0.5,
            max_depth_m=80.0,
            range_bin_edges_m=(0.5, 2.5, 6.0, 16.0, 40.0, 80.0),
        ),
    )
}

_RANGE = re.compile(r"range:([0-9.]+)-([0-9.]+)")
_RANGE_BINS = 5


def range_protocol(near_m: float, far_m: float) -> Protocol:
    """The protocol of data without one of its own: its range, in steps of about one factor.

    Raises:
        SettingsError: for a range that cannot be.
    """
    if not 0 < near_m < far_m:
        raise SettingsError(f"range {near_m:g}..{far_m:g}: expected 0 < near < far, in metres")
    steps = np.geomspace(near_m, far_m, _RANGE_BINS + 1)[1:-1].tolist()
    rounded = dict.fromkeys(float(f"{step:.2g}") for step in steps)
    inner = tuple(edge for edge in rounded if near_m < edge < far_m)
    return Protocol.parse(
        {
            "name": "range",
            "min_depth_m": near_m,
            "max_depth_m": far_m,
            "range_bin_edges_m": [near_m, *inner, far_m],
        },
        where=f"range {near_m:g}..{far_m:g}",
    )


def named_protocol(name: str) -> Protocol:
    """A protocol of the table, or of a range such as `range:0.5-60`.

    Raises:
        SettingsError: for a name that is neither.
    """
    if match := _RANGE.fullmatch(name):
        try:
            return range_protocol(float(match[1]), float(match[2]))
        except ValueError as error:
            raise SettingsError(f"protocol '{name}': {error}") from None
    if name not in PROTOCOLS:
        raise SettingsError(unknown("protocol", name, PROTOCOLS))
    return PROTOCOLS[name]
