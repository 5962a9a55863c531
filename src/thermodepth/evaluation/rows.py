"""The long table of results: one row per study, arm, seed, frame, protocol, slice and metric.

Everything that is ever printed starts from these rows, so they refuse what would make a printed number
wrong: two protocols in one table, the same measurement twice, a value that is not a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from thermodepth.errors import DataError
from thermodepth.files import replacing

WHOLE_FRAME = "all"  # the slice of every scored pixel


class Row(TypedDict):
    """One measurement."""

    study: str
    arm: str
    seed: int
    sample_id: str
    sequence: str
    condition: str
    protocol: str  # Protocol.protocol_id()
    slice: str  # "all" or "range:2.5-6"
    metric: str
    value: float
    pixels: int  # how many pixels the value is the mean of


ROW_SCHEMA = pa.schema(
    [
        pa.field("study", pa.string(), nullable=False),
        pa.field("arm", pa.string(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("sequence", pa.string(), nullable=False),
        pa.field("condition", pa.string(), nullable=False),
        pa.field("protocol", pa.string(), nullable=False),
        pa.field("slice", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("pixels", pa.int64(), nullable=False),
    ]
)

_KEY = ("study", "arm", "seed", "sample_id", "protocol", "slice", "metric")


def rows_from_records(records: Iterable[Row]) -> pa.Table:
    """A table from one mapping per row.

    Raises:
        DataError: for a missing or surplus field, a value of the wrong type, or what `check_rows` refuses.
    """
    records = list(records)
    for number, record in enumerate(records):
        _same_fields(record, where=f"result row {number}")
    columns = {name: [record[name] for record in records] for name in ROW_SCHEMA.names}  # type: ignore[literal-required]
    return rows_from_columns(columns)


def rows_from_columns(columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    """A table from one sequence per column.

    Raises:
        DataError: as `rows_from_records`, and for columns of different lengths.
    """
    _same_fields(columns, where="result columns")
    arrays = []
    for field in ROW_SCHEMA:
        try:
            # Asked for a type, pyarrow would cut 1.5 to 1; so it says what it sees, and that must fit.
            seen = pa.array(columns[field.name])
            if not _fits(seen.type, field.type):
                raise DataError(f"result column '{field.name}' is {field.type}, got {seen.type}")
            arrays.append(seen.cast(field.type))
        except (pa.ArrowException, OverflowError) as error:
            raise DataError(f"result column '{field.name}': {error}") from None
    if len({len(array) for array in arrays}) > 1:
        lengths = ", ".join(f"{n} {len(a)}" for n, a in zip(ROW_SCHEMA.names, arrays, strict=True))
        raise DataError(f"result columns differ in length: {lengths}")
    return check_rows(pa.Table.from_arrays(arrays, schema=ROW_SCHEMA), where="result rows")


def check_rows(rows: pa.Table, *, where: str) -> pa.Table:
    """`rows` itself, when it is a table of results that can be trusted.

    Raises:
        DataError: naming `where`, for another schema, a missing value, more than one protocol, a value
            that is not finite, a row of no pixels, or one measurement present twice.
    """
    if rows.schema.names != ROW_SCHEMA.names or rows.schema.types != ROW_SCHEMA.types:
        raise DataError(
            f"{where}: not a table of results; expected the columns {_named(ROW_SCHEMA)}, "
            f"found {_named(rows.schema)}"
        )
    for name in ROW_SCHEMA.names:
        if rows[name].null_count:
            raise DataError(f"{where}: {rows[name].null_count} rows have no '{name}'")
    if rows.num_rows == 0:
        return rows
    _one_protocol(rows, where=where)
    finite = pc.is_finite(rows["value"])
    if not pc.all(finite).as_py():
        first = rows.filter(pc.invert(finite)).slice(0, 1).to_pylist()[0]
        raise DataError(
            f"{where}: {first['metric']} of frame '{first['sample_id']}' (arm '{first['arm']}', "
            f"seed {first['seed']}) is {first['value']}: a number that is not finite is not a score"
        )
    if pc.min(rows["pixels"]).as_py() < 1:
        raise DataError(f"{where}: a row counts fewer than one pixel: nothing was measured there")
    counted = rows.group_by(list(_KEY), use_threads=False).aggregate([([], "count_all")])
    if counted.num_rows != rows.num_rows:
        twice = counted.filter(pc.greater(counted["count_all"], 1)).slice(0, 1).to_pylist()[0]
        key = ", ".join(f"{name} {twice[name]!r}" for name in _KEY)
        raise DataError(f"{where}: one measurement is there {twice['count_all']} times ({key})")
    return rows


def protocol_of(rows: pa.Table) -> str:
    """The id of the one protocol these rows were made under.

    Raises:
        DataError: for no rows, or rows of several protocols.
    """
    if rows.num_rows == 0:
        raise DataError("the table of results is empty, so it has no protocol")
    return _one_protocol(rows, where="result rows")


def concatenate(tables: Iterable[pa.Table]) -> pa.Table:
    """All rows in one table.

    Raises:
        DataError: for no table, or for what `check_rows` refuses of the whole, so also for tables of
            different protocols and for a cell that is there twice.
    """
    tables = list(tables)
    if not tables:
        raise DataError("no table of results to put together")
    for number, table in enumerate(tables):
        if table.schema.names != ROW_SCHEMA.names or table.schema.types != ROW_SCHEMA.types:
            check_rows(table, where=f"result table {number}")
    return check_rows(
        pa.concat_tables([table.cast(ROW_SCHEMA) for table in tables]),
        where="result tables together",
    )


def write_rows(rows: pa.Table, path: Path) -> None:
    """Write parquet, whole or not at all. The same rows give the same bytes in whatever order they come.

    Raises:
        DataError: for what `check_rows` refuses.
    """
    check_rows(rows, where=str(path))
    # Cells of a study finish in any order; sorted rows make two runs of it equal files.
    ordered = rows.cast(ROW_SCHEMA).sort_by([(name, "ascending") for name in _KEY])
    with replacing(path) as temporary:
        pq.write_table(ordered, temporary, compression="zstd")


def read_rows(path: Path) -> pa.Table:
    """Read what `write_rows` wrote.

    Raises:
        DataError: naming the file, when it is missing, broken or no table of results.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file of results")
    try:
        rows = pq.ParquetFile(path).read()
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: cannot be read as parquet ({error})") from None
    return check_rows(rows, where=str(path))


