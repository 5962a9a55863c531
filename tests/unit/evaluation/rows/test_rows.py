"""The long table: fixed schema, either encoding, whole files, and refusals."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from thermodepth.errors import DataError
from thermodepth.evaluation.rows import parquet as parquet_files
from thermodepth.evaluation.rows import rows as rows_module
from thermodepth.evaluation.rows.keys import column_codes, row_keys
from thermodepth.evaluation.rows.rows import (
    ENCODED_SCHEMA,
    KEY,
    ROW_SCHEMA,
    RowsWriter,
    check_rows,
    concatenate,
    plain_text,
    protocol_of,
    protocol_settings,
    read_rows,
    rows_from_columns,
    rows_from_records,
    with_protocol,
    write_rows,
)


def record(**changes):
    return {
        "study": "paper",
        "arm": "full",
        "seed": 0,
        "frame": 0,
        "sample_id": "f0",
        "sequence": "drive",
        "condition": "night",
        "protocol": "toy-1",
        "head": "depth",
        "against": "truth",
        "alignment": "none",
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
        ("frame", "int64"),
        ("sample_id", "string"),
        ("sequence", "string"),
        ("condition", "string"),
        ("protocol", "string"),
        ("head", "string"),
        ("against", "string"),
        ("alignment", "string"),
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
    assert built.schema.equals(ENCODED_SCHEMA)
    assert plain_text(built).schema.equals(ROW_SCHEMA)
    assert plain_text(built).to_pylist() == records


def test_columns_may_be_arrays_of_any_kind():
    columns = {name: [value, value] for name, value in record().items()}
    given = columns | {
        "sample_id": pa.array(["f0", "f1"]).dictionary_encode(),
        "arm": np.array(["full", "full"]),
        "metric": pa.array(["abs_rel", "abs_rel"]).cast(pa.dictionary(pa.int8(), pa.string())),
        "value": np.array([0.1, 0.2], np.float32),
        "pixels": np.array([1, 2], np.int32),
    }
    built = rows_from_columns(given)
    assert built.schema.equals(ENCODED_SCHEMA)
    assert built["sample_id"].to_pylist() == ["f0", "f1"]
    assert built["pixels"].to_pylist() == [1, 2]


def test_no_records_give_an_empty_table_of_the_schema():
    empty = rows_from_records([])
    assert empty.num_rows == 0
    assert empty.schema.equals(ENCODED_SCHEMA)
    with pytest.raises(DataError, match="empty, so it has no protocol"):
        protocol_of(empty)


def test_round_trip_is_exact(tmp_path):
    rows = table({"value": 1 / 3}, {"seed": 1, "value": 5e-324})
    write_rows(rows, tmp_path / "new" / "rows.parquet")
    back = read_rows(tmp_path / "new" / "rows.parquet")
    assert back.equals(rows)
    assert back.schema.equals(ENCODED_SCHEMA)
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

    def stop(_writer, _table):
        raise KeyboardInterrupt

    monkeypatch.setattr(pq.ParquetWriter, "write_table", stop)
    with pytest.raises(KeyboardInterrupt):
        write_rows(table({"value": 2.0}), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_concatenate_keeps_all_rows():
    rows = concatenate([table({}), rows_from_records([]), table({"seed": 1}, {"seed": 2})])
    assert rows["seed"].to_pylist() == [0, 1, 2]


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


def test_a_file_that_fills_memory_is_refused_by_its_header(tmp_path, monkeypatch):
    """A row is 11 codes of 4 bytes and 4 numbers of 8; 20 000 of them take far less in the file."""
    alike = rows_from_records([record(seed=seed, value=1.0) for seed in range(20_000)])
    write_rows(alike, tmp_path / "rows.parquet")
    assert (tmp_path / "rows.parquet").stat().st_size < 1_000_000
    monkeypatch.setattr(parquet_files, "_MOST_ROWS", 20_000)
    assert read_rows(tmp_path / "rows.parquet").num_rows == 20_000
    monkeypatch.setattr(pq.ParquetFile, "read", lambda *_: pytest.fail("its rows were read"))
    monkeypatch.setattr(parquet_files, "_MOST_ROWS", 19_999)
    with pytest.raises(DataError, match=r"rows\.parquet: the header says 20000 rows"):
        read_rows(tmp_path / "rows.parquet")
    monkeypatch.setattr(parquet_files, "_MOST_ROWS", 20_000)
    monkeypatch.setattr(parquet_files, "_MOST_BYTES", 20_000 * (11 * 4 + 4 * 8))
    with pytest.raises(DataError, match=r"20000 rows in about 0\.0 GB of memory"):
        read_rows(tmp_path / "rows.parquet")


def test_long_texts_count_as_memory_too(tmp_path, monkeypatch):
    write_rows(table({"sequence": "x" * 1_000_000}), tmp_path / "rows.parquet")
    assert (tmp_path / "rows.parquet").stat().st_size < 50_000
    monkeypatch.setattr(parquet_files, "_MOST_BYTES", 900_000)
    with pytest.raises(DataError, match=r"1 rows in about 0\.0 GB"):
        read_rows(tmp_path / "rows.parquet")


def test_damaged_files_are_named_and_nothing_else_comes_up(tmp_path, protocol):
    path, name = tmp_path / "rows.parquet", protocol.protocol_id()
    records = [record(protocol=name, frame=i, sample_id=f"f{i}") for i in range(40)]
    write_rows(rows_from_records(records, protocol=protocol), path)
    whole, random, lost = path.read_bytes(), np.random.default_rng(0), 0
    for _ in range(300):
        damaged = bytearray(whole)
        for place in random.choice(len(whole), random.integers(1, 4), replace=False):
            damaged[place] ^= random.integers(1, 256)
        path.write_bytes(damaged)
        try:
            read_rows(path)
        except DataError:
            lost += 1
    assert lost > 200


def test_places_beyond_a_dictionary_are_refused(tmp_path, monkeypatch):
    write_rows(table({}), tmp_path / "rows.parquet")
    sound = table({})
    codes = pa.DictionaryArray.from_arrays(
        pa.array([7], pa.int32()), pa.array(["full"]), safe=False
    )
    broken = sound.set_column(1, sound.schema.field("arm"), codes)
    monkeypatch.setattr(pq.ParquetFile, "read", lambda _: broken)
    with pytest.raises(DataError, match=r"rows\.parquet: cannot be read as parquet"):
        read_rows(tmp_path / "rows.parquet")


def forged(*changes):
    """A table in the plain schema that nothing has checked."""
    records = [record(**change) for change in changes]
    return pa.Table.from_pylist(records, schema=ROW_SCHEMA)


MANY = [
    {"sample_id": f"f{i}", "frame": i, "arm": arm, "value": i / 7}
    for i in range(7)
    for arm in ("full", "bare")
]


def test_everything_takes_either_encoding(tmp_path):
    encoded, plain = table(*MANY), forged(*MANY)
    assert check_rows(plain, where="here") is plain
    assert protocol_of(plain) == protocol_of(encoded) == "toy-1"
    write_rows(encoded, tmp_path / "a")
    write_rows(plain, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    mixed = concatenate([plain.slice(0, 5), encoded.slice(5)])
    assert mixed.schema.equals(ENCODED_SCHEMA)
    assert mixed.to_pylist() == encoded.to_pylist()
    with pytest.raises(DataError, match="there 2 times"):
        concatenate([plain, encoded])
    assert check_rows(pa.concat_tables([encoded.slice(0, 3), table({"seed": 9})]), where="here")


def test_files_have_plain_text_and_the_documented_order(tmp_path):
    random = np.random.default_rng(0)
    write_rows(table(*MANY).take(random.permutation(len(MANY))), tmp_path / "rows.parquet")
    stored = pq.read_table(tmp_path / "rows.parquet")
    assert stored.schema.equals(ROW_SCHEMA)
    keys = [tuple(row[name] for name in KEY) for row in stored.to_pylist()]
    assert keys == sorted(keys)
    assert len(keys) == len(MANY)


def test_rows_carry_their_protocol(protocol, tmp_path):
    own = protocol.edit({"alignment": "median"}).for_frames(["f0"])
    rows = rows_from_records([record(protocol=own.protocol_id())], protocol=own)
    assert protocol_settings(rows) == own
    assert protocol_settings(table({})) is None
    write_rows(rows, tmp_path / "rows.parquet")
    for kept in (
        read_rows(tmp_path / "rows.parquet"),
        rows.filter(pa.array([True])),
        plain_text(rows),
        concatenate([rows_from_records([]), rows]),
        concatenate([table({"protocol": own.protocol_id(), "seed": 1}), rows]),
    ):
        assert protocol_settings(kept) == own
    carried = read_rows(tmp_path / "rows.parquet").schema.metadata[b"thermodepth.protocol"]
    assert b'"alignment":"median"' in carried


def test_settings_of_another_protocol_are_refused(protocol):
    with pytest.raises(DataError, match=f"protocol toy-1 and carry .* {protocol.protocol_id()}"):
        with_protocol(table({}), protocol)
    with pytest.raises(DataError, match="carry the settings of"):
        rows_from_records([record()], protocol=protocol)
    broken = table({}).replace_schema_metadata({"thermodepth.protocol": '{"name": "toy"}'})
    with pytest.raises(DataError, match=r"the protocol in a table of results: .*min_depth_m"):
        check_rows(broken, where="here")


@pytest.mark.parametrize(
    "text", ["[" * 90_000, '"x"', "[]", "null", "{", "\xff", '{"name": ' * 900]
)
def test_settings_that_are_none_are_named(text):
    odd = table({}).replace_schema_metadata({"thermodepth.protocol": text.encode("latin-1")})
    with pytest.raises(
        DataError, match=r"the protocol in a table of results: cannot be read as JSON"
    ):
        check_rows(odd, where="here")
    long = odd.replace_schema_metadata({"thermodepth.protocol": "[" * 100_001})
    with pytest.raises(DataError, match="100001 bytes, which no protocol has"):
        check_rows(long, where="here")


def test_the_place_of_a_mask_is_not_taken_from_a_table(protocol):
    masked = protocol.edit({"mask": {"path": "/dev/zero", "sha256": "0" * 64}})
    rows = table({"protocol": masked.protocol_id()})
    text = json.dumps(masked.tree())
    carried = protocol_settings(rows.replace_schema_metadata({"thermodepth.protocol": text}))
    assert carried.mask.path == ""
    assert carried.mask.sha256 == "0" * 64


class TestRowsWriter:
    def chunks(self, size):
        changes = [{"sample_id": f"f{i}", "frame": i, "value": i / 7} for i in range(10)]
        return [table(*changes[n : n + size]) for n in range(0, 10, size)]

    def write(self, path, chunks):
        with RowsWriter(path) as writer:
            for chunk in chunks:
                writer.append(chunk)
        return path.read_bytes()

    def test_rows_come_back_in_the_order_they_went(self, tmp_path, monkeypatch):
        monkeypatch.setattr(rows_module, "_GROUP_ROWS", 4)
        self.write(tmp_path / "new" / "a", self.chunks(3))
        back = read_rows(tmp_path / "new" / "a")
        assert back["frame"].to_pylist() == list(range(10))
        assert back.equals(concatenate(self.chunks(10)))
        assert pq.ParquetFile(tmp_path / "new" / "a").metadata.num_row_groups == 3
        assert [p.name for p in (tmp_path / "new").iterdir()] == ["a"]

    def test_the_bytes_do_not_follow_the_chunks(self, tmp_path, monkeypatch):
        monkeypatch.setattr(rows_module, "_GROUP_ROWS", 4)
        written = {self.write(tmp_path / "a", self.chunks(size)) for size in (1, 2, 3, 7, 10)}
        plain = [plain_text(chunk) for chunk in self.chunks(3)]
        assert written == {self.write(tmp_path / "a", plain)}

    def test_no_more_than_a_row_group_and_a_chunk_is_held(self, tmp_path, monkeypatch):
        monkeypatch.setattr(rows_module, "_GROUP_ROWS", 4)
        with RowsWriter(tmp_path / "a") as writer:
            for count, chunk in enumerate(self.chunks(1), 1):
                writer.append(chunk)
                assert writer.num_rows == count
                assert sum(table.num_rows for table in writer._buffer) < 4

    def test_the_protocol_is_carried(self, tmp_path, protocol):
        name = protocol.protocol_id()
        chunks = [
            rows_from_records([record(protocol=name, frame=i, sample_id=str(i))], protocol=protocol)
            for i in range(3)
        ]
        self.write(tmp_path / "a", chunks)
        assert protocol_settings(read_rows(tmp_path / "a")) == protocol

    def test_arms_may_come_one_after_the_other(self, tmp_path):
        full = self.chunks(5)
        bare = [
            table(*({"arm": "bare", "frame": i, "sample_id": f"f{i}"} for i in range(3))),
        ]
        self.write(tmp_path / "a", [*full, rows_from_records([]), *bare])
        assert read_rows(tmp_path / "a").num_rows == 13

    def test_a_frame_out_of_order_is_refused_and_the_old_file_stays(self, tmp_path):
        before = self.write(tmp_path / "a", self.chunks(10))
        one, two = self.chunks(5)
        with pytest.raises(DataError, match=r"frame 0 of arm 'full', seed 0 comes after frame 9"):
            self.write(tmp_path / "a", [two, one])
        with pytest.raises(DataError, match=r"frame 0 .* comes after frame 4"):
            self.write(tmp_path / "a", [one, one])
        with pytest.raises(DataError, match="not a table of results"):
            self.write(tmp_path / "a", [one, pa.table({"value": [1.0]})])
        # One frame twice, and one frame in two parts, of which neither has a row of the other.
        first, rest = self.chunks(1)[0], table({"metric": "rmse"})
        for second in (first, rest):
            with pytest.raises(DataError, match=r"frame 0 .* comes after frame 0;"):
                self.write(tmp_path / "a", [first, second])
        assert (tmp_path / "a").read_bytes() == before
        assert [p.name for p in tmp_path.iterdir()] == ["a"]

    def test_a_stopped_block_leaves_nothing(self, tmp_path, monkeypatch):
        monkeypatch.setattr(rows_module, "_GROUP_ROWS", 4)

        def stop():
            with RowsWriter(tmp_path / "a") as writer:
                writer.append(self.chunks(10)[0])
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            stop()
        assert list(tmp_path.iterdir()) == []

    def test_no_rows_are_an_empty_table(self, tmp_path):
        self.write(tmp_path / "a", [])
        assert read_rows(tmp_path / "a").num_rows == 0


class TestKeys:
    def test_codes_are_places_among_the_sorted_values(self):
        column = table({"arm": "b"}, {"arm": "é"}, {"arm": "a"}, {"arm": "b", "seed": 1})["arm"]
        codes, values = column_codes(column)
        assert values == ["a", "b", "é"]
        assert codes.tolist() == [1, 2, 0, 1]
        # What a filter took away is no value any more.
        codes, values = column_codes(column.filter(pa.array([True, True, False, True])))
        assert (codes.tolist(), values) == ([0, 1, 0], ["b", "é"])
        assert column_codes(column.slice(0, 0))[1] == []

    def test_keys_are_equal_and_ordered_as_the_rows_are(self, monkeypatch):
        random = np.random.default_rng(1)
        rows = pa.table(
            {
                "a": [f"w{n}" for n in random.integers(0, 9, 300)],
                "b": random.integers(-5, 5, 300),
                "c": [f"v{n}" for n in random.integers(0, 4, 300)],
            }
        )
        tuples = [tuple(row.values()) for row in rows.to_pylist()]
        place = {row: n for n, row in enumerate(sorted(set(tuples)))}
        expected = [place[row] for row in tuples]
        for largest in (2**62, 20):  # the second makes room again after every column
            monkeypatch.setattr("thermodepth.evaluation.rows.keys._LARGEST", largest)
            keys = row_keys(rows, ("a", "b", "c"))
            assert np.unique(keys, return_inverse=True)[1].tolist() == expected
