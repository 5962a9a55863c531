"""One predicted depth map and its frame, to rows under a protocol."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thermodepth.errors import DataError
from thermodepth.evaluation.protocol import Protocol
from thermodepth.evaluation.resize import resize_depth
from thermodepth.evaluation.rows import WHOLE_FRAME, Row, rows_from_records
from thermodepth.metrics import METRICS, Pixels, metric_rows
from thermodepth.types import Sample

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The rows of many frames, and what was left out of them."""

    rows: pa.Table  # rows.ROW_SCHEMA
    frames: int  # how many were scored
    skipped: tuple[
        str, ...
    ]  # ids of frames with no truth, or too little, inside the protocol's range

    def note(self) -> str:
        """One line for a report: how many frames stand behind the numbers."""
        text = f"{self.frames} frames scored"
        if self.skipped:
            shown = ", ".join(self.skipped[:3]) + (", ..." if len(self.skipped) > 3 else "")
            text += (
                f"; {len(self.skipped)} skipped, having too little truth inside the range ({shown})"
            )
        return text


def score_frame(
    prediction_depth_m: NDArray[np.floating],
    sample: Sample,
    protocol: Protocol,
    *,
    study: str,
    arm: str,
    seed: int,
    metrics: Sequence[str] = tuple(METRICS),
) -> list[Row]:
    """Every metric over all scored pixels and over each depth range of the truth.

    `prediction_depth_m` [h w] in metres, of any size and float type. A range without pixels gives no row
    (nothing was measured there, which is not an error of 0), and a range with fewer pixels than a metric
    needs gives no row of that metric. A frame without scored pixels gives an empty list.

    Raises:
        DataError: naming the frame, for a prediction that is not a map, is not finite on a scored pixel,
            is not positive where the protocol does not clamp, or cannot be resized.
        SettingsError: for a metric that does not exist.
    """
    chosen = metric_rows(metrics)
    if sample.depth_m is None:
        return []
    truth_map = np.asarray(sample.depth_m, dtype=np.float32)
    scored = protocol.scored(truth_map)
    if not scored.any():
        return []
    where = f"frame '{sample.sample_id}' (arm '{arm}', seed {seed})"
    protocol_id = protocol.protocol_id()
    try:
        prediction = resize_depth(prediction_depth_m, size=truth_map.shape)[scored]
        # Before the clamp, which would turn infinity into a plausible far distance.
        if not np.isfinite(prediction).all():
            bad = int(np.count_nonzero(~np.isfinite(prediction)))
            raise ValueError(
                f"{bad} of {prediction.size} scored pixels of the prediction are not finite"
            )
        if protocol.clamp_prediction:
            prediction = prediction.clip(protocol.min_depth_m, protocol.max_depth_m)
        slices = _slices(prediction, truth_map[scored], protocol)
        return [
            Row(
                study=study,
                arm=arm,
                seed=seed,
                sample_id=sample.sample_id,
                sequence=sample.sequence,
                condition=sample.condition,
                protocol=protocol_id,
                slice=name,
                metric=metric.name,
                value=metric.function(p, d),
                pixels=int(d.size),
            )
            for name, p, d in slices
            for metric in chosen
            if d.size >= metric.least_pixels
        ]
    except ValueError as error:
        raise DataError(f"{where}: {error}") from None


def score_frames(
    pairs: Iterable[tuple[NDArray[np.floating], Sample]],
    protocol: Protocol,
    *,
    study: str,
    arm: str,
    seed: int,
    metrics: Sequence[str] = tuple(METRICS),
) -> Scores:
    """Score (prediction_depth_m, sample) pairs, taken one at a time.

    Frames with too little truth inside the range are counted, named in the result and logged; never scored.

    Raises:
        DataError: as `score_frame`; when a frame comes twice; when not one frame could be scored.
    """
    records: list[Row] = []
    frames = 0
    skipped: list[str] = []
    for prediction_depth_m, sample in pairs:
        rows = score_frame(
            prediction_depth_m, sample, protocol, study=study, arm=arm, seed=seed, metrics=metrics
        )
        records.extend(rows)
        frames += bool(rows)
        if not rows:
            skipped.append(sample.sample_id)
    scores = Scores(rows=rows_from_records(records), frames=frames, skipped=tuple(skipped))
    if not frames:
        raise DataError(
            f"arm '{arm}', seed {seed}: no frame has truth between {protocol.min_depth_m:g} and "
            f"{protocol.max_depth_m:g} m (protocol '{protocol.name}'); {len(skipped)} frames were given"
        )
    if skipped:
        _log.warning("arm '%s', seed %d: %s", arm, seed, scores.note())
    return scores


def _slices(
    prediction: Pixels, truth: NDArray[np.float32], protocol: Protocol
) -> list[tuple[str, Pixels, Pixels]]:
    """(name, prediction, truth) of the whole frame and of each depth range, empty ones too."""
    metres = truth.astype(np.float64)
    slices = [(WHOLE_FRAME, prediction, metres)]
    index = protocol.range_index(truth)
    for number, name in enumerate(protocol.range_slices()):
        inside = index == number
        slices.append((name, prediction[inside], metres[inside]))
    return slices
