"""`thermodepth study gradients`: tables and pictures of the gradient diagnostics of a study or a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from thermodepth.commands.terminal import console
from thermodepth.errors import DataError, SettingsError, unknown
from thermodepth.report.gradients.tables import (
    cosine_table,
    notes_of,
    overview_table,
    share_table,
    step_table,
    without_notes,
)
from thermodepth.report.gradients.writing import FOLDER, write_gradients, write_study_gradients
from thermodepth.study.gradients.arms import (
    STUDY,
    arms_of,
    read_arm,
    read_runs,
    watched_arms,
)
from thermodepth.study.gradients.findings import ArmGradients, arm_gradients
from thermodepth.study.gradients.records import read_gradients
from thermodepth.study.results.lines import ArmLabel


def show_gradients(
    folder: Path, *, arms: Sequence[str], every_look: bool, out: Path | None
) -> None:
    """Print the tables, and write them with the pictures.

    Raises:
        DataError: for a folder without diagnostics, or with damaged files.
        SettingsError: for an arm that the study does not have, or an `out` that is a file.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected a study's or a run's")
    if out is not None and out.exists() and not out.is_dir():
        raise SettingsError(f"--out {out}: is a file, expected a folder")
    if (folder / STUDY).is_file():
        _show_study(folder, arms=arms, every_look=every_look, out=out or folder / FOLDER)
        return
    if arms:
        raise SettingsError(f"--arm {arms[0]}: {folder} has no {STUDY}, so it has no arms")
    if not (folder / "run.json").is_file():
        raise DataError(
            f"{folder}: neither a study's folder ({STUDY}) nor a run's (run.json); both have gradient "
            "diagnostics only when trained with --set runtime.diagnostics.on=true"
        )
    name = read_gradients(folder).name
    gradients = arm_gradients(read_runs([folder], title=name, every_look=every_look))
    _print_in_full(gradients)
    written = write_gradients(out or folder / FOLDER, gradients)
    _print_files(written, out or folder / FOLDER)


def _show_study(folder: Path, *, arms: Sequence[str], every_look: bool, out: Path) -> None:
    chosen = _chosen(folder, arms) if arms else watched_arms(folder)
    gradients = [arm_gradients(read_arm(folder, arm, every_look=every_look)) for arm in chosen]
    if len(gradients) > 1:
        console.print(overview_table(gradients).rich())
    for number, arm_of_study in enumerate(gradients):
        if arms or not number:
            _print_in_full(arm_of_study)
        else:
            notes = notes_of(arm_of_study.records)
            console.print(without_notes(share_table(arm_of_study), notes).rich())
    if len(gradients) > 1 and not arms:
        console.print("Cosines of the other arms: --arm NAME, or in the files.", soft_wrap=True)
    written = write_study_gradients(out, gradients)
    _print_files(written, out)


def _chosen(folder: Path, names: Sequence[str]) -> list[ArmLabel]:
    known = {arm.name: arm for arm in arms_of(folder)}
    for name in names:
        if name not in known:
            raise SettingsError(f"--arm: {unknown('arm', name, known)}")
    return [known[name] for name in dict.fromkeys(names)]


def _print_in_full(gradients: ArmGradients) -> None:
    """Every table, and what all of them have to say once below them."""
    notes = notes_of(gradients.records)
    tables = [share_table(gradients), step_table(gradients)]
    tables += [cosine_table(gradients, where) for where in gradients.measured]
    for table in tables:
        if table is not None:
            console.print(without_notes(table, notes).rich())
    for note in notes:
        console.print(note, style="dim", markup=False)
    console.print()


def _print_files(written: Sequence[Path], out: Path) -> None:
    console.print(f"{len(written)} tables and pictures in {out}", soft_wrap=True, markup=False)
