"""Rows of results to arrays over frames: some metrics of the whole frame, for each arm and seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thermodepth.errors import DataError, unknown
from thermodepth.evaluation.rows.keys import column_codes, row_keys
from thermodepth.evaluation.rows.rows import TEACHER_ARM, WHOLE_FRAME, protocol_of

_CELL = ("arm", "seed")


@dataclass(frozen=True, slots=True, kw_only=True)
class WhichMap:
    """Which of an arm's scored maps is meant. A map's ledger and scale stand under its natural alignment."""

    head: str = "depth"
    against: str = "truth"
    alignment: str = "none"

    def words(self) -> str:
        """For a note under a table."""
        return f"head {self.head} against {self.against}, alignment {self.alignment}"


METRES = WhichMap()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameValues:
    """What one arm and seed scored, frame by frame, in the order of the frames."""

    frame: NDArray[np.int64]  # [n] place in the list of frames
    sequence: NDArray[np.int64]  # [n] number of the frame's sequence; frames without one are one
    values: Mapping[str, NDArray[np.float64]]  # metric -> [n]
    pixels: Mapping[str, NDArray[np.int64]]  # metric -> [n]


def frame_values(
    rows: pa.Table, metrics: Sequence[str], which: WhichMap
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
    kept = rows
    wanted = {"slice": WHOLE_FRAME, **asdict(which)}
    for column, value in wanted.items():
        left = kept.filter(pc.equal(kept[column], value))
        if not left.num_rows:
            raise DataError(unknown(column, value, column_codes(kept[column])[1]))
        kept = left
    cells = _cells(kept)
    kept = kept.filter(pc.is_in(kept["metric"], pa.array(list(metrics))))
    kept = kept.take(np.argsort(row_keys(kept, ("frame", "sample_id")), kind="stable"))
    codes, names = column_codes(kept["metric"])
    sequence, _ = column_codes(kept["sequence"])
    frame, value, pixels = (kept[name].to_numpy() for name in ("frame", "value", "pixels"))
    found = _cells(kept)
    result = {}
    for arm, seed in cells:
        where = f"arm '{arm}', seed {seed} (head '{which.head}', alignment '{which.alignment}')"
        inside = found.get((arm, seed), np.empty(0, np.intp))
        of = {names[code]: inside[codes[inside] == code] for code in np.unique(codes[inside])}
        missing = [name for name in metrics if name not in of]
        if missing:
            raise DataError(f"{where} has no rows of {', '.join(missing)}: score it with them")
        first = of[metrics[0]]
        for name in metrics:
            if not np.array_equal(frame[of[name]], frame[first]):
                raise DataError(
                    f"{where} has {metrics[0]} on {first.size} frames and {name} on {of[name].size}, "
                    "not all the same: score both on the same frames"
                )
        result[arm, seed] = FrameValues(
            frame=frame[first],
            sequence=sequence[first],
            values={name: value[of[name]] for name in metrics},
            pixels={name: pixels[of[name]] for name in metrics},
        )
    _same_frames(result, where=f"head '{which.head}', alignment '{which.alignment}'")
    return result


def _same_frames(cells: Mapping[tuple[str, int], FrameValues], *, where: str) -> None:
    """Refuse to set means over different frames side by side; the teacher answers where it can."""
    held = {cell: values for cell, values in cells.items() if cell[0] != TEACHER_ARM}
    if not held:
        return
    (arm, seed), first = next(iter(held.items()))
    for (other, its_seed), values in held.items():
        if not np.array_equal(values.frame, first.frame):
            raise DataError(
                f"{where}: arm '{arm}', seed {seed} has {first.frame.size} frames and arm '{other}', seed "
                f"{its_seed} has {values.frame.size}, not all the same: score both on the same frames"
            )


def _cells(rows: pa.Table) -> dict[tuple[str, int], NDArray[np.intp]]:
    """(arm, seed) -> the places of its rows, ascending; cells in the order of their first rows."""
    _, first, cell = np.unique(row_keys(rows, _CELL), return_index=True, return_inverse=True)
    arms, seeds = (rows[name].take(first).to_pylist() for name in _CELL)
    return {
        (arms[number], seeds[number]): np.flatnonzero(cell == number)
        for number in np.argsort(first, kind="stable")
    }
