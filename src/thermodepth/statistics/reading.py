"""Anybody's numbers: a CSV or parquet file with one measurement a row.

    arm,seed,image,cluster,metric,value
    full,0,frame-0001,drive-a,rmse,1.72

`cluster` may be left out; then every image is a cluster of its own, which is right only when no two of them
show the same place. Other columns are refused, for a misspelt `cluster` would change every interval; but for
the row numbers that pandas writes, which are left out, and said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from thermodepth.errors import DataError, nearest, unknown
from thermodepth.files import byte_count
from thermodepth.statistics.measurements import Codes, Images, Measurements, block

if TYPE_CHECKING:
    import pyarrow as pa  # a large library: loaded by the first file that is read

REQUIRED = ("arm", "seed", "image", "metric", "value")
COLUMNS = ("arm", "seed", "image", "cluster", "metric", "value")
MOST_BYTES = 2_000_000_000
MOST_ROWS = 50_000_000
MOST_CHARACTERS = 1000  # of a name
#: What pandas calls the index of a table without one: in a CSV, read back and written again, in parquet.
_INDEX = ("", "Unnamed: 0", "__index_level_0__")
#: A seed as a person writes it: no sign but a minus, no leading zero, no underscore, at most 18 digits.
_SEED = re.compile(r"0|-?[1-9][0-9]{0,17}")
_TEXT = ("arm", "image", "cluster", "metric")


def read_measurements(
    path: Path, *, arms: Sequence[str] | None = None, images: Images = "same"
) -> dict[str, Measurements]:
    """The block of every metric in the file, metrics and arms in the order of their first row.

    Args:
        path: `.csv` or `.parquet`.
        arms: all that may occur, in order; None takes what the file has.
        images: "same" refuses when a cell lacks an image, "common" leaves it out and says so.

    Raises:
        DataError: naming file, row (from 1, headings not counted) and column, for a file that is missing,
            too large or not such a table; an empty name, a seed that is no whole number, a value that is no
            finite number, an unknown arm, a measurement that is there twice or missing, an image of two
            clusters.
    """
    table, left_out = _without_row_numbers(_read(path), path)
    for name in table.column_names:
        if table.column_names.count(name) > 1:
            raise DataError(f"{path}: column '{name}' is there twice")
        if name not in COLUMNS:
            raise DataError(
                f"{path}: unknown column '{name}'{nearest(name, COLUMNS)} (known: {', '.join(COLUMNS)})"
            )
    lacking = [name for name in REQUIRED if name not in table.column_names]
    if lacking:
        raise DataError(f"{path}: no column '{lacking[0]}' (needed: {', '.join(REQUIRED)})")
    if table.num_rows == 0:
        raise DataError(f"{path}: no row")
    text = {name: _text(table, name, path) for name in _TEXT if name in table.column_names}
    cluster = text.get("cluster", Codes(index=np.zeros(table.num_rows, np.int64), names=[""]))
    if arms is not None:
        for place in dict.fromkeys(text["arm"].index.tolist()):
            if (arm := str(text["arm"].names[place])) not in arms:
                row = int(np.flatnonzero(text["arm"].index == place)[0])
                raise DataError(f"{path}: row {row + 1}, column arm: {unknown('arm', arm, arms)}")
    seed = _seeds(table, path)
    value = _values(table, path)
    blocks: dict[str, Measurements] = {}
    every = arms or [str(name) for name in text["arm"].names]
    for place in dict.fromkeys(text["metric"].index.tolist()):
        metric = str(text["metric"].names[place])
        inside = np.flatnonzero(text["metric"].index == place)
        of_metric = block(
            metric=metric,
            arm=_rows(text["arm"], inside),
            seed=_rows(seed, inside),
            image=_rows(text["image"], inside),
            cluster=_rows(cluster, inside),
            value=value[inside],
            arms=every,
            images=images,
            where=str(path),
        )
        blocks[metric] = replace(of_metric, left_out=(*left_out, *of_metric.left_out))
    return blocks


def _without_row_numbers(table: pa.Table, path: Path) -> tuple[pa.Table, tuple[str, ...]]:
    """The table without the index that pandas writes, and what was left out in words.

    Raises:
        DataError: for a column of that name with anything but whole numbers: it may be a lost heading.
    """
    import pyarrow as pa

    names = [name for name in _INDEX if table.column_names.count(name) == 1]
    for name in names:
        try:
            table[name].cast(pa.int64())
            empty = table[name].null_count > 0
        except pa.ArrowException:
            empty = True
        if empty:
            raise DataError(
                f"{path}: the column with the heading '{name}' holds no row numbers; name it (known: "
                f"{', '.join(COLUMNS)})"
            )
    words = tuple(f"column '{name}', row numbers" for name in names)
    return table.drop_columns(names) if names else table, words


def _read(path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    if not path.exists():
        raise DataError(f"{path}: no such file of measurements")
    if byte_count(path) > MOST_BYTES:
        raise DataError(f"{path}: more than {MOST_BYTES / 1e9:g} GB")
    try:
        if path.suffix.lower() == ".csv":
            # As text: what a person typed can then be quoted where it is wrong.
            options = pa_csv.ConvertOptions(
                column_types=dict.fromkeys(COLUMNS, pa.string()), strings_can_be_null=False
            )
            table = pa_csv.read_csv(path, convert_options=options)
            _ = table.column_names  # decoded here, where it may fail
        elif path.suffix.lower() == ".parquet":
            about = pq.read_metadata(path)
            groups = [about.row_group(number) for number in range(about.num_row_groups)]
            if sum(group.total_byte_size for group in groups) > 4 * MOST_BYTES:
                raise DataError(f"{path}: the header says more than {4 * MOST_BYTES / 1e9:g} GB")
            _bound(sum(group.num_rows for group in groups), path)
            with pq.ParquetFile(path, metadata=about) as file:
                table = file.read()
            table.validate(full=True)
        else:
            raise DataError(f"{path}: expected a .csv or .parquet file")
    except DataError:
        raise
    except Exception as error:  # the readers let through what they stumble on
        raise DataError(f"{path}: cannot be read ({error})") from None
    _bound(table.num_rows, path)
    return table


def _bound(rows: int, path: Path) -> None:
    if rows > MOST_ROWS:
        raise DataError(f"{path}: {rows} rows; up to {MOST_ROWS // 10**6} million are read")


def _text(table: pa.Table, name: str, path: Path) -> Codes:
    import pyarrow as pa

    column = table[name]
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy())[0])
        raise DataError(f"{path}: row {row + 1}, column {name}: empty")
    try:
        plain = column.cast(pa.string())
    except pa.ArrowException:
        raise DataError(f"{path}: column {name} is {column.type}, expected text") from None
    encoded = plain.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.unify_dictionaries().combine_chunks()
    index = encoded.indices.to_numpy().astype(np.int64)
    names: list[Any] = encoded.dictionary.to_pylist()
    for place, each in enumerate(names):
        if (not each.strip() and name != "cluster") or len(each) > MOST_CHARACTERS:
            row = int(np.flatnonzero(index == place)[0])
            what = "empty" if not each.strip() else f"a name of {len(each)} characters"
            raise DataError(f"{path}: row {row + 1}, column {name}: {what}")
    return Codes(index=index, names=names)


def _seeds(table: pa.Table, path: Path) -> Codes:
    codes = _text(table, "seed", path)
    numbers = []
    for place, text in enumerate(codes.names):
        if _SEED.fullmatch(str(text)):
            numbers.append(int(str(text)))
        else:
            row = int(np.flatnonzero(codes.index == place)[0])
            raise DataError(
                f"{path}: row {row + 1}, column seed: '{text}' is not a plain whole number such as 3"
            )
    ordered = sorted(numbers)
    place_of = {number: place for place, number in enumerate(ordered)}
    return Codes(index=np.array([place_of[n] for n in numbers])[codes.index], names=ordered)


def _values(table: pa.Table, path: Path) -> NDArray[np.float64]:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = table["value"]
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    try:
        numbers = column.cast(pa.float64())
    except pa.ArrowException:
        row, cell = _first_no_number(column.to_pylist())
        raise DataError(f"{path}: row {row + 1}, column value: '{cell}' is not a number") from None
    bad = pc.invert(pc.fill_null(pc.is_finite(numbers), False))
    if pc.any(bad).as_py():
        row = int(np.flatnonzero(bad.to_numpy())[0])
        cell = column[row].as_py()
        raise DataError(
            f"{path}: row {row + 1}, column value: {'empty' if cell is None else cell}, expected a finite "
            "number"
        )
    values: NDArray[np.float64] = numbers.to_numpy()
    return values


def _first_no_number(texts: list[Any]) -> tuple[int, str]:
    import pyarrow as pa

    for row, text in enumerate(texts):
        try:
            pa.scalar(text, pa.string()).cast(pa.float64())
        except pa.ArrowException:
            return row, str(text)
    raise AssertionError("a column that cannot be cast has a value that cannot")


def _rows(codes: Codes, inside: NDArray[np.intp]) -> Codes:
    return Codes(index=codes.index[inside], names=codes.names)
