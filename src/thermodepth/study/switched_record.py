"""The readings of a study, as its folder keeps them for whoever analyses its rows later: `shares.json`.

Which settings an arm resolves to takes the loss terms to say, and so torch; to read it back takes neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from pydantic import Field

from thermodepth.checksums import read_record, write_record
from thermodepth.config import Settings
from thermodepth.errors import DataError, SettingsError
from thermodepth.statistics.switched import MapShare, Shares, Switched

FILE = "shares.json"
_REMEDY = "delete it; `thermodepth study run` writes it again"


class MapShareRecord(Settings):
    """As `MapShare`."""

    whole: float | None = None
    bands: dict[str, float | None] = Field(default_factory=dict)
    far: float | None = None
    beyond: str = ""
    without_truth: float | None = None
    truth_missing: float = 0.0


class SharesRecord(Settings):
    """As `Shares`."""

    loss: float | None = None
    maps: dict[str, MapShareRecord] | None = None

    def shares(self) -> Shares:
        """As a verdict takes it."""
        maps = None
        if self.maps is not None:
            maps = {name: MapShare(**share.model_dump()) for name, share in self.maps.items()}
        return Shares(loss=self.loss, maps=maps)


class SwitchedRecord(Settings):
    """As `Switched`."""

    terms: str
    others: str = ""
    base: SharesRecord | None = None
    other: SharesRecord | None = None

    def switched(self) -> Switched:
        """As a verdict takes it."""
        base, other = (None if s is None else s.shares() for s in (self.base, self.other))
        return Switched(terms=self.terms, others=self.others, base=base, other=other)


def write_switched(folder: Path, switched: Mapping[str, Switched]) -> None:
    """Keep what each question of a study switches, by its name."""
    write_record(folder / FILE, {name: asdict(each) for name, each in switched.items()})


def switched_in(folder: Path) -> dict[str, Switched]:
    """What the questions of this folder's study switch; empty where nobody noted it.

    Raises:
        DataError: for a damaged record.
    """
    path = folder / FILE
    if not path.is_file():
        return {}
    switched = {}
    for name, tree in read_record(path, remedy=_REMEDY).items():
        if not isinstance(tree, dict):
            raise DataError(f"{path}: {name} = {tree!r:.80}, expected a section; {_REMEDY}")
        try:
            switched[name] = SwitchedRecord.parse(tree, where=f"{path}: {name}").switched()
        except SettingsError as error:
            raise DataError(f"{error}; {_REMEDY}") from None
    return switched
