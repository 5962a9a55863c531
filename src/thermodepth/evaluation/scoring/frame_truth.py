"""The truth of one frame under a protocol: what every arm is scored against, worked out once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from thermodepth.evaluation.head_maps import GeometryMap
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.protocols.resize import nearest_places, resize_map
from thermodepth.evaluation.scoring.slices import partitions_of
from thermodepth.metrics import Groups, Map, Pixels, TruthMap
from thermodepth.types import Sample


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameTruth:
    """A frame, its scored pixels and the slices that they fall into."""

    sample: Sample
    frame: int  # place in the list of frames
    protocol: Protocol
    truth_m: NDArray[np.float32]  # [h w] metres, NaN where there is none
    scored: NDArray[np.bool_]  # [h w]

    @classmethod
    def from_sample(cls, sample: Sample, *, frame: int, protocol: Protocol) -> FrameTruth | None:
        """None for a frame without truth, or with too little inside the protocol's range.

        Raises:
            DataError: where the protocol's crop or mask does not fit the frame's size.
        """
        if sample.depth_m is None:
            return None
        truth = np.asarray(sample.depth_m, dtype=np.float32)
        scored = protocol.scored(truth)
        if np.count_nonzero(scored) < protocol.least_pixels:
            return None
        return cls(sample=sample, frame=frame, protocol=protocol, truth_m=truth, scored=scored)

    @property
    def size(self) -> tuple[int, int]:
        """(rows, columns) of the truth."""
        return self.truth_m.shape[0], self.truth_m.shape[1]

    @cached_property
    def pixels(self) -> Pixels:
        """[n] metres at the scored pixels."""
        return self.truth_m[self.scored].astype(np.float64)

    @cached_property
    def log_pixels(self) -> Pixels:
        """[n] ln metres at the scored pixels."""
        return np.log(self.pixels)

    @cached_property
    def map(self) -> TruthMap:
        """The scored truth as a picture."""
        depth = np.where(self.scored, self.truth_m, np.nan).astype(np.float64)
        known = self.sample.intrinsics if np.isfinite(self.sample.intrinsics).all() else None
        return TruthMap(sample_id=self.sample.sample_id, depth_m=depth, intrinsics=known)

    def read_at(self, size: tuple[int, int]) -> TruthMap:
        """The scored truth at the places of the pixels of a smaller map (rows, columns)."""
        maps: dict[tuple[int, int], TruthMap] = self._read_at
        if size not in maps:
            places = np.ix_(*(nearest_places(n, o) for n, o in zip(size, self.size, strict=True)))
            maps[size] = TruthMap(sample_id=self.sample.sample_id, depth_m=self.map.depth_m[places])
        return maps[size]

    @cached_property
    def _read_at(self) -> dict[tuple[int, int], TruthMap]:
        return {}

    @cached_property
    def slices(self) -> tuple[tuple[str, ...], Groups]:
        """The names of all slices that this frame allows, and its scored pixels cut into them."""
        thermal = self.sample.thermal if self.sample.has_thermal else None
        partitions = partitions_of(
            self.truth_m, self.scored, protocol=self.protocol, thermal=thermal
        )
        names = tuple(name for partition in partitions for name in partition.names)
        return names, Groups.joined([partition.groups for partition in partitions])

    def resized(self, claim: GeometryMap) -> Map:
        """[h w] a map of any size and geometry, brought to that of the truth as the protocol says.

        Raises:
            ValueError: as `resize_map`.
        """
        return resize_map(
            claim.values,
            claim.geometry,
            size=self.size,
            rule=self.protocol.resize,
            grid=self.protocol.grid,
        )

    def where(self, usable: NDArray[np.bool_]) -> FrameTruth | None:
        """The same frame, scored only where `usable` [h w] as well; None when too little is left."""
        both = self.scored & usable
        if np.count_nonzero(both) < self.protocol.least_pixels:
            return None
        return self if both.sum() == self.scored.sum() else replace(self, scored=both)
