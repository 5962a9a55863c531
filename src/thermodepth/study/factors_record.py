"""Factors and doses of a study's arms, as `study.json` keeps them for whoever analyses its rows later."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from thermodepth.checksums import read_record
from thermodepth.config import Settings
from thermodepth.errors import DataError, SettingsError
from thermodepth.statistics.default_questions import ArmFactors
from thermodepth.statistics.designs import Design, DesignKind, DoseResponse
from thermodepth.statistics.paper_readings import PaperReading
from thermodepth.statistics.simple_effects import LevelPair, SimpleEffects

STUDY = "study.json"


class DesignRecord(Settings):
    """Switches of the arms."""

    kind: DesignKind
    factors: tuple[str, ...]
    arms: dict[str, tuple[bool, ...]]


class LevelPairRecord(Settings):
    """Two arms that a switch parts."""

    title: str
    on: str
    off: str
    level: float | None = None


class SimpleEffectsRecord(Settings):
    """A switch at levels of something else."""

    factor: str
    across: str
    pairs: tuple[LevelPairRecord, ...]


class ReadingRecord(Settings):
    """Which arms play the paper's configurations."""

    name: str
    title: str
    arms: dict[str, str]


class ArmFactorsRecord(Settings):
    """What is asked of the arms, and what those of a seed share; it decides no number of a cell."""

    design: DesignRecord
    doses: dict[str, dict[str, float]] = Field(default_factory=dict)  # factor -> arm -> level
    simple_effects: tuple[SimpleEffectsRecord, ...] = ()
    readings: tuple[ReadingRecord, ...] = ()
    pairing: str = ""  # in words

    @model_serializer(mode="wrap")
    def _without_empty(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Records of studies without these are the bytes that they were before there were any."""
        tree: dict[str, Any] = serialize(self)
        for name in ("simple_effects", "readings"):
            if not getattr(self, name):
                del tree[name]
        return tree

    @classmethod
    def of_arms(cls, arm_factors: ArmFactors, pairing: str) -> ArmFactorsRecord:
        """What a study asks."""
        design = arm_factors.design
        return cls(
            design=DesignRecord(kind=design.kind, factors=design.factors, arms=dict(design.arms)),
            doses={dose.factor: dict(dose.arms) for dose in arm_factors.doses},
            simple_effects=tuple(
                SimpleEffectsRecord.parse(asdict(effects)) for effects in arm_factors.simple_effects
            ),
            readings=tuple(
                ReadingRecord(name=each.name, title=each.title, arms=dict(each.arms))
                for each in arm_factors.readings
            ),
            pairing=pairing,
        )

    def arm_factors(self) -> ArmFactors:
        """As an analysis takes it."""
        design = Design(
            kind=self.design.kind, factors=self.design.factors, arms=dict(self.design.arms)
        )
        doses = (DoseResponse(factor=name, arms=dict(arms)) for name, arms in self.doses.items())
        simple_effects = (
            SimpleEffects(
                factor=each.factor,
                across=each.across,
                pairs=tuple(LevelPair(**pair.tree()) for pair in each.pairs),
            )
            for each in self.simple_effects
        )
        readings = (PaperReading(**each.tree()) for each in self.readings)
        return ArmFactors(
            design=design,
            doses=tuple(doses),
            simple_effects=tuple(simple_effects),
            readings=tuple(readings),
        )


def factors_in(folder: Path) -> ArmFactorsRecord | None:
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
        return ArmFactorsRecord.parse(tree, where=f"{path}: asked")
    except SettingsError as error:
        raise DataError(str(error)) from None
