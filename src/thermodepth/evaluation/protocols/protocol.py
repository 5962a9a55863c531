"""Protocols: which pixels count, and what is done to a prediction before it is scored.

Two AbsRel numbers may be compared only when they were made under the same protocol, and most tables in
print do not say theirs. Here a protocol is data with a name, and its id (name and fingerprint) stands in
every row of results.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator, model_validator

from thermodepth.config import Settings
from thermodepth.errors import DataError, SettingsError
from thermodepth.evaluation.protocols.alignment import ALIGNMENTS, AlignmentName, MedianKind
from thermodepth.evaluation.protocols.crop import Crop, Mask, Size
from thermodepth.evaluation.protocols.presets import ALIASES, PRESETS
from thermodepth.evaluation.protocols.resize import RESIZED_IN, Grid, ResizeRule

_RANGE_BINS = 5
_MOST_RANGE_BINS = 64
#: Far above any depth, and safely inside float32.
_Metres = Annotated[float, Field(gt=0, lt=1e6)]


class Protocol(Settings):
    """How predictions are turned into numbers.

    A pixel is scored where the truth is inside the bounds and the crop and the mask count it. The
    comparison is made in float32, the truth's own precision, so that a pixel stored as exactly the limit
    is at the limit.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]
    min_depth_m: _Metres
    max_depth_m: _Metres
    #: "strict": min < truth < max, because a sensor that saturates writes its limit, and such a pixel is
    #: no measurement. "inclusive": the limits count, as some published code has it.
    bounds: Literal["strict", "inclusive"] = "strict"
    #: Edges of the depth ranges that are also scored one by one, by the truth, each `low <= truth < high`
    #: (the last one with its end where the bounds are inclusive). Empty: five, in steps of one factor.
    range_bin_edges_m: Annotated[tuple[_Metres, ...], Field(max_length=_MOST_RANGE_BINS + 1)] = ()
    crop: Crop | None = None
    mask: Mask | None = None
    #: The product of the data set that is meant, such as "depth_filtered"; empty: whatever is read.
    truth: str = ""
    #: The prediction is limited to the range of the truth before it is scored.
    clamp_prediction: bool = True
    #: The one whose number stands first; results under every other one that is possible stand beside it.
    alignment: AlignmentName = "none"
    #: What an alignment is fitted to: "raw", the map as it is, which is limited after the fit; "limited": to
    #: metres that were limited to the range before it as well.
    fit_values: Literal["raw", "limited"] = "raw"
    #: Of an even count of pixels: "middle", the mean of the two middle values, or "lower", the lower one.
    median: MedianKind = "middle"
    #: "per_frame": each frame gives one value and frames weigh the same. "pooled": pixels do.
    averaging: Literal["per_frame", "pooled"] = "per_frame"
    #: How a prediction is brought to the truth's size; the truth stays as read.
    resize: ResizeRule = "log"
    #: How the two grids lie on each other then: pixel centres, corner pixels or first pixels.
    grid: Grid = "centres"
    #: A frame with fewer scored pixels is left out and counted as such.
    least_pixels: Annotated[int, Field(ge=1)] = 1
    #: Twelve digits of the hash of the sorted frame ids; empty: not settled. `for_frames` sets it.
    frame_list: Annotated[str, Field(pattern=r"^([0-9a-f]{12})?$")] = ""

    @field_validator("range_bin_edges_m")
    @classmethod
    def _edges(cls, edges: tuple[float, ...], info: ValidationInfo) -> tuple[float, ...]:
        near_m, far_m = info.data.get("min_depth_m"), info.data.get("max_depth_m")
        if edges or near_m is None or far_m is None or not near_m < far_m:
            return edges
        steps = np.geomspace(near_m, far_m, _RANGE_BINS + 1)[1:-1].tolist()
        rounded = dict.fromkeys(float(f"{step:.2g}") for step in steps)
        return (near_m, *(edge for edge in rounded if near_m < edge < far_m), far_m)

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
        if len(edges) < 2 or edges[0] != self.min_depth_m or edges[-1] != self.max_depth_m:
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

    def fingerprint(self) -> str:
        """As of all settings; of a mask its pixels count, not the place of its file."""
        return super().fingerprint() if self == self.placeless() else self.placeless().fingerprint()

    def placeless(self) -> Protocol:
        """The same protocol with nothing in it that differs between two machines."""
        if self.mask is None:
            return self
        return self.model_copy(update={"mask": self.mask.model_copy(update={"path": ""})})

    def for_frames(self, sample_ids: Iterable[str]) -> Protocol:
        """The same protocol for exactly these frames, in whatever order: another id for other frames.

        Raises:
            DataError: for no frame, or one that is listed twice.
            SettingsError: for a protocol that was made for other frames.
        """
        ids = sorted(sample_ids)
        if not ids:
            raise DataError(f"protocol '{self.name}': an empty list of frames")
        twice = next((a for a, b in pairwise(ids) if a == b), None)
        if twice is not None:
            raise DataError(f"protocol '{self.name}': frame '{twice}' is listed twice")
        frame_list = hashlib.sha256(json.dumps(ids).encode()).hexdigest()[:12]
        if self.frame_list not in ("", frame_list):
            raise SettingsError(
                f"protocol '{self.name}' is for the frame list {self.frame_list}, and these {len(ids)} "
                f"frames are the list {frame_list}: numbers over other frames cannot be compared. Give the "
                "frames it was made for, or leave frame_list out"
            )
        return self.model_copy(update={"frame_list": frame_list})

    def counted(self, size: Size) -> NDArray[np.bool_]:
        """[h w] the pixels that the crop and the mask let count, whatever their truth.

        Raises:
            DataError: for a frame that the crop or the mask is not for.
        """
        counted = np.ones(size, dtype=np.bool_)
        if self.crop is not None:
            counted[:] = False
            counted[self.crop.bounds(size)] = True
        return counted if self.mask is None else counted & self.mask.counted(size)

    def scored(self, truth_m: NDArray[np.floating]) -> NDArray[np.bool_]:
        """[h w] which pixels count: never NaN or infinity. Without crop and mask of any shape.

        Raises:
            DataError: for a frame that the crop or the mask is not for.
        """
        truth = np.asarray(truth_m, dtype=np.float32)
        near_m, far_m = np.float32(self.min_depth_m), np.float32(self.max_depth_m)
        if self.bounds == "strict":
            inside = (truth > near_m) & (truth < far_m)
        else:
            inside = (truth >= near_m) & (truth <= far_m)
        if self.crop is None and self.mask is None:
            return inside
        assert truth.ndim == 2, f"a crop or mask needs a map [h w], got {truth.shape}"
        return inside & self.counted((truth.shape[0], truth.shape[1]))

    def range_slices(self) -> tuple[str, ...]:
        """The slice name of each depth range, near to far, such as `range:2.5-6`."""
        return tuple(f"range:{low:g}-{high:g}" for low, high in pairwise(self.range_bin_edges_m))

    def range_index(self, truth_m: NDArray[np.floating]) -> NDArray[np.intp]:
        """The number of the depth range each scored pixel is in; `truth_m` as `scored` let it through."""
        inner = np.asarray(self.range_bin_edges_m[1:-1], dtype=np.float32)
        return np.searchsorted(inner, np.asarray(truth_m, dtype=np.float32), side="right")

    def words(self, *, headline: bool = True) -> str:
        """Every choice in one sentence, for a caption; without the headline's alignment and averaging under
        a table that says its own.
        """
        below = "<" if self.bounds == "strict" else "≤"
        truth = f"truth {self.truth}" if self.truth else "truth as read"
        parts = [
            f"{self.name}: {truth}, {self.min_depth_m:g} {below} d {below} {self.max_depth_m:g} m",
            "no crop" if self.crop is None else f"crop {self.crop.words()}",
        ]
        if self.mask is not None:
            parts.append(self.mask.words())
        of_grid = "" if self.grid == "centres" else f", {self.grid} of the grids on each other"
        parts.append(f"prediction resized in {RESIZED_IN[self.resize]}{of_grid}")
        if headline and self.alignment == "none":
            parts.append("no alignment")
        elif headline:
            parts.append(f"aligned to the truth of each frame: {self.alignment_words()}")
        parts.append(f"{'' if self.clamp_prediction else 'not '}limited to that range")
        if headline:
            pooled = self.averaging == "pooled"
            parts.append("mean over all pixels pooled" if pooled else "mean over frames")
        if self.least_pixels > 1:
            parts.append(f"frames of {self.least_pixels} pixels or more")
        parts.append(f"frame list {self.frame_list or 'not settled'}")
        return "; ".join(parts)

    def alignment_words(self) -> str:
        """The headline's alignment with what decides its fit, where that is not the usual."""
        words = ALIGNMENTS[self.alignment].label
        if self.alignment == "median" and self.median == "lower":
            words += " (of two middle values the lower)"
        return f"{words}, fitted after limiting" if self.fit_values == "limited" else words


