"""Tables and pictures of gradient diagnostics as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from thermodepth.files import write_bytes, write_text
from thermodepth.report.gradients.pictures import draw_conflict, draw_cosines, draw_shares
from thermodepth.report.gradients.tables import cosine_table, share_table, step_table
from thermodepth.report.table import write_tables
from thermodepth.study.gradients.findings import ArmGradients

FOLDER = "gradients"  # below a study's folder


def write_gradients(out: Path, gradients: ArmGradients) -> list[Path]:
    """Tables and pictures of one arm: shares, cosines at both sets of parameters, conflict maps.

    Args:
        out: where they go; made.
        gradients: the arm's.

    Returns:
        What was written.
    """
    tables = {"gradient_shares": share_table(gradients)}
    for where in gradients.measured:
        tables[f"gradient_cosines_{where}"] = cosine_table(gradients, where)
    if (steps := step_table(gradients)) is not None:
        tables["gradient_steps"] = steps
    written = write_tables(out, tables)
    pictures = {"gradient_shares": draw_shares(gradients)}
    for where in gradients.measured:
        pictures[f"gradient_cosines_{where}"] = draw_cosines(gradients, where)
    for stem, svg in pictures.items():
        write_text(out / f"{stem}.svg", svg)
        written.append(out / f"{stem}.svg")
    for maps in gradients.maps:
        path = out / f"conflict_step_{maps.step}.png"
        write_bytes(path, draw_conflict(maps))
        written.append(path)
    return written


def write_study_gradients(out: Path, arms: Sequence[ArmGradients]) -> list[Path]:
    """The files of every arm in `out/ARM/`."""
    return [path for arm in arms for path in write_gradients(out / arm.name, arm)]
