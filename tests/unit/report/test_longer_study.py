"""A short study beside the published one: whose it is, what overlaps, and a file that reads back."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from thermodepth.recipes import named_study, named_training
from thermodepth.report.study.longer import as_published, longer_table
from thermodepth.report.table import Interval
from thermodepth.study.arm import ArmLabel
from thermodepth.study.results import published
from thermodepth.study.results.entries import TableEntries, table_entries
from thermodepth.study.results.published import PublishedChange, PublishedStudy

MakeRows = Callable[[dict[str, Any]], pa.Table]
PROTOCOL = "toy-0123456789ab"


@pytest.fixture
def entries(make_rows: MakeRows, arms: Sequence[ArmLabel]) -> TableEntries:
    """Removing SiLog costs a tenth, removing smoothness nothing; four seeds, eight frames."""
    rng = np.random.default_rng(0)
    frame = 0.2 + 0.02 * rng.normal(size=8)
    factors = {"full": 1.0, "no-silog": 1.1, "no-smooth": 1.0}
    values = {
        arm: {
            seed: {f"f{i}": factor * frame[i] + 0.001 * rng.normal() for i in range(8)}
            for seed in range(4)
        }
        for arm, factor in factors.items()
    }
    return table_entries(make_rows(values), arms=arms[:3], reference="full")


def _change(percent: float) -> PublishedChange:
    return PublishedChange(percent=percent, low=percent - 1, high=percent + 1)


def test_intervals_that_share_a_value_and_those_that_do_not(entries: TableEntries) -> None:
    longer = PublishedStudy(
        seeds=5,
        steps=400,
        protocol=PROTOCOL,
        changes={"abs_rel": {"no-silog": _change(10.5), "no-smooth": _change(30.0)}},
    )
    table = longer_table(entries, longer)
    silog, smooth = table.rows
    assert (silog[0], silog[3], silog[6]) == ("No SiLog", "overlap", None)
    assert (smooth[0], smooth[3]) == ("No Smooth", "apart")
    assert isinstance(silog[1], Interval)
    assert isinstance(silog[2], Interval)
    assert (silog[1].value, silog[2].value) == (10.5, pytest.approx(10, abs=1))
    assert "5 seeds, 400 steps" in table.notes[0]


def test_what_is_written_is_read_back_where_it_may_stand_beside(
    entries: TableEntries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = named_study("paper", named_training("thermal").edit({"steps": 400}), seeds=4)
    text = as_published(long, PROTOCOL, entries)
    assert set(json.loads(text)["changes"]["abs_rel"]) == {"no-silog", "no-smooth"}
    folder = tmp_path / published.FOLDER
    folder.mkdir(parents=True)
    (folder / "study-paper.json").write_text(text)
    monkeypatch.setattr(published, "files", lambda _: tmp_path)
    short = named_study("paper", named_training("thermal").edit({"steps": 100}), seeds=3)
    read = published.published_study(short, PROTOCOL)
    assert read is not None
    entry = entries.whole["rmse"].entries["no-silog"]
    assert entry.change is not None
    assert read.changes["rmse"]["no-silog"].percent == entry.change.percent
    assert (read.seeds, read.steps) == (4, 400)
    # Other frames, the long study itself, a study of another name.
    assert published.published_study(short, "toy-ffffffffffff") is None
    assert published.published_study(long, PROTOCOL) is None
    factorial = named_study("paper-factorial", named_training("thermal"), seeds=3)
    assert published.published_study(factorial, PROTOCOL) is None
