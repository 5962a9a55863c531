"""Tables and pictures of gradient diagnostics as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from thermodepth.files import write_bytes, write_text
from thermodepth.report.gradients.pictures import draw_conflict, draw_cosines, draw_shares
from thermodepth.report.gradients.tables import PARAMETERS, cosine_table, share_table, step_table
from thermodepth.report.study.tables import write_tables
from thermodepth.study.gradients.averages import conflicts
from thermodepth.study.gradients.records import GradientRecord, read_arm_gradients, watched_cells
from thermodepth.study.results.lines import ArmLabel
from thermodepth.training.diagnostics.files import conflict_path, conflict_steps
from thermodepth.training.diagnostics.maps import read_conflict_maps

FOLDER = "gradients"  # below a study's folder


def write_gradients(
    out: Path,
    records: Sequence[GradientRecord],
    *,
    title: str,
    maps_of: Path | None = None,
    every_look: bool = True,
) -> list[Path]:
    """Tables and pictures of one arm: shares, cosines at both sets of parameters, conflict maps.

    Args:
        out: where they go; made.
        records: the arm's runs, at least one.
        title: the arm.
        maps_of: the run's folder whose conflict maps are drawn.
        every_look: all of its maps, and not only the last; one takes a second.

    Returns:
        What was written.

    Raises:
        DataError: for a damaged file of maps.
    """
    measured = [where for where in PARAMETERS if conflicts(records, where)]
    tables = {"gradient_shares": share_table(records, title=title)}
    for where in measured:
        tables[f"gradient_cosines_{where}"] = cosine_table(records, where, title=title)
    if (steps := step_table(records, title=title)) is not None:
        tables["gradient_steps"] = steps
    written = write_tables(out, tables)
    pictures = {"gradient_shares": draw_shares(records, title=title)}
    for where in measured:
        found = conflicts(records, where)
        pictures[f"gradient_cosines_{where}"] = draw_cosines(found, where, title=title)
    for stem, svg in pictures.items():
        write_text(out / f"{stem}.svg", svg)
        written.append(out / f"{stem}.svg")
    looks = conflict_steps(maps_of) if maps_of is not None else []
    for step in looks if every_look else looks[-1:]:
        assert maps_of is not None
        path = out / f"conflict_step_{step}.png"
        write_bytes(path, draw_conflict(read_conflict_maps(conflict_path(maps_of, step))))
        written.append(path)
    return written


def write_study_gradients(
    folder: Path, arms: Sequence[ArmLabel], *, out: Path | None = None, every_look: bool = False
) -> list[Path]:
    """The files of every arm that has diagnostics, in `gradients/ARM/`; nothing where none has.

    Args:
        folder: the study's.
        arms: in any order.
        out: in place of the study's `gradients/`.
        every_look: as `write_gradients`; the maps are those of the arm's first run.

    Raises:
        DataError: for a damaged file.
    """
    written: list[Path] = []
    for arm in arms:
        cells = watched_cells(folder, arm.name)
        if cells:
            written += write_gradients(
                (out or folder / FOLDER) / arm.name,
                read_arm_gradients(folder, arm.name),
                title=arm.title,
                maps_of=cells[0],
                every_look=every_look,
            )
    return written
