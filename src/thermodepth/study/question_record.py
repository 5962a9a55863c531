"""What a study asks of its arms, as `study.json` keeps it for whoever analyses its rows later."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from thermodepth.checksums import read_record
from thermodepth.config import Settings
from thermodepth.errors import DataError, SettingsError
from thermodepth.statistics.default_questions import Asked
from thermodepth.statistics.designs import Design, DesignKind, DoseResponse

STUDY = "study.json"


class DesignRecord(Settings):
    """Switches of the arms."""

    kind: DesignKind
    factors: tuple[str, ...]
    arms: dict[str, tuple[bool, ...]]


class AskedRecord(Settings):
    """Design and doses, and what the arms of a seed share; it decides no number of a cell."""

    design: DesignRecord
    doses: dict[str, dict[str, float]] = Field(default_factory=dict)  # factor -> arm -> level
    pairing: str = ""  # in words

    @classmethod
    def of(cls, asked: Asked, pairing: str) -> AskedRecord:
        """What a study asks."""
        design = asked.design
        return cls(
            design=DesignRecord(kind=design.kind, factors=design.factors, arms=dict(design.arms)),
            doses={dose.factor: dict(dose.arms) for dose in asked.doses},
            pairing=pairing,
        )

    def asked(self) -> Asked:
        """As an analysis takes it."""
        design = Design(
            kind=self.design.kind, factors=self.design.factors, arms=dict(self.design.arms)
        )
        doses = (DoseResponse(factor=name, arms=dict(arms)) for name, arms in self.doses.items())
        return Asked(design=design, doses=tuple(doses))


def asked_in(folder: Path) -> AskedRecord | None:
    """What the study of this folder asks; None where its record does not say, or there is none.

    Raises:
        DataError: for a damaged record.
    """
    path = folder / STUDY
    if not path.is_file():
        return None
    tree = read_record(path).get("asked")
    if tree is None:  # of an earlier version
        return None
    if not isinstance(tree, dict):
        raise DataError(f"{path}: asked = {tree!r:.80}, expected a section")
    try:
        return AskedRecord.parse(tree, where=f"{path}: asked")
    except SettingsError as error:
        raise DataError(str(error)) from None
