"""An exported graph as a predictor: raw frames go in, for resizing and input recipe are in the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.errors import DataError, SettingsError
from thermodepth.inference.bounds import MAX_NETWORK_PIXELS, check_batch, check_finite, check_maps
from thermodepth.inference.depth import Depth
from thermodepth.inference.frame_predictor import FramePredictor
from thermodepth.inference.lens import Lens
from thermodepth.runtime.facts import DEPTH, ERROR, FOCAL, FRAME, SKY, STRUCTURE
from thermodepth.runtime.sessions import Session
from thermodepth.scale_calibration import ScaleCalibration
from thermodepth.thermal import NormaliserState
from thermodepth.types import ThermalUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray


class GraphPredictor(FramePredictor):
    """A session with what every predictor does around its model."""

    def __init__(
        self,
        session: Session,
        *,
        short_side: int | None = None,
        lens: Lens | None = None,
        name: str = "",
        scale_calibration: ScaleCalibration | None = None,
    ) -> None:
        """
        Args:
            session: from `open_session`.
            short_side: pixels that the network sees; None, or what the graph was written for.
            lens: of the camera, for frames that come without one.
            name: what people call the model; empty: its fingerprint.
            scale_calibration: as `FramePredictor` has it.

        Raises:
            SettingsError: for a short side that is another than the graph's, or the calibration of another
                model.
        """
        facts = session.facts
        if short_side not in (None, facts.short_side):
            raise SettingsError(
                f"short side {short_side}: this graph was written for {facts.short_side}; export one for "
                f"that: thermodepth export MODEL --short-side {short_side}"
            )
        super().__init__(
            facts.model,
            short_side=facts.short_side,
            lens=lens,
            name=name,
            scale_calibration=scale_calibration,
        )
        self.graph = facts
        self._session = session

    @property
    def device_text(self) -> str:
        """Runtime and device."""
        return self._session.device_text

    @property
    def fingerprint(self) -> str:
        """As of the model, with what the graph is written for."""
        graph = self.graph
        return f"{self.facts.weights_fingerprint}-{graph.short_side}-{graph.unit}-{graph.numbers}"

    @property
    def frame_unit(self) -> ThermalUnit:
        """Of the frames that the graph reads."""
        return self.graph.unit

    def _depths(
        self,
        frames: Sequence[NDArray[Any]],
        *,
        unit: ThermalUnit,
        state: NormaliserState | None,
        focal_px: Sequence[float] | None,
    ) -> list[Depth]:
        del state  # recipes that remember are not written into graphs
        size = (int(frames[0].shape[0]), int(frames[0].shape[1]))
        self._check_fits(unit, size)
        raw = np.stack([np.asarray(frame, np.float32) for frame in frames])[:, None]
        focal = None if focal_px is None else np.asarray(focal_px, np.float32)
        inner = self.network_size(size)
        if self.graph.batch is not None:
            check_batch(self.graph.batch, inner)
        at_once = self.graph.batch or max(MAX_NETWORK_PIXELS // (inner[0] * inner[1]), 1)
        results: list[Depth] = []
        for first in range(0, len(frames), at_once):
            places = np.arange(first, min(first + at_once, len(frames)))
            results += self._run(raw, focal, places)
        return results

    def _check_fits(self, unit: ThermalUnit, size: tuple[int, int]) -> None:
        graph = self.graph
        if unit is not graph.unit:
            raise SettingsError(
                f"this graph reads frames in {graph.unit} and cannot read one in {unit}; export one for "
                f"those: thermodepth export MODEL --unit {unit}"
            )
        if graph.size not in (None, size):
            assert graph.size is not None
            raise DataError(
                f"a frame of {size[1]}x{size[0]} pixels: this graph takes {graph.size[1]}x{graph.size[0]} "
                "alone; export one for any size, or for this one: thermodepth export MODEL --size "
                f"{size[1]}x{size[0]}"
            )

    def _run(
        self, raw: NDArray[np.float32], focal: NDArray[np.float32] | None, places: NDArray[np.intp]
    ) -> list[Depth]:
        count = len(places)
        if self.graph.batch is not None:  # the last frame once more where it wants more of them
            places = np.minimum(places[0] + np.arange(self.graph.batch), places[-1])
        feeds = {FRAME: raw[places]}
        if focal is not None:
            feeds[FOCAL] = focal[places]
        maps = {name: values[:count] for name, values in self._session.run(feeds).items()}
        fingerprint = self.facts.weights_fingerprint
        check_maps(maps[DEPTH], maps[STRUCTURE], fingerprint)
        if ERROR in maps:
            check_finite(maps[ERROR], "the relative error", fingerprint)
        return [
            Depth(
                depth_m=maps[DEPTH][i],
                structure=maps[STRUCTURE][i],
                sky=maps[SKY][i] > 0.5 if SKY in maps else None,
                relative_error=maps[ERROR][i, 0] if ERROR in maps else None,
                relative_error_90=maps[ERROR][i, 1] if ERROR in maps else None,
            )
            for i in range(count)
        ]
