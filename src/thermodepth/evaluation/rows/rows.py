"""The long table of results: one row per study, arm, seed, frame, protocol, alignment, slice and metric.

Everything that is ever printed starts from these rows, so they refuse what would make a printed number
wrong: two protocols in one table, the same measurement twice, a value that is not a number.

In memory the columns of text are dictionary-encoded, in files they are plain; tables of either encoding
are taken everywhere. A table may carry the settings of its protocol in its schema's metadata, as JSON
under `thermodepth.protocol`; files keep them, and the refusal of two protocols says where they differ.
Files carry a checksum of all that is in them (see `parquet`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from thermodepth.errors import DataError
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.rows import parquet as parquet_files
from thermodepth.evaluation.rows.keys import row_keys
from thermodepth.evaluation.rows.protocol import check_protocol, same_protocol
from thermodepth.evaluation.rows.protocol import protocol_of as protocol_of
from thermodepth.evaluation.rows.protocol import protocol_settings as protocol_settings
from thermodepth.evaluation.rows.protocol import with_protocol as with_protocol
from thermodepth.files import replacing

WHOLE_FRAME = "all"  # the slice of every scored pixel
#: Answers only where the label of a frame has values, so it is never held to the pixels of the arms.
TEACHER_ARM = "teacher"


class Row(TypedDict):
    """One measurement."""

    study: str
    arm: str
    seed: int
    frame: int  # place in the list of frames, so that neighbours in time can be told
    sample_id: str
    sequence: str
    condition: str
    protocol: str  # Protocol.protocol_id()
    head: str  # "depth", "structure", or "relative_error" of models that tell theirs
    against: str  # "truth" or "teacher"
    alignment: str  # a name of ALIGNMENTS
    slice: str  # "all", or one of slices.slice_names(): "range:2.5-6", "edge:0-2", ...
    metric: str
    value: float
    pixels: int  # how many pixels, pairs or edges the value is the mean of


ROW_SCHEMA = pa.schema(
    [
        pa.field("study", pa.string(), nullable=False),
        pa.field("arm", pa.string(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("frame", pa.int64(), nullable=False),
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("sequence", pa.string(), nullable=False),
        pa.field("condition", pa.string(), nullable=False),
        pa.field("protocol", pa.string(), nullable=False),
        pa.field("head", pa.string(), nullable=False),
        pa.field("against", pa.string(), nullable=False),
        pa.field("alignment", pa.string(), nullable=False),
        pa.field("slice", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("pixels", pa.int64(), nullable=False),
    ]
)

#: What one measurement is, in the order that files are sorted by.
KEY = (
    "study",
    "arm",
    "seed",
    "sample_id",
    "protocol",
    "head",
    "against",
    "alignment",
    "slice",
    "metric",
)
_GROUP_ROWS = 100_000  # rows of a row group that is streamed, and about what is held in memory
_CELL = ("study", "arm", "seed")
_NAMES = frozenset(ROW_SCHEMA.names)
_TEXT = tuple(field.name for field in ROW_SCHEMA if pa.types.is_string(field.type))
_ENCODED = pa.dictionary(pa.int32(), pa.string())
#: As tables are in memory.
ENCODED_SCHEMA = pa.schema([f.with_type(_ENCODED) if f.name in _TEXT else f for f in ROW_SCHEMA])
_ROW_BYTES = sum(4 if field.name in _TEXT else 8 for field in ROW_SCHEMA)


def rows_from_records(records: Iterable[Row], *, protocol: Protocol | None = None) -> pa.Table:
    """A table from one mapping per row, columns of text encoded.

    Raises:
        DataError: for a missing or surplus field, a value of the wrong type, or what `check_rows` refuses.
    """
    records = list(records)
    for number, record in enumerate(records):
        if record.keys() != _NAMES:
            _same_fields(record, where=f"result row {number}")
    columns = {name: [record[name] for record in records] for name in ROW_SCHEMA.names}  # type: ignore[literal-required]
    return rows_from_columns(columns, protocol=protocol)


def rows_from_columns(
    columns: Mapping[str, Sequence[Any]], *, protocol: Protocol | None = None
) -> pa.Table:
    """A table from one sequence per column (lists, numpy or Arrow arrays), columns of text encoded.

    Raises:
        DataError: as `rows_from_records`, and for columns of different lengths.
    """
    _same_fields(columns, where="result columns")
    arrays = []
    for field in ROW_SCHEMA:
        try:
            # Asked for a type, pyarrow would cut 1.5 to 1; so it says what it sees, and that must fit.
            column = pa.array(columns[field.name])
            if not _fits(column.type, field.type):
                raise DataError(f"result column '{field.name}' is {field.type}, got {column.type}")
            if pa.types.is_string(field.type):
                arrays.append(_encoded(column))
            else:
                arrays.append(column.cast(field.type))
        except (pa.ArrowException, OverflowError) as error:
            raise DataError(f"result column '{field.name}': {error}") from None
    if len({len(array) for array in arrays}) > 1:
        lengths = ", ".join(f"{n} {len(a)}" for n, a in zip(ROW_SCHEMA.names, arrays, strict=True))
        raise DataError(f"result columns differ in length: {lengths}")
    rows = pa.Table.from_arrays(arrays, schema=ENCODED_SCHEMA)
    if protocol is not None:
        rows = with_protocol(rows, protocol)
    return check_rows(rows, where="result rows")


def check_rows(rows: pa.Table, *, where: str) -> pa.Table:
    """`rows` itself, when it is a table of results that can be trusted.

    Raises:
        DataError: naming `where`, for another schema, a missing value, more than one protocol, a value
            that is not finite, a row of no pixels, or one measurement present twice.
    """
    _check_columns(rows, where=where)
    if rows.num_rows == 0:
        return rows
    check_protocol(rows, where=where)
    finite = pc.is_finite(rows["value"])
    if not pc.all(finite).as_py():
        first = rows.filter(pc.invert(finite)).slice(0, 1).to_pylist()[0]
        raise DataError(
            f"{where}: {first['metric']} of frame '{first['sample_id']}' (arm '{first['arm']}', "
            f"seed {first['seed']}) is {first['value']}: a number that is not finite is not a score"
        )
    if pc.min(rows["pixels"]).as_py() < 1:
        raise DataError(f"{where}: a row counts fewer than one pixel: nothing was measured there")
    keys = row_keys(rows, KEY)
    ordered = np.sort(keys)
    double = np.flatnonzero(ordered[1:] == ordered[:-1])
    if double.size:
        positions = np.flatnonzero(keys == ordered[double[0]])
        twice = rows.take([int(positions[0])]).to_pylist()[0]
        key = ", ".join(f"{name} {twice[name]!r}" for name in KEY)
        raise DataError(f"{where}: one measurement is there {positions.size} times ({key})")
    return rows


def concatenate(tables: Sequence[pa.Table]) -> pa.Table:
    """One table from several, checked as a whole; it carries the protocol when one of them does.

    Raises:
        DataError: as `check_rows`, and for no table at all.
    """
    if not tables:
        raise DataError("no table of results to put together")
    for number, table in enumerate(tables):
        _check_columns(table, where=f"result table {number}")
    same_protocol(tables, where="result tables together")
    carried = next((t.schema.metadata for t in tables if t.num_rows and protocol_settings(t)), None)
    schema = ENCODED_SCHEMA.with_metadata(carried)
    combined = pa.concat_tables([_as(table, schema) for table in tables]).unify_dictionaries()
    return check_rows(combined, where="result tables together")


def write_rows(rows: pa.Table, path: Path) -> None:
    """Write parquet, whole or not at all. The same rows give the same bytes in whatever order they come.

    Rows stand sorted by study, arm, seed, sample_id, protocol, head, against, alignment, slice, metric:
    cells of a study finish in any order, and two runs of it give equal files.

    Raises:
        DataError: for what `check_rows` refuses.
    """
    check_rows(rows, where=str(path))
    ordered = plain_text(parquet_files.without_checksum(rows)).take(
        np.argsort(row_keys(rows, KEY), kind="stable")
    )
    with replacing(path) as temporary:
        with pq.ParquetWriter(temporary, ordered.schema, compression="zstd") as writer:
            writer.write_table(ordered)
            parquet_files.leave_blank(writer)
        parquet_files.fill_blank(temporary)


class RowsWriter:
    """Rows to a file as they are made: `with RowsWriter(path) as writer: writer.append(rows)`.

    `write_rows` sorts a whole table; a hundred thousand frames have 25 million rows, so these stand in the
    order in which they were appended, and memory stays that of one row group. Within one arm and seed of a
    study frames only ever go up, so that no measurement can come twice unseen. The same rows in the same
    order give the same bytes, however they were cut into chunks. The file appears whole at the end; a block
    that ends with an error leaves the one that was there before.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.num_rows = 0
        self._buffer: list[pa.Table] = []
        self._buffered_rows = 0
        self._first: pa.Table | None = None
        self._last_frame: dict[tuple[str, str, int], int] = {}
        self._open = ExitStack()
        self._file: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        self._temporary = self._open.enter_context(replacing(self.path))
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        # Leaving the stack renames the temporary file, or takes it away when it is left by an error.
        with self._open:
            try:
                if error is None:
                    self._flush(last=True)
            finally:
                if self._file is not None:
                    parquet_files.leave_blank(self._file)
                    self._file.close()
            if error is None:
                parquet_files.fill_blank(self._temporary)
            if error is not None:
                raise error

    def append(self, rows: pa.Table) -> None:
        """The next rows: whole frames, in any order within the chunk.

        Raises:
            DataError: for what `check_rows` refuses, rows of another protocol than the first, or a frame
                that is not after the last one of the same arm and seed.
        """
        where = str(self.path)
        check_rows(rows, where=where)
        if rows.num_rows == 0:
            return
        rows = parquet_files.without_checksum(rows)
        self._check_order(rows)
        if self._first is None:
            self._first = rows.slice(0, 1)
        same_protocol([self._first, rows], where=where)
        self.num_rows += rows.num_rows
        self._buffer.append(plain_text(rows))
        self._buffered_rows += rows.num_rows
        if self._buffered_rows >= _GROUP_ROWS:
            self._flush(last=False)

    def _check_order(self, rows: pa.Table) -> None:
        keys = row_keys(rows, _CELL)
        frames = rows["frame"].to_numpy()
        for key in np.unique(keys):
            inside = np.flatnonzero(keys == key)
            first = rows.select(_CELL).take([int(inside[0])]).to_pylist()[0]
            cell = (first["study"], first["arm"], first["seed"])
            low, high = int(frames[inside].min()), int(frames[inside].max())
            last = self._last_frame.get(cell, -1)
            if low <= last:
                raise DataError(
                    f"{self.path}: frame {low} of arm '{cell[1]}', seed {cell[2]} comes after frame {last}; "
                    "append whole frames in the order of the list"
                )
            self._last_frame[cell] = high

    def _flush(self, *, last: bool) -> None:
        """Full row groups to the file; the rest too at the end."""
        if self._file is None:
            schema = ROW_SCHEMA if self._first is None else plain_text(self._first).schema
            self._file = pq.ParquetWriter(self._temporary, schema, compression="zstd")
        combined = pa.concat_tables([self._file.schema.empty_table(), *self._buffer])
        while combined.num_rows >= _GROUP_ROWS or (last and combined.num_rows):
            # One array per column: the pages of the file do not follow the chunks.
            group = combined.slice(0, _GROUP_ROWS).combine_chunks()
            self._file.write_table(group, row_group_size=_GROUP_ROWS)
            combined = combined.slice(_GROUP_ROWS)
        self._buffer, self._buffered_rows = [combined], combined.num_rows


