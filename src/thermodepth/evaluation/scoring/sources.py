"""Where frames and answers come from: something small that travels to worker processes and reads there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol as Interface

import numpy as np
from numpy.typing import NDArray

from thermodepth.data.frames import Frames
from thermodepth.evaluation.head_maps import GeometryMap, HeadMaps
from thermodepth.evaluation.predict import stored_head_maps
from thermodepth.evaluation.rows.rows import TEACHER_ARM
from thermodepth.evaluation.scoring.baselines import (
    Baseline,
    baseline_head_maps,
    unfitted_baselines,
)
from thermodepth.evaluation.scoring.map_folders import MapFolders
from thermodepth.evaluation.store import PredictionStore
from thermodepth.teacher import LabelStore
from thermodepth.types import Geometry, Sample


class Source(Interface):
    """Frames, and what every arm says of them."""

    @property
    def sample_ids(self) -> Sequence[str]:
        """One id a frame, in order."""
        ...

    def read(self, index: int) -> tuple[Sample, Mapping[str, HeadMaps]]:
        """One frame and the answers of all arms.

        Raises:
            DataError: naming the file that is missing or broken.
        """
        ...

    def rgb(self, index: int) -> NDArray[np.uint8] | None:
        """[h w 3] a picture on the thermal grid, for the eye alone; None where there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SplitSource:
    """A split of a data set: stored predictions, baselines, the teacher's labels."""

    frames: Frames
    stores: Mapping[str, PredictionStore]  # by arm
    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    labels: LabelStore | None = None

    @property
    def sample_ids(self) -> Sequence[str]:
        """One id a frame, in order."""
        return self.frames.sample_ids

    def read(self, index: int) -> tuple[Sample, Mapping[str, HeadMaps]]:
        """One frame and the answers of all arms."""
        sample = self.frames.read(index, with_rgb=False)
        head_maps: dict[str, HeadMaps] = {}
        for arm, store in self.stores.items():
            head_maps[arm] = stored_head_maps(store, sample.sample_id)
        head_maps |= baseline_head_maps(self.baselines, sample)
        if self.labels is not None:
            label = self.labels.label(sample.sample_id)
            claim = GeometryMap(values=label, geometry=Geometry.AFFINE_INVERSE)
            head_maps[TEACHER_ARM] = {"structure": claim}
        return sample, head_maps

    def rgb(self, index: int) -> NDArray[np.uint8] | None:
        """[h w 3] a picture on the thermal grid; None where RGB has a view of its own."""
        sample = self.frames.read(index)
        return sample.rgb if sample.rgb_view is None else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FolderSource:
    """Maps of any tool beside maps of truth."""

    folders: MapFolders
    arm: str
    baselines: bool = True  # those that need no training split stand beside

    @property
    def sample_ids(self) -> Sequence[str]:
        """One id a frame, in order."""
        return self.folders.sample_ids

    def read(self, index: int) -> tuple[Sample, Mapping[str, HeadMaps]]:
        """One frame and what is said of it."""
        sample, values = self.folders.pair(index)
        # Whatever its geometry: that decides the alignments, the head is only where the tables look.
        claim = GeometryMap(values=values, geometry=self.folders.geometry)
        head_maps: dict[str, HeadMaps] = {self.arm: {"depth": claim}}
        return sample, head_maps | (unfitted_baselines(sample.size) if self.baselines else {})

    def rgb(self, index: int) -> NDArray[np.uint8] | None:  # noqa: ARG002
        """None: folders of maps have no pictures."""
        return None
