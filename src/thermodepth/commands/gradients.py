"""`thermodepth study gradients`: tables and pictures of the gradient diagnostics of a study or a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from thermodepth.commands.terminal import console
from thermodepth.errors import DataError, SettingsError, unknown
from thermodepth.report.gradients.tables import (
    PARAMETERS,
    cosine_table,
    notes_of,
    overview_table,
    share_table,
    step_table,
    without_notes,
)
from thermodepth.report.gradients.writing import FOLDER, write_gradients, write_study_gradients
from thermodepth.study.gradients.arms import STUDY, arms_of, watched_arms
from thermodepth.study.gradients.averages import conflicts
from thermodepth.study.gradients.records import (
    GradientRecord,
    read_arm_gradients,
    read_gradients,
)
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
    records = [read_gradients(folder)]
    title = records[0].name
    _print_in_full(records, title=title)
    written = write_gradients(
        out or folder / FOLDER, records, title=title, maps_of=folder, every_look=every_look
    )
    _print_files(written, out or folder / FOLDER)


def _show_study(folder: Path, *, arms: Sequence[str], every_look: bool, out: Path) -> None:
    shown = _chosen(folder, arms) if arms else watched_arms(folder)
    found = {arm: read_arm_gradients(folder, arm.name) for arm in shown}
    if len(found) > 1:
        console.print(overview_table({arm.title: r for arm, r in found.items()}).rich())
    for number, (arm, records) in enumerate(found.items()):
        if arms or not number:
            _print_in_full(records, title=arm.title)
        else:
            said = notes_of(records)
            console.print(without_notes(share_table(records, title=arm.title), said).rich())
    if len(found) > 1 and not arms:
        console.print("Cosines of the other arms: --arm NAME, or in the files.", soft_wrap=True)
    written = write_study_gradients(folder, shown, out=out, every_look=every_look)
    _print_files(written, out)


def _chosen(folder: Path, names: Sequence[str]) -> list[ArmLabel]:
    there = {arm.name: arm for arm in arms_of(folder)}
    for name in names:
        if name not in there:
            raise SettingsError(f"--arm: {unknown('arm', name, there)}")
    return [there[name] for name in dict.fromkeys(names)]


def _print_in_full(records: Sequence[GradientRecord], *, title: str) -> None:
    """Every table, and what all of them have to say once below them."""
    said = notes_of(records)
    tables = [share_table(records, title=title), step_table(records, title=title)]
    tables += [
        cosine_table(records, where, title=title)
        for where in PARAMETERS
        if conflicts(records, where)
    ]
    for table in tables:
        if table is not None:
            console.print(without_notes(table, said).rich())
    for note in said:
        console.print(note, style="dim", markup=False)
    console.print()


def _print_files(written: Sequence[Path], out: Path) -> None:
    console.print(f"{len(written)} tables and pictures in {out}", soft_wrap=True, markup=False)