def read_rows(path: Path) -> pa.Table:
    """Read what `write_rows` or a `RowsWriter` wrote, columns of text encoded.

    Raises:
        DataError: naming the file, when it is missing, broken, not as it was written, no table of results,
            or takes more memory than any table of results (asked of its header, before memory is taken).
    """
    if not path.exists():
        raise DataError(f"{path}: no such file of results")
    parquet_files.check_parquet(path)
    try:
        about = pq.read_metadata(path)
        _check_columns(about.schema.to_arrow_schema().empty_table(), where=str(path))
        parquet_files.refuse_what_unfolds(about, row_bytes=_ROW_BYTES, where=str(path))
        with pq.ParquetFile(path, metadata=about, read_dictionary=list(_TEXT)) as file:
            rows = file.read()
        rows = parquet_files.without_checksum(rows)
        # The reader takes over places beyond a dictionary and broken UTF-8.
        rows.validate(full=True)
    except DataError:
        raise
    except (
        Exception
    ) as error:  # of a file without a checksum: the reader lets through what it stumbles on
        raise DataError(f"{path}: cannot be read as parquet ({error})") from None
    rows = _as(rows, ENCODED_SCHEMA.with_metadata(rows.schema.metadata))
    return check_rows(rows.unify_dictionaries(), where=str(path))


