"""The long table: fixed schema, whole files, and refusals."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from thermodepth.errors import DataError
from thermodepth.evaluation.rows import (
    ROW_SCHEMA,
    check_rows,
    concatenate,
    protocol_of,
    read_rows,
    rows_from_columns,
    rows_from_records,
    write_rows,
)


def record(**changes):
    return {
        "study": "paper",
        "arm": "full",
        "seed": 0,
        "sample_id": "f0",
        "sequence": "drive",
        "condition": "night",
        "protocol": "toy-1",
        "slice": "all",
        "metric": "abs_rel",
        "value": 0.1,
        "pixels": 12,
    } | changes


def table(*changes):
    return rows_from_records([record(**c) for c in changes])


def test_the_schema_is_the_published_one():
    assert [(f.name, str(f.type)) for f in ROW_SCHEMA] == [
        ("study", "string"),
        ("arm", "string"),
        ("seed", "int64"),
        ("sample_id", "string"),
        ("sequence", "string"),
        ("condition", "string"),
        ("protocol", "string"),
        ("slice", "string"),
        ("metric", "string"),
        ("value", "double"),
        ("pixels", "int64"),
    ]


def test_records_and_columns_give_the_same_table():
    records = [record(), record(metric="rmse", value=1.5)]
    columns = {name: [r[name] for r in records] for name in reversed(ROW_SCHEMA.names)}
    built = rows_from_columns(columns)
    assert built.equals(rows_from_records(records))
    assert built.to_pylist() == records
    assert built.schema.equals(ROW_SCHEMA)


def test_no_records_give_an_empty_table_of_the_schema():
    empty = rows_from_records([])
    assert empty.num_rows == 0
    assert empty.schema.equals(ROW_SCHEMA)
    with pytest.raises(DataError, match="empty, so it has no protocol"):
        protocol_of(empty)


def test_round_trip_is_exact(tmp_path):
    rows = table({"value": 1 / 3}, {"seed": 1, "value": 5e-324})
    write_rows(rows, tmp_path / "new" / "rows.parquet")
    back = read_rows(tmp_path / "new" / "rows.parquet")
    assert back.equals(rows)
    assert back.schema.equals(ROW_SCHEMA)
    assert protocol_of(back) == "toy-1"
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["rows.parquet"]


def test_the_same_rows_give_the_same_bytes_in_any_order_and_chunking(tmp_path):
    changes = [{"sample_id": f"f{i % 5}", "seed": i // 5, "value": i / 7} for i in range(20)]
    write_rows(table(*changes), tmp_path / "a")
    parts = [table(c) for c in reversed(changes)]
    write_rows(concatenate(parts), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    write_rows(table(*changes[:-1], changes[-1] | {"value": 99.0}), tmp_path / "c")
    assert (tmp_path / "a").read_bytes() != (tmp_path / "c").read_bytes()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "rows.parquet"
    write_rows(table({}), path)
    before = path.read_bytes()

    def stop(_table, where, **_):
        where.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(pq, "write_table", stop)
    with pytest.raises(KeyboardInterrupt):
        write_rows(table({"value": 2.0}), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_concatenate_keeps_all_rows():
    rows = concatenate([table({}), rows_from_records([]), table({"seed": 1}, {"seed": 2})])
    assert rows["seed"].to_pylist() == [0, 1, 2]


def test_two_protocols_are_never_in_one_table(tmp_path):
    mixed = [{}, {"sample_id": "f1", "protocol": "toy-2"}]
    reason = r"2 protocols \(toy-1, toy-2\).*cannot be compared.*score the stored predictions again"
    with pytest.raises(DataError, match=reason):
        table(*mixed)
    with pytest.raises(DataError, match=reason):
        concatenate([table(c) for c in mixed])
    arrays = [pa.array([record(**c)[n] for c in mixed], t) for n, t in _fields()]
    forged = pa.Table.from_arrays(arrays, schema=ROW_SCHEMA)
    for use in (lambda: write_rows(forged, tmp_path / "x"), lambda: protocol_of(forged)):
        with pytest.raises(DataError, match=reason):
            use()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_not_finite_is_named(value):
    with pytest.raises(DataError, match=r"rmse of frame 'f7' .arm 'full', seed 3. is"):
        table({}, {"metric": "rmse", "sample_id": "f7", "seed": 3, "value": value})


def test_a_row_of_no_pixels_is_refused():
    with pytest.raises(DataError, match="fewer than one pixel"):
        table({"pixels": 0})


def test_the_same_measurement_twice_is_refused():
    with pytest.raises(DataError, match=r"there 2 times \(study 'paper', arm 'full', seed 0"):
        table({}, {"value": 0.2})
    with pytest.raises(DataError, match="there 2 times"):
        concatenate([table({}), table({})])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": "much"}, "result column 'value'"),
        ({"seed": 1.5}, "result column 'seed'"),
        ({"seed": 2**70}, "result column 'seed'"),
        ({"seed": True}, "result column 'seed' is int64, got bool"),
        ({"arm": 3}, "result column 'arm' is string, got int64"),
        ({"condition": None}, "1 rows have no 'condition'"),
        ({"extra": 1}, "row 0: missing nothing; not known extra"),
    ],
)
def test_records_that_do_not_fit(change, message):
    with pytest.raises(DataError, match=message):
        table(change)


def test_whole_numbers_are_values_too():
    assert table({"value": 2})["value"].to_pylist() == [2.0]


def test_missing_fields_and_uneven_columns():
    short = record()
    del short["pixels"]
    with pytest.raises(DataError, match="row 1: missing pixels; not known nothing"):
        rows_from_records([record(), short])
    columns = {name: [value] for name, value in record().items()}
    with pytest.raises(DataError, match=r"differ in length: .*seed 2"):
        rows_from_columns(columns | {"seed": [0, 1]})


def test_other_tables_are_refused(tmp_path):
    other = pa.table({"value": [1.0]})
    for use in (lambda: check_rows(other, where="here"), lambda: concatenate([table({}), other])):
        with pytest.raises(DataError, match="not a table of results"):
            use()
    pq.write_table(other, tmp_path / "other.parquet")
    with pytest.raises(DataError, match=r"other.parquet: not a table of results"):
        read_rows(tmp_path / "other.parquet")
    with pytest.raises(DataError, match="no table of results"):
        concatenate([])


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match="no such file of results"):
        read_rows(tmp_path / "none.parquet")
    write_rows(table({}), tmp_path / "rows.parquet")
    whole = (tmp_path / "rows.parquet").read_bytes()
    for broken in (b"", b"not parquet at all", whole[: len(whole) // 2]):
        (tmp_path / "broken.parquet").write_bytes(broken)
        with pytest.raises(DataError, match=r"broken.parquet: cannot be read as parquet"):
            read_rows(tmp_path / "broken.parquet")


def _fields():
    return [(field.name, field.type) for field in ROW_SCHEMA]
