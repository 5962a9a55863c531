"""Which arms of a study's folder have gradient diagnostics, and what these are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from thermodepth.checksums import read_record
from thermodepth.errors import DataError
from thermodepth.statistics.questions import NAME
from thermodepth.study.arm import ArmLabel
from thermodepth.study.gradients.records import GradientRecord, read_gradients, watched_cells
from thermodepth.training.diagnostics.files import conflict_path, conflict_steps
from thermodepth.training.diagnostics.maps import ConflictMaps, read_conflict_maps

STUDY = "study.json"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ArmDiagnostics:
    """The diagnostics of one arm, or of one run that is no study's, as their files hold them."""

    name: str  # of the arm; empty for a run alone
    title: str
    records: tuple[GradientRecord, ...]  # of each run, at least one
    maps: tuple[ConflictMaps, ...]  # of the first run, looks in the order of the steps


def read_diagnostics(
    study: Path, arms: Sequence[ArmLabel], *, every_look: bool = False
) -> tuple[ArmDiagnostics, ...]:
    """Those of each arm that has any, in the order given.

    Args:
        study: its folder.
        arms: of the study.
        every_look: all conflict maps of an arm's first run, and not only the last; one takes a second.

    Raises:
        DataError: for a damaged file.
    """
    return tuple(
        read_runs(cells, name=arm.name, title=arm.title, every_look=every_look)
        for arm in arms
        if (cells := watched_cells(study, arm.name))
    )


def read_arm(study: Path, arm: ArmLabel, *, every_look: bool = False) -> ArmDiagnostics:
    """Those of one arm.

    Raises:
        DataError: when no cell of this arm has any, or a file is damaged.
    """
    arms = read_diagnostics(study, [arm], every_look=every_look)
    if not arms:
        raise DataError(
            f"{study}: no cell of arm '{arm.name}' was trained with runtime.diagnostics.on=true"
        )
    return arms[0]


def read_runs(
    runs: Sequence[Path], *, title: str, name: str = "", every_look: bool = True
) -> ArmDiagnostics:
    """Those of runs by their folders, at least one.

    Raises:
        DataError: for a run without diagnostics, or a damaged file.
    """
    steps = conflict_steps(runs[0])
    return ArmDiagnostics(
        name=name,
        title=title,
        records=tuple(read_gradients(run) for run in runs),
        maps=tuple(
            read_conflict_maps(conflict_path(runs[0], step))
            for step in (steps if every_look else steps[-1:])
        ),
    )


def arms_of(study: Path) -> list[ArmLabel]:
    """Every arm that the folder's `study.json` names, the reference first.

    Raises:
        DataError: when that is missing or damaged, or names an arm that is no folder's name.
    """
    record = read_record(study / STUDY)
    try:
        design = record["study"]
        arms = [ArmLabel(name=str(a["name"]), title=str(a["title"])) for a in design["arms"]]
        reference = str(design["reference"])
    except (KeyError, TypeError) as error:
        raise DataError(f"{study / STUDY}: not the record of a study ({error!r})") from None
    for arm in arms:
        if not NAME.fullmatch(arm.name):
            raise DataError(
                f"{study / STUDY}: arm name {arm.name!r:.80}, expected a-z, 0-9 and dashes"
            )
    return sorted(arms, key=lambda arm: arm.name != reference)


def watched_arms(study: Path) -> list[ArmLabel]:
    """Those of `arms_of` with diagnostics of any seed.

    Raises:
        DataError: as `arms_of`, and when no arm has, saying how to switch them on.
    """
    arms = [arm for arm in arms_of(study) if watched_cells(study, arm.name)]
    if not arms:
        raise DataError(
            f"{study}: no cell was trained with gradient diagnostics. Run the study into a new --out with "
            "--set runtime.diagnostics.on=true; cells that are done are not trained again"
        )
    return arms