def plain_text(rows: pa.Table) -> pa.Table:
    """The same rows with plain columns of text, as files have them."""
    return _as(rows, ROW_SCHEMA.with_metadata(rows.schema.metadata))


def _as(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """`rows` under a schema of the other encoding, or of the same."""
    if rows.schema.types == schema.types:
        return rows.replace_schema_metadata(schema.metadata)
    columns = [
        rows[f.name].dictionary_encode() if pa.types.is_dictionary(f.type) else rows[f.name]
        for f in schema
    ]
    arrays = [column.cast(f.type) for column, f in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _encoded(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        return column.cast(_ENCODED)
    return column.cast(pa.string()).dictionary_encode()


def _check_columns(rows: pa.Table, *, where: str) -> None:
    fits = rows.schema.names == ROW_SCHEMA.names and all(
        kind == field.type or (field.name in _TEXT and _is_encoded_text(kind))
        for kind, field in zip(rows.schema.types, ROW_SCHEMA, strict=True)
    )
    if not fits:
        raise DataError(
            f"{where}: not a table of results; expected the columns {_named(ROW_SCHEMA)}, "
            f"found {_named(rows.schema)}"
        )
    for name in ROW_SCHEMA.names:
        if rows[name].null_count:
            raise DataError(f"{where}: {rows[name].null_count} rows have no '{name}'")


def _same_fields(fields: Mapping[str, Any], *, where: str) -> None:
    if fields.keys() != _NAMES:
        missing = [name for name in ROW_SCHEMA.names if name not in fields]
        surplus = sorted(fields.keys() - _NAMES)
        raise DataError(
            f"{where}: missing {', '.join(missing) or 'nothing'}; not known {', '.join(surplus) or 'nothing'}"
        )


def _fits(actual: pa.DataType, expected: pa.DataType) -> bool:
    if pa.types.is_null(actual):
        return True
    if pa.types.is_integer(expected):
        return bool(pa.types.is_integer(actual))
    if pa.types.is_floating(expected):
        return bool(pa.types.is_integer(actual) or pa.types.is_floating(actual))
    return bool(actual == expected or _is_encoded_text(actual))


def _is_encoded_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_dictionary(kind) and pa.types.is_string(kind.value_type))


def _named(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema)
