"""How steady the scale of a prediction is from frame to frame.

With s = median d/p of a frame, the factor that would put its metres right (the metric `scale`):

    log std       std of ln s over frames
    relative std  std of s / median s                       as monodepth2 prints it (arXiv 1806.01260)
    flicker       sqrt(mean (ln s' - ln s)^2 / 2)           over consecutive frames s, s' of a sequence

Flicker equals the log std where frames err independently, and is far below it where the scale drifts
slowly or differs between recordings: a filter over time helps against the first, not against the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from thermodepth.evaluation.results.frame_values import (
    METRES,
    FrameValues,
    MapChoice,
    PerRun,
    frame_values,
)
from thermodepth.evaluation.rows.rows import protocol_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleStability:
    """The scale of one arm and seed over its frames. None: not measured, there being one frame only."""

    median_scale: float
    log_std: float | None
    relative_std: float | None
    flicker: float | None  # None also where no sequence has two frames
    frames: int
    steps: int  # consecutive pairs behind the flicker


def scale_stability(rows: pa.Table, choice: MapChoice = METRES) -> PerRun[ScaleStability]:
    """(arm, seed) -> how steady its scale is. Needs the metric `scale`.

    Consecutive frames are neighbours in the order of the column `frame` within one sequence; frames
    that were not scored are stepped over.

    Raises:
        DataError: naming what is missing; for several protocols or studies.
    """
    runs = frame_values(rows, ("scale",), choice)
    return PerRun(
        values_of={run: _stability(frames) for run, frames in runs.items()},
        frames={run: frames.frame.size for run, frames in runs.items()},
        protocol=protocol_of(rows),
        choice=choice,
    )


def _stability(frames: FrameValues) -> ScaleStability:
    scale = frames.values["scale"]
    log_scale = np.log(scale)
    middle = float(np.median(scale))
    # Frames are in order; a stable sort by sequence keeps it within each.
    order = np.argsort(frames.sequence, kind="stable")
    within = np.diff(frames.sequence[order]) == 0
    steps = np.diff(log_scale[order])[within]
    several = scale.size > 1
    return ScaleStability(
        median_scale=middle,
        log_std=float(log_scale.std()) if several else None,
        relative_std=float((scale / middle).std()) if several else None,
        flicker=float(np.sqrt(0.5 * np.square(steps).mean())) if steps.size else None,
        frames=int(scale.size),
        steps=int(steps.size),
    )
