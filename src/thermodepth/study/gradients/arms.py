"""Which arms of a study's folder have gradient diagnostics."""

from __future__ import annotations

from pathlib import Path

from thermodepth.checksums import read_record
from thermodepth.errors import DataError
from thermodepth.statistics.questions import NAME
from thermodepth.study.gradients.records import watched_cells
from thermodepth.study.results.lines import ArmLabel

STUDY = "study.json"


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
