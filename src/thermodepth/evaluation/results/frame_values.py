"""Rows of results to arrays over frames: some metrics of the whole frame, for each arm and seed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thermodepth.errors import DataError, unknown
from thermodepth.evaluation.results.summary import Averaging
from thermodepth.evaluation.rows.keys import column_codes, row_keys
from thermodepth.evaluation.rows.rows import TEACHER_ARM, WHOLE_FRAME, protocol_of

_RUN = ("arm", "seed")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class MapChoice:
    """Which of an arm's scored maps is meant. A map's ledger and scale stand under its natural alignment."""

    head: str = "depth"
    against: str = "truth"
    alignment: str = "none"

    def words(self) -> str:
        """For a note under a table."""
        return f"head {self.head} against {self.against}, alignment {self.alignment}"


METRES = MapChoice()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameValues:
    """What one arm and seed scored, frame by frame, in the order of the frames."""

    frame: NDArray[np.int64]  # [n] place in the list of frames
    sequence: NDArray[np.int64]  # [n] number of the frame's sequence; frames without one are one
    values: Mapping[str, NDArray[np.float64]]  # metric -> [n]
    pixels: Mapping[str, NDArray[np.int64]]  # metric -> [n]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PerRun(Mapping[tuple[str, int], Value]):
    """(arm, seed) -> what was worked out of its frames; arms in the order in which they first appear."""

    values_of: Mapping[tuple[str, int], Value]
    frames: Mapping[tuple[str, int], int]  # how many stand behind each
    protocol: str  # its id
    choice: MapChoice
    averaging: Averaging = "per_frame"

    def __getitem__(self, run: tuple[str, int]) -> Value:
        return self.values_of[run]

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return iter(self.values_of)

    def __len__(self) -> int:
        return len(self.values_of)

    def without(self, arms: Collection[str]) -> PerRun[Value]:
        """The same for all other arms."""
        others = {run: value for run, value in self.items() if run[0] not in arms}
        return replace(self, values_of=others, frames={run: self.frames[run] for run in others})


def frame_values(
    rows: pa.Table, metrics: Sequence[str], choice: MapChoice
) -> dict[tuple[str, int], FrameValues]:
    """(arm, seed) -> these metrics of its frames; arms in the order in which they first appear.

    Raises:
        DataError: for several protocols or studies; a head, reference or alignment that no row has; an
            arm and seed without one of the metrics, or with it on other frames than the first of them;
            arms or seeds that were not scored on the same frames.
    """
    protocol_of(rows)
    studies = column_codes(rows["study"])[1]
    if len(studies) > 1:
        raise DataError(
            f"rows of {len(studies)} studies ({', '.join(studies)}): take one at a time"
        )
    for column, value in {"slice": WHOLE_FRAME, **asdict(choice)}.items():
        matching = rows.filter(pc.equal(rows[column], value))
        if not matching.num_rows:
            raise DataError(unknown(column, value, column_codes(rows[column])[1]))
        rows = matching
    runs = _run_rows(rows)
    rows = rows.filter(pc.is_in(rows["metric"], pa.array(list(metrics))))
    rows = rows.take(np.argsort(row_keys(rows, ("frame", "sample_id")), kind="stable"))
    codes, names = column_codes(rows["metric"])
    sequence, _ = column_codes(rows["sequence"])
    frame, value, pixels = (rows[name].to_numpy() for name in ("frame", "value", "pixels"))
    with_metrics = _run_rows(rows)
    result = {}
    for arm, seed in runs:
        where = f"arm '{arm}', seed {seed} (head '{choice.head}', alignment '{choice.alignment}')"
        inside = with_metrics.get((arm, seed), np.empty(0, np.intp))
        index = {names[code]: inside[codes[inside] == code] for code in np.unique(codes[inside])}
        missing = [name for name in metrics if name not in index]
        if missing:
            raise DataError(f"{where} has no rows of {', '.join(missing)}: score it with them")
        first = index[metrics[0]]
        for name in metrics:
            if not np.array_equal(frame[index[name]], frame[first]):
                raise DataError(
                    f"{where} has {metrics[0]} on {first.size} frames and {name} on {index[name].size}, "
                    "not all the same: score both on the same frames"
                )
        result[arm, seed] = FrameValues(
            frame=frame[first],
            sequence=sequence[first],
            values={name: value[index[name]] for name in metrics},
            pixels={name: pixels[index[name]] for name in metrics},
        )
    _same_frames(result, where=f"head '{choice.head}', alignment '{choice.alignment}'")
    return result


def _same_frames(by_run: Mapping[tuple[str, int], FrameValues], *, where: str) -> None:
    """Refuse to set means over different frames side by side; the teacher answers where it can."""
    runs = {run: values for run, values in by_run.items() if run[0] != TEACHER_ARM}
    if not runs:
        return
    (arm, seed), first = next(iter(runs.items()))
    for (other, its_seed), values in runs.items():
        if not np.array_equal(values.frame, first.frame):
            raise DataError(
                f"{where}: arm '{arm}', seed {seed} has {first.frame.size} frames and arm '{other}', seed "
                f"{its_seed} has {values.frame.size}, not all the same: score both on the same frames"
            )


def _run_rows(rows: pa.Table) -> dict[tuple[str, int], NDArray[np.intp]]:
    """(arm, seed) -> the positions of its rows, ascending; runs in the order of their first rows."""
    _, first, run = np.unique(row_keys(rows, _RUN), return_index=True, return_inverse=True)
    arms, seeds = (rows[name].take(first).to_pylist() for name in _RUN)
    return {
        (arms[number], seeds[number]): np.flatnonzero(run == number)
        for number in np.argsort(first, kind="stable")
    }
