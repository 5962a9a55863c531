"""The checksum of a file of rows: over all of it, of that file alone."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_rows import table

from thermodepth.errors import DataError
from thermodepth.evaluation.rows.rows import RowsWriter, concatenate, read_rows, write_rows

NAME = b"thermodepth.sha256"


def rows(count: int = 40) -> pa.Table:
    return table(*({"sample_id": f"f{n}", "frame": n, "value": n + 0.5} for n in range(count)))


@pytest.mark.parametrize("streamed", [False, True])
def test_every_flipped_bit_is_found(streamed: bool, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    if streamed:
        with RowsWriter(path) as writer:
            writer.append(rows())
    else:
        write_rows(rows(), path)
    assert NAME in pq.read_metadata(path).metadata
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises(DataError, match=r"rows\.parquet: "):
            read_rows(path)


def test_what_is_made_of_rows_that_were_read_has_a_checksum_of_its_own(tmp_path: Path) -> None:
    write_rows(rows(), tmp_path / "a.parquet")
    again = read_rows(tmp_path / "a.parquet")
    assert NAME not in (again.schema.metadata or {})
    # Other readers of the same file hand the entry on.
    carried = pq.ParquetFile(tmp_path / "a.parquet").read()
    for part in (concatenate([again.slice(0, 5)]), again.slice(3), carried.slice(0, 9)):
        write_rows(part, tmp_path / "b.parquet")
        assert read_rows(tmp_path / "b.parquet").num_rows == part.num_rows
        with RowsWriter(tmp_path / "c.parquet") as writer:
            writer.append(part)
        assert read_rows(tmp_path / "c.parquet").num_rows == part.num_rows


def test_a_file_of_another_tool_or_an_earlier_version_is_read(tmp_path: Path) -> None:
    pq.write_table(rows(), tmp_path / "old.parquet", compression="zstd")
    assert read_rows(tmp_path / "old.parquet").num_rows == 40