def differences(one: Protocol, other: Protocol) -> str:
    """Which choices differ, such as `max_depth_m 80 here, 10 there; other frames`; empty for none."""
    choices = []
    one, other = one.placeless(), other.placeless()
    for name in Protocol.model_fields:
        a, b = getattr(one, name), getattr(other, name)
        if a == b:
            continue
        if name == "frame_list" and a and b:
            choices.append(f"other frames (list {a} here, {b} there)")
        else:
            choices.append(f"{name} {_shown(a)} here, {_shown(b)} there")
    return "; ".join(choices)


def _shown(value: Any) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, Crop | Mask):
        return value.words()
    if isinstance(value, tuple):
        return "/".join(_shown(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


PROTOCOLS: dict[str, Protocol] = {
    preset.settings["name"]: Protocol.parse(preset.settings, where="a preset") for preset in PRESETS
}

_RANGE = re.compile(r"range:([0-9.]+)-([0-9.]+)")


def range_protocol(near_m: float, far_m: float) -> Protocol:
    """The protocol of data without one of its own: its range, in steps of about one factor.

    Raises:
        SettingsError: for a range that cannot be.
    """
    where = f"range {near_m:g}..{far_m:g}"
    if not 0 < near_m < far_m:
        raise SettingsError(f"{where}: expected 0 < near < far, in metres")
    settings = {"name": "range", "min_depth_m": near_m, "max_depth_m": far_m}
    return Protocol.parse(settings, where=where)


def preset(name: str) -> Protocol | None:
    """The protocol of the table, or of a range such as `range:0.5-60`; None for anything else.

    Raises:
        SettingsError: for a range that cannot be.
    """
    if match := _RANGE.fullmatch(name):
        try:
            return range_protocol(float(match[1]), float(match[2]))
        except ValueError as error:
            raise SettingsError(f"protocol '{name}': {error}") from None
    return PROTOCOLS.get(ALIASES.get(name, name))
