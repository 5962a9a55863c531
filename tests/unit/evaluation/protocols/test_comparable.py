"""Numbers of two protocols never stand in one table, and the refusal says what differs."""

import pyarrow as pa
import pytest

from thermodepth.errors import DataError
from thermodepth.evaluation.protocols.protocol import PROTOCOLS
from thermodepth.evaluation.results.summary import summarise
from thermodepth.evaluation.rows.rows import (
    ROW_SCHEMA,
    RowsWriter,
    check_rows,
    concatenate,
    protocol_of,
    rows_from_records,
    write_rows,
)

METRIC, MEDIAN = PROTOCOLS["ms2_metric"], PROTOCOLS["ms2_median"]


def record(protocol, **changes):
    return {
        "study": "paper",
        "arm": "full",
        "seed": 0,
        "frame": 0,
        "sample_id": "f0",
        "sequence": "drive",
        "condition": "night",
        "protocol": protocol.protocol_id(),
        "head": "depth",
        "against": "truth",
        "alignment": "none",
        "slice": "all",
        "metric": "abs_rel",
        "value": 0.1,
        "pixels": 12,
    } | changes


def table(protocol, *, carried=True, **changes):
    return rows_from_records([record(protocol, **changes)], protocol=protocol if carried else None)


def test_each_way_to_mix_them_is_refused(tmp_path):
    records = [record(METRIC), record(MEDIAN, sample_id="f1", frame=1)]
    forged = pa.Table.from_pylist(records, schema=ROW_SCHEMA)

    def stream():
        with RowsWriter(tmp_path / "x") as writer:
            for protocol, frame in ((METRIC, 0), (MEDIAN, 1)):
                writer.append(table(protocol, frame=frame))

    ways = [
        lambda: rows_from_records(records),
        lambda: concatenate([table(METRIC), table(MEDIAN, sample_id="f1")]),
        lambda: check_rows(forged, where="here"),
        lambda: protocol_of(forged),
        lambda: write_rows(forged, tmp_path / "x"),
        lambda: summarise(forged, metrics=("abs_rel",)),
        stream,
    ]
    names = sorted(p.protocol_id() for p in (METRIC, MEDIAN))
    for way in ways:
        with pytest.raises(
            DataError, match=r"results of 2 protocols .*cannot be compared: score the"
        ) as e:
            way()
        assert all(name in str(e.value) for name in names)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        ({"alignment": "median"}, "(alignment none here, median there)"),
        (
            {"max_depth_m": 10.0, "range_bin_edges_m": [0.001, 10.0]},
            "(max_depth_m 80 here, 10 there; range_bin_edges_m 0.001/6/10/20/40/80 here, 0.001/10 there)",
        ),
        ({"truth": "depth"}, "(truth depth_filtered here, depth there)"),
        ({"averaging": "pooled"}, "(averaging per_frame here, pooled there)"),
        (
            {"crop": PROTOCOLS["nyu_eigen"].crop.tree()},
            "(crop none here, rows 45:471, columns 41:601 of 480x640 there)",
        ),
    ],
)
def test_the_choices_that_differ_are_named(edits, told):
    with pytest.raises(DataError) as error:
        concatenate([table(METRIC), table(METRIC.edit(edits), seed=1)])
    assert told in str(error.value)


def test_other_frames_are_another_protocol():
    one, two = METRIC.for_frames(["a", "b"]), METRIC.for_frames(["a", "c"])
    with pytest.raises(
        DataError, match=f"other frames .list {one.frame_list} here, {two.frame_list}"
    ):
        concatenate([table(one), table(two, seed=1)])


def test_rows_that_carry_nothing_are_refused_by_their_ids():
    with pytest.raises(DataError, match=r"in one table\. They count"):
        concatenate([table(METRIC, carried=False), table(MEDIAN, seed=1)])


def test_the_same_protocol_from_two_places_is_one():
    again = type(METRIC).parse(METRIC.tree())
    together = concatenate(
        [table(METRIC), table(again, seed=1), table(METRIC, seed=2, carried=False)]
    )
    assert protocol_of(together) == METRIC.protocol_id()
