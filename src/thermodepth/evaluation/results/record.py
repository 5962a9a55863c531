"""The rows of an evaluation, checked once: what everything that is computed starts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from thermodepth.errors import DataError
from thermodepth.evaluation.head_maps import RELATIVE_ERROR
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.rows.rows import protocol_of
from thermodepth.evaluation.scoring.baselines import BASELINES


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EvaluationRecord:
    """Rows of one protocol, each kind by itself."""

    protocol: Protocol
    maps: pa.Table  # of every map that was scored
    #: Of those that are looked at as pictures under one and the same alignment.
    pictured: pa.Table
    #: What models tell of their own errors is no map: it stands by itself.
    relative_errors: pa.Table

    @classmethod
    def from_rows(cls, rows: pa.Table, protocol: Protocol) -> Self:
        """The record of a table that `rows.read_rows` gave.

        Raises:
            DataError: for rows of another protocol than this, or of several.
        """
        if protocol_of(rows) != protocol.protocol_id():
            raise DataError(
                f"rows of protocol {protocol_of(rows)} are not those of {protocol.protocol_id()}: score the "
                "predictions again, or name the protocol of the rows"
            )
        is_relative_error = pc.equal(rows["head"], RELATIVE_ERROR)
        maps = rows.filter(pc.invert(is_relative_error))
        return cls(
            protocol=protocol,
            maps=maps,
            pictured=maps if guesses_in_metres(maps) else without_guesses(maps),
            relative_errors=rows.filter(is_relative_error),
        )

    def comparable_parts(self) -> list[pa.Table]:
        """The rows of maps that have to be on the same frames, together."""
        if guesses_in_metres(self.maps):
            return [self.maps]
        guesses = self.maps.filter(_of_guessers(self.maps))
        return [part for part in (without_guesses(self.maps), guesses) if part.num_rows]


def guesses_in_metres(rows: pa.Table) -> bool:
    """Whether the guessers were fitted to a training split; those that were not have no metres.

    A map is looked at as a picture under its natural alignment alone. That of a guess without metres may be
    another than that of the maps beside it: its pictures are then on all frames where theirs are on none.
    """
    in_metres = pc.and_(_of_guessers(rows), pc.equal(rows["alignment"], "none"))
    return bool(pc.any(in_metres).as_py())


def without_guesses(rows: pa.Table) -> pa.Table:
    """The rows of everything that is no guess."""
    return rows.filter(pc.invert(_of_guessers(rows)))


def _of_guessers(rows: pa.Table) -> pa.ChunkedArray:
    return pc.is_in(rows["arm"], pa.array(list(BASELINES), type=pa.string()))
