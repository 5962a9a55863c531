"""Options that several commands take, each described once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

Set = Annotated[
    list[str],
    typer.Option(
        "--set",
        help="Edit any setting: PATH=VALUE, such as losses.metric_silog.weight=2. Repeatable.",
    ),
]
#: Kept by hand: the table itself, DATASETS, is not imported for a help text.
SPECS = "synthetic, or NAME:PATH with synthetic, mm5, ms2, vivid_indoor, vivid_outdoor, firestereo, folder."
Data = Annotated[str, typer.Option("--data", help=SPECS)]
#: Where settings, a recipe or a study file may say it too: an option that was not given edits nothing.
GivenData = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--data", help=f"{SPECS} Default: what the recipe or file says; else synthetic."),
]
OptionalPath = Optional[Path]  # noqa: UP045 (typer reads it at run time)
Steps = Annotated[Optional[int], typer.Option(min=1, help="Optimiser steps.")]  # noqa: UP045
With = Annotated[
    list[str],
    typer.Option(
        "--with",
        help="A .py file of your own terms, metrics, data sets, teachers, encoders or normalisers, which is "
        "run; or the name of an installed extension. Repeatable.",
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Labels = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        help="Folder of teacher labels; made labels are found again. Default: user cache."
    ),
]
StudyName = Annotated[
    str, typer.Argument(help="A recipe: paper, paper-factorial; or a study file, .toml or .py.")
]
Seeds = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(min=1, max=1000, help="Seeds per arm. Default: 1, or those of the file."),
]
Twin = Annotated[
    bool,
    typer.Option(
        "--twin", help="Also train the reference once more (A/A): the noise of the machine."
    ),
]
StudyOut = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(help="The study's folder. Default: runs/NAME-DATA."),
]
Fov = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option("--fov", help="The lens: degrees across the frames."),
]
FocalPx = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option("--focal-px", help="The lens: focal length in pixels of the frames."),
]
CalibrationFile = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--calibration",
        help="The lens: a calibration file of any format of docs/calibration.md, or a folder with one.",
    ),
]
Cameras = Annotated[
    list[str],
    typer.Option(
        "--camera", help="NAME=thermal, for a --calibration that does not say which camera that is."
    ),
]


def load_with(sources: list[str]) -> None:
    """What `--with` names, before any setting is looked at."""
    if sources:
        from thermodepth.extensions import load_extensions

        load_extensions(sources)
