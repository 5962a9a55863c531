"""Scores of a finished study as they are published, and read again by `study analyze`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from thermodepth.statistics import read_measurements

DOCS = Path(__file__).resolve().parents[3] / "docs"


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


@pytest.mark.parametrize("reach", [6, 16, 40])
@pytest.mark.parametrize(("metric", "column"), [("abs_rel", 5), ("rmse", 6)])
def test_the_published_table_is_what_the_published_scores_say(
    reach: int, metric: str, column: int
) -> None:
    page = (DOCS / "results.md").read_text(encoding="utf-8")
    (line,) = re.findall(rf"^\| truth to {reach} m \| all pixels \|.*$", page, re.MULTILINE)
    scores = read_measurements(DOCS / "studies" / "scores" / "paper-limited-synthetic.parquet")
    off = f"reach-{reach}-no-consistency"
    means = {
        arm: float(np.mean(scores[metric].values[scores[metric].arms.index(arm)]))
        for arm in (f"reach-{reach}", off)
    }
    percent = 100 * (means[f"reach-{reach}"] / means[off] - 1)
    printed = line.split("|")[column].split()[0].replace("−", "-")
    assert float(printed) == pytest.approx(percent, abs=0.06)


def test_scores_of_whole_frames_are_those_that_analyze_reads(
    tmp_path: Path, load_tool: Callable[[str], ModuleType]
) -> None:
    scores = load_tool("refresh").scores_of(rows(), ["full", "no-silog"])
    assert scores.num_rows == 2 * 2 * 2
    pq.write_table(scores, tmp_path / "scores.parquet")
    measured = read_measurements(tmp_path / "scores.parquet")
    assert list(measured) == ["abs_rel"]
    assert measured["abs_rel"].arms == ("full", "no-silog")
    assert measured["abs_rel"].values[0, 1].tolist() == [1.1, 1.1]
