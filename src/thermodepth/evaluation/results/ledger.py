"""The ledger of a whole split: one squared error as a sum of parts, each of which asks for another remedy.

`metrics/ledger.py` takes the error of each frame apart. Over frames its mean log error mu splits once more,
with w the weight of a frame (1, or its pixels) and E the weighted mean:

    E mu^2 = (E mu)^2  +  E (m_g - E mu)^2  +  E (mu - m_g)^2         m_g = E mu within sequence g
             calibration  between sequences    from frame to frame

    RMSElog^2 = calibration + between sequences + frame to frame + range + coarse + fine

In metres nothing but the frames' own parts is averaged: RMSE^2 = scale + shift + shape. Each seed has its
own ledger; a mean over seeds is the mean of every part, so it still adds up. docs/ledger.md says how to
read it and what it cannot say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thermodepth.errors import DataError
from thermodepth.evaluation.results.frame_values import (
    METRES,
    FrameValues,
    MapChoice,
    PerRun,
    frame_values,
)
from thermodepth.evaluation.results.summary import Averaging
from thermodepth.evaluation.rows.rows import protocol_of

# Rows whose parts do not add up were not made from the same pixels; rounding stays far below these.
_AGREEMENT = 1e-9  # of the total
_ROUNDING = (
    1e-21  # of a total that is itself rounding: a prediction that is perfect but for its last bit
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLedger:
    """The parts of the mean square of ln p - ln d."""

    calibration: float  # one factor for all frames is wrong
    between_sequences: float  # each place or recording has a factor of its own
    frame_to_frame: float  # the factor flickers within a sequence
    range: float  # near and far are squeezed together, or pulled apart
    coarse: float  # large shapes, above 16 pixels
    fine: float  # edges, texture and noise, within 16 pixels

    @property
    def total(self) -> float:
        """The mean square, so RMSElog squared."""
        return math.fsum(self.parts.values())

    @property
    def parts(self) -> dict[str, float]:
        """Part -> mean square, in the order of the definition."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricLedger:
    """The parts of the mean square of p - d, in square metres."""

    scale_m2: float  # what the best factor of each frame removes
    shift_m2: float  # what the best offset beside it removes as well
    shape_m2: float  # what no factor and no offset removes

    @property
    def total(self) -> float:
        """The mean square in square metres, so RMSE squared."""
        return math.fsum(self.parts.values())

    @property
    def parts(self) -> dict[str, float]:
        """Part -> mean square, in the order of the definition."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


Ledger = TypeVar("Ledger", LogLedger, MetricLedger)


def log_ledger(
    rows: pa.Table,
    choice: MapChoice = METRES,
    *,
    averaging: Averaging = "per_frame",
) -> PerRun[LogLedger]:
    """(arm, seed) -> the parts of its RMSElog squared.

    Needs the metrics rmse_log, log_bias, ledger_range, ledger_coarse and ledger_fine.

    Raises:
        DataError: naming what is missing; for several protocols or studies; for rows of one arm and seed
            that do not add up, so cannot come from the same pixels.
    """
    needed = ("rmse_log", "log_bias", "ledger_range", "ledger_coarse", "ledger_fine")
    runs = frame_values(rows, needed, choice)
    result = {}
    for run, frames in runs.items():
        weights = _weights(frames, "rmse_log", averaging)
        bias = frames.values["log_bias"]
        of_frame = _sequence_means(bias, weights, frames.sequence)
        grand = _mean(weights, bias)
        result[run] = ledger = LogLedger(
            calibration=grand * grand,
            between_sequences=_mean(weights, np.square(of_frame - grand)),
            frame_to_frame=_mean(weights, np.square(bias - of_frame)),
            range=_mean(weights, frames.values["ledger_range"]),
            coarse=_mean(weights, frames.values["ledger_coarse"]),
            fine=_mean(weights, frames.values["ledger_fine"]),
        )
        _adds_up(run, ledger, _mean(weights, np.square(frames.values["rmse_log"])))
    return _per_run(result, runs, rows, choice, averaging)


def metric_ledger(
    rows: pa.Table,
    choice: MapChoice = METRES,
    *,
    averaging: Averaging = "per_frame",
) -> PerRun[MetricLedger]:
    """(arm, seed) -> the parts of its mean square error in square metres.

    Needs the metrics rmse, ledger_scale_m2, ledger_shift_m2 and ledger_shape_m2.

    Raises:
        DataError: as `log_ledger`.
    """
    needed = ("rmse", "ledger_scale_m2", "ledger_shift_m2", "ledger_shape_m2")
    runs = frame_values(rows, needed, choice)
    result = {}
    for run, frames in runs.items():
        weights = _weights(frames, "rmse", averaging)
        scale, shift, shape = (_mean(weights, frames.values[n]) for n in needed[1:])
        result[run] = ledger = MetricLedger(scale_m2=scale, shift_m2=shift, shape_m2=shape)
        _adds_up(run, ledger, _mean(weights, np.square(frames.values["rmse"])))
    return _per_run(result, runs, rows, choice, averaging)


def over_seeds(ledgers: Mapping[tuple[str, int], Ledger]) -> dict[str, Ledger]:
    """Arm -> the mean of its seeds' ledgers, part by part."""
    seeds: dict[str, list[Ledger]] = {}
    for (arm, _), ledger in ledgers.items():
        seeds.setdefault(arm, []).append(ledger)
    return {
        arm: type(group[0])(
            **{
                name: math.fsum(ledger.parts[name] for ledger in group) / len(group)
                for name in group[0].parts
            }
        )
        for arm, group in seeds.items()
    }


def _per_run(
    ledgers: Mapping[tuple[str, int], Ledger],
    runs: Mapping[tuple[str, int], FrameValues],
    rows: pa.Table,
    choice: MapChoice,
    averaging: Averaging,
) -> PerRun[Ledger]:
    return PerRun(
        values_of=ledgers,
        frames={run: frames.frame.size for run, frames in runs.items()},
        protocol=protocol_of(rows),
        choice=choice,
        averaging=averaging,
    )


def _weights(frames: FrameValues, metric: str, averaging: Averaging) -> NDArray[np.float64]:
    """[n] summing to 1."""
    raw: NDArray[np.float64] = np.ones(frames.frame.size)
    if averaging == "pooled":
        raw = frames.pixels[metric].astype(np.float64)
    shares: NDArray[np.float64] = raw / raw.sum()
    return shares


def _mean(weights: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    # Not np.dot: its last digits depend on how many threads the machine lends it.
    return float((weights * values).sum())


def _sequence_means(
    values: NDArray[np.float64], weights: NDArray[np.float64], sequence: NDArray[np.int64]
) -> NDArray[np.float64]:
    """[n] the weighted mean of the values of each frame's own sequence."""
    _, index = np.unique(sequence, return_inverse=True)
    sums = np.bincount(index, weights=weights)
    # About one of the values: a mean of equal numbers is then that number, to the last bit.
    about = values[0]
    means = about + np.bincount(index, weights=weights * (values - about)) / sums
    return np.asarray(means[index])


def _adds_up(run: tuple[str, int], ledger: LogLedger | MetricLedger, total: float) -> None:
    if abs(ledger.total - total) > _AGREEMENT * total + _ROUNDING:
        arm, seed = run
        raise DataError(
            f"arm '{arm}', seed {seed}: the parts of the ledger sum to {ledger.total:.9g}, its mean square "
            f"error is {total:.9g}; these rows were not made from the same pixels"
        )
