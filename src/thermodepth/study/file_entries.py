"""What a study file holds, key by key; `files.py` reads it and makes a study of it."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import Field

from thermodepth.config import Settings
from thermodepth.statistics import designs
from thermodepth.statistics.designs import Design

DesignName = Literal[
    "leave-one-out", "add-one-in", "full-factorial", "half-fraction", "dose-response", "list"
]
DESIGNS: tuple[str, ...] = get_args(DesignName)
_SWITCHED = {
    "leave-one-out": designs.leave_one_out,
    "add-one-in": designs.add_one_in,
    "full-factorial": designs.full_factorial,
    "half-fraction": designs.half_fraction,
    None: designs.default_design,
}


class ArmEntry(Settings):
    """One `[[arms]]` of a list."""

    name: str
    title: str = ""
    off: tuple[str, ...] = ()  # factors
    edits: dict[str, Any] = Field(default_factory=dict)


class DoseEntry(Settings):
    """One `[doses.NAME]`: a number of the recipe, multiplied."""

    setting: str
    levels: tuple[float, ...] = designs.LEVELS


class ClaimEntry(Settings):
    """One `[[claims]]`."""

    name: str
    text: str
    question: str
    metric: str
    says: Literal["rises", "falls", "stays"]
    at_least: float | None = Field(None, gt=0)  # share of the reference's mean


class StudyFile(Settings):
    """What the file says, checked as far as it can be without data."""

    name: str
    title: str = ""
    #: Files of a user's own rows, relative to the study file, or names of installed ones. They are run.
    extensions: tuple[str, ...] = ()
    recipe: str = "thermal"
    settings: dict[str, Any] = Field(default_factory=dict)  # dotted edits of the recipe
    tuned: str = ""  # a `tuned.toml`, relative to the study file: weights that a search chose
    factors: dict[str, dict[str, Any]] = Field(default_factory=dict)  # dotted edits where it is off
    design: DesignName | None = None
    arms: tuple[ArmEntry, ...] = ()
    doses: dict[str, DoseEntry] = Field(default_factory=dict)
    seeds: tuple[int, ...] = (0,)
    reference: str = designs.FULL
    primary: tuple[str, ...] = ("abs_rel", "rmse")
    smallest_effect: float = Field(0.01, gt=0, lt=1)  # share of the reference's mean
    twin: bool = False  # the reference once more: what is not due to its seed
    budget_hours: float | None = Field(
        None, gt=0
    )  # of training: no seed is begun that would not fit
    claims: tuple[ClaimEntry, ...] = ()

    def switches(self) -> Design | None:
        """The factors' design, whose effects can be asked for; None for doses and arms without factors.

        Raises:
            SettingsError: as the designs.
        """
        if self.design == "dose-response" or not self.factors:
            return None
        names = tuple(self.factors)
        if self.design != "list":
            return _SWITCHED[self.design](names)
        # Arms that edit more than switches are no setting of the factors.
        plain = [arm for arm in self.arms if not arm.edits]
        arms = {arm.name: tuple(n not in arm.off for n in names) for arm in plain}
        return designs.recognised(designs.listed(names, arms))
