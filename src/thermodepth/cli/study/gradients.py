"""`thermodepth study gradients`: tables and pictures of the gradient diagnostics of a study or a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermodepth.cli.options import With, load_with
from thermodepth.errors import DataError, SettingsError, unknown
from thermodepth.threads import set_thread_policy

if TYPE_CHECKING:
    from thermodepth.study.arm import ArmLabel
    from thermodepth.study.gradients.findings import ArmGradients

Folder = Annotated[
    Path,
    typer.Argument(
        help="A study's folder, or that of one training, made with --set "
        "runtime.diagnostics.on=true."
    ),
]
ArmNames = Annotated[
    list[str],
    typer.Option(help="Only this arm of a study. Repeatable. Default: every one that has any."),
]
EveryLook = Annotated[
    bool,
    typer.Option("--every-look", help="Draw the conflict maps of every look, not only the last."),
]
Out = Annotated[
    Path | None,
    typer.Option(
        help="Folder for tables (md, csv, tex) and pictures (svg, png). Default: FOLDER/gradients."
    ),
]


def gradients(
    folder: Folder,
    arm: ArmNames = [],
    every_look: EveryLook = False,
    out: Out = None,
    extensions: With = [],
) -> None:
    """How hard each loss term pulls, which pull apart, and which way the steps really went.

    A diagnostic, never a verdict. Of a study the reference is printed in full and the shares of the others;
    arms named by --arm are printed in full. The files have everything.
    """
    set_thread_policy(1)
    load_with(extensions)
    from thermodepth.report.gradients.writing import FOLDER, write_gradients
    from thermodepth.study.gradients.arms import STUDY, read_runs
    from thermodepth.study.gradients.findings import arm_gradients
    from thermodepth.study.gradients.records import read_gradients

    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected a study's or a run's")
    if out is not None and out.exists() and not out.is_dir():
        raise SettingsError(f"--out {out}: is a file, expected a folder")
    if (folder / STUDY).is_file():
        _show_study(folder, arms=arm, every_look=every_look, out=out or folder / FOLDER)
        return
    if arm:
        raise SettingsError(f"--arm {arm[0]}: {folder} has no {STUDY}, so it has no arms")
    if not (folder / "run.json").is_file():
        raise DataError(
            f"{folder}: neither a study's folder ({STUDY}) nor a run's (run.json); both have gradient "
            "diagnostics only when trained with --set runtime.diagnostics.on=true"
        )
    title = read_gradients(folder).name
    run = arm_gradients(read_runs([folder], title=title, every_look=every_look))
    _print_in_full(run)
    written = write_gradients(out or folder / FOLDER, run)
    _print_files(written, out or folder / FOLDER)


def _show_study(folder: Path, *, arms: Sequence[str], every_look: bool, out: Path) -> None:
    from thermodepth.cli.terminal import console
    from thermodepth.report.gradients.tables import (
        notes_of,
        overview_table,
        share_table,
        without_notes,
    )
    from thermodepth.report.gradients.writing import write_study_gradients
    from thermodepth.study.gradients.arms import read_arm, watched_arms
    from thermodepth.study.gradients.findings import arm_gradients

    labels = _arms_of_names(folder, arms) if arms else watched_arms(folder)
    by_arm = [arm_gradients(read_arm(folder, arm, every_look=every_look)) for arm in labels]
    if len(by_arm) > 1:
        console.print(overview_table(by_arm).rich())
    for number, of_arm in enumerate(by_arm):
        if arms or not number:
            _print_in_full(of_arm)
        else:
            notes = notes_of(of_arm.records)
            console.print(without_notes(share_table(of_arm), notes).rich())
    if len(by_arm) > 1 and not arms:
        console.print("Cosines of the other arms: --arm NAME, or in the files.", soft_wrap=True)
    written = write_study_gradients(out, by_arm)
    _print_files(written, out)


def _arms_of_names(folder: Path, names: Sequence[str]) -> list[ArmLabel]:
    from thermodepth.study.gradients.arms import arms_of

    labels = {arm.name: arm for arm in arms_of(folder)}
    for name in names:
        if name not in labels:
            raise SettingsError(f"--arm: {unknown('arm', name, labels)}")
    return [labels[name] for name in dict.fromkeys(names)]


def _print_in_full(gradients: ArmGradients) -> None:
    """Every table, and what all of them have to say once below them."""
    from thermodepth.cli.terminal import console
    from thermodepth.report.gradients.tables import (
        cosine_table,
        notes_of,
        share_table,
        step_table,
        without_notes,
    )

    notes = notes_of(gradients.records)
    tables = [share_table(gradients), step_table(gradients)]
    tables += [cosine_table(gradients, parameters) for parameters in gradients.measured]
    for table in tables:
        if table is not None:
            console.print(without_notes(table, notes).rich())
    for note in notes:
        console.print(note, style="dim", markup=False)
    console.print()


def _print_files(written: Sequence[Path], out: Path) -> None:
    from thermodepth.cli.terminal import console

    console.print(f"{len(written)} tables and pictures in {out}", soft_wrap=True, markup=False)
