"""Scores of a finished study as they are published, and read again by `study analyze`."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from refresh import scores_of
from thermodepth.statistics import read_measurements


def rows() -> pa.Table:
    """Two arms and a baseline; of each a whole frame, a range of it, and one that is aligned."""
    records = [
        {
            "arm": arm,
            "seed": seed,
            "sample_id": image,
            "head": "depth",
            "against": "truth",
            "alignment": alignment,
            "slice": place,
            "metric": metric,
            "value": 0.1 * seed + (arm == "full"),
        }
        for arm in ("full", "no-silog", "row ramp")
        for seed in (0, 1)
        for image in ("a", "b")
        for alignment in ("none", "median")
        for place in ("all", "range:6-16")
        for metric in ("abs_rel", "mae")
    ]
    return pa.Table.from_pylist(records)


def test_scores_of_whole_frames_are_those_that_analyze_reads(tmp_path: Path) -> None:
    scores = scores_of(rows(), ["full", "no-silog"])
    assert scores.num_rows == 2 * 2 * 2
    pq.write_table(scores, tmp_path / "scores.parquet")
    measured = read_measurements(tmp_path / "scores.parquet")
    assert list(measured) == ["abs_rel"]
    assert measured["abs_rel"].arms == ("full", "no-silog")
    assert measured["abs_rel"].values[0, 1].tolist() == [1.1, 1.1]
