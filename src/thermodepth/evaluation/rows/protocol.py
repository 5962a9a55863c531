"""The protocol that a table of results was made under: one, named in every row, told in full beside them.

The settings stand in the schema's metadata as JSON under `thermodepth.protocol`. A mask is there by its
sha256 and without its place, so that two machines write equal files.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache

import pyarrow as pa

from thermodepth.errors import DataError, SettingsError
from thermodepth.evaluation.protocols.protocol import Protocol, differences
from thermodepth.evaluation.rows.keys import column_codes
from thermodepth.files import json_object

_METADATA = b"thermodepth.protocol"
_LARGEST_BYTES = 100_000


def with_protocol(rows: pa.Table, protocol: Protocol) -> pa.Table:
    """The same rows, which from now on carry the settings of the protocol they were made under.

    Raises:
        DataError: for rows that were made under another one.
    """
    settings = json.dumps(protocol.placeless().tree(), sort_keys=True, separators=(",", ":"))
    carrying = rows.replace_schema_metadata({_METADATA: settings.encode()})
    if rows.num_rows:
        check_protocol(carrying, where="result rows")
    return carrying


def protocol_settings(rows: pa.Table) -> Protocol | None:
    """The protocol that these rows carry; None for rows that know its id only.

    Its mask, if it has one, is known by its sha256 and not by its place.

    Raises:
        DataError: for settings that this version cannot read.
    """
    carried = _carried((rows.schema.metadata or {}).get(_METADATA))
    return carried[0] if carried else None


def protocol_of(rows: pa.Table) -> str:
    """The id of the one protocol these rows were made under.

    Raises:
        DataError: for several protocols, or no rows.
    """
    if rows.num_rows == 0:
        raise DataError("the table of results is empty, so it has no protocol")
    return check_protocol(rows, where="table of results")


def check_protocol(rows: pa.Table, *, where: str) -> str:
    """The id of the protocol of these rows, one or more of them.

    Raises:
        DataError: naming `where`, for several protocols, or settings that are not of the protocol named.
    """
    protocols: list[str] = column_codes(rows["protocol"])[1]
    if len(protocols) > 1:
        raise _two_protocols(protocols, where=where)
    carried = _carried((rows.schema.metadata or {}).get(_METADATA))
    if carried is not None and carried[1] != protocols[0]:
        raise DataError(
            f"{where}: the rows were made under protocol {protocols[0]} and carry the settings of "
            f"{carried[1]}"
        )
    return protocols[0]


def same_protocol(tables: Sequence[pa.Table], *, where: str) -> None:
    """Refuse tables of different protocols, naming every choice that differs where both carry them.

    Raises:
        DataError: for the first table whose protocol is not that of those before it.
    """
    first: pa.Table | None = None
    for table in tables:
        if table.num_rows == 0:
            continue
        if first is None:
            first = table
        one, other = protocol_of(first), protocol_of(table)
        if one != other:
            a, b = protocol_settings(first), protocol_settings(table)
            details = f" ({differences(a, b)})" if a is not None and b is not None else ""
            raise _two_protocols([one, other], where=where, details=details)


@lru_cache(maxsize=32)
def _carried(text: bytes | None) -> tuple[Protocol, str] | None:
    """(the protocol, its id) from the metadata."""
    if text is None:
        return None
    where = "the protocol in a table of results"
    if len(text) > _LARGEST_BYTES:
        raise DataError(f"{where}: {len(text)} bytes, which no protocol has")
    try:
        # Of a mask its sha256 counts: a place named by a stranger's file is not looked at.
        protocol = Protocol.parse(json_object(text, where), where=where).placeless()
    except SettingsError as error:
        raise DataError(str(error)) from None
    return protocol, protocol.protocol_id()


def _two_protocols(protocols: Sequence[str], *, where: str, details: str = "") -> DataError:
    return DataError(
        f"{where}: results of {len(protocols)} protocols ({', '.join(protocols)}) in one "
        f"table{details}. They count different pixels in different ways, so their numbers cannot be "
        "compared: score the stored predictions again under one protocol, or make one table for each"
    )
