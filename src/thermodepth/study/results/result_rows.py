"""From the long table of results to the block of one quantity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from thermodepth.errors import DataError
from thermodepth.evaluation.rows.keys import column_codes
from thermodepth.evaluation.rows.rows import WHOLE_FRAME, protocol_of
from thermodepth.metrics import ERRORS, metric_rows
from thermodepth.statistics.measurements import Codes, Images, Measurements, block
from thermodepth.statistics.two_way import blocks_of


def measurements_of(
    rows: pa.Table,
    quantity: str,
    *,
    head: str = "depth",
    against: str = "truth",
    alignment: str = "none",
    slice: str = WHOLE_FRAME,
    arms: Sequence[str] | None = None,
    images: Images = "same",
    block_frames: int | None = None,
) -> Measurements:
    """The block of one quantity from the long table of results.

    Images of one sequence are a cluster; an image without a sequence is one of its own.

    Args:
        rows: results of one study.
        quantity: a metric, or `METRIC.FORM`.
        head: which rows; so are against, alignment and slice.
        arms: which, in order; None takes all that occur.
        images: as for `block`.
        block_frames: cut every sequence into clusters of so many consecutive frames.

    Raises:
        DataError: as `block`; for rows of several studies or protocols, or an error that one cell counts
            over other pixels than another.
        SettingsError: for a metric or form that does not exist.
    """
    protocol_of(rows)
    name, _, form = quantity.partition(".")
    (metric,) = metric_rows([name])
    selection = {"head": head, "against": against, "alignment": alignment, "slice": slice}
    selected = _selected(rows, name, selection, arms)

    def codes(column: str) -> Codes:
        index, names = column_codes(selected[column])
        return Codes(index=index, names=names)

    measurements = block(
        metric=name,
        arm=_as_they_come(codes("arm")),
        seed=codes("seed"),
        image=codes("sample_id"),
        cluster=codes("sequence"),
        value=selected["value"].to_numpy(),
        pixels=selected["pixels"].to_numpy().astype(np.float64),
        arms=arms,
        images=images,
    )
    if name in ERRORS:
        _same_pixels(measurements)
    if block_frames is not None:
        columns = (selected[column].to_pylist() for column in ("sample_id", "frame"))
        frame = dict(zip(*columns, strict=True))
        numbers = [frame[image] for image in measurements.images]
        measurements = measurements.in_clusters(
            blocks_of(numbers, block_frames, sequences=measurements.clusters)
        )
    return measurements.form(form or "value", optimum=metric.optimum)  # type: ignore[arg-type]  # it checks


def _selected(
    rows: pa.Table, metric: str, selection: Mapping[str, str], arms: Sequence[str] | None
) -> pa.Table:
    """The rows of one metric with these columns' values, all of one study."""
    keep = pc.equal(rows["metric"], metric)
    for column, text in selection.items():
        keep = pc.and_(keep, pc.equal(rows[column], text))
    if arms is not None:
        keep = pc.and_(keep, pc.is_in(rows["arm"], pa.array(list(arms), type=pa.string())))
    selected = rows.filter(keep)
    if selected.num_rows == 0:
        raise DataError(f"no value of {metric} ({', '.join(selection.values())})")
    studies = column_codes(selected["study"])[1]
    if len(studies) > 1:
        raise DataError(
            f"rows of {len(studies)} studies ({', '.join(studies)}); analyse one at a time"
        )
    return selected


def _same_pixels(block: Measurements) -> None:
    assert block.pixels is not None
    of_cells = block.pixels[block.present]  # [cells i]
    unlike = np.argwhere(of_cells != of_cells[0])
    if unlike.size:
        cell, image = unlike[0].tolist()
        a, s = np.argwhere(block.present)[cell].tolist()
        raise DataError(
            f"{block.metric} of image '{block.images[image]}' is over {of_cells[cell, image]:g} pixels (arm "
            f"'{block.arms[a]}', seed {block.seeds[s]}) and over {of_cells[0, image]:g} elsewhere; score "
            "all on the same pixels"
        )


def _as_they_come(codes: Codes) -> Codes:
    """Names in the order of their first appearance, not of the alphabet."""
    _, first = np.unique(codes.index, return_index=True)
    order = np.argsort(first, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    return Codes(index=place[codes.index], names=[codes.names[each] for each in order])