def _one_protocol(rows: pa.Table, *, where: str) -> str:
    protocols: list[str] = sorted(pc.unique(rows["protocol"]).to_pylist())
    if len(protocols) > 1:
        raise DataError(
            f"{where}: results of {len(protocols)} protocols ({', '.join(protocols)}) in one table. They "
            "count different pixels in different ways, so their numbers cannot be compared: score the "
            "stored predictions again under one protocol, or make one table for each"
        )
    return protocols[0]


def _same_fields(given: Mapping[str, Any], *, where: str) -> None:
    if given.keys() != set(ROW_SCHEMA.names):
        missing = [name for name in ROW_SCHEMA.names if name not in given]
        surplus = sorted(given.keys() - set(ROW_SCHEMA.names))
        raise DataError(
            f"{where}: missing {', '.join(missing) or 'nothing'}; not known {', '.join(surplus) or 'nothing'}"
        )


def _fits(seen: pa.DataType, wanted: pa.DataType) -> bool:
    if pa.types.is_integer(wanted):
        return bool(pa.types.is_integer(seen) or pa.types.is_null(seen))
    if pa.types.is_floating(wanted):
        return bool(
            pa.types.is_integer(seen) or pa.types.is_floating(seen) or pa.types.is_null(seen)
        )
    return bool(seen == wanted or pa.types.is_null(seen))


def _named(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema)
