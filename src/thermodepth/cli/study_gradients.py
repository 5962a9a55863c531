"""`study gradients`: what the loss terms asked of the network while it trained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from thermodepth.cli.options import OptionalPath, With, load_with
from thermodepth.threads import set_thread_policy


def study_gradients(
    folder: Annotated[
        Path,
        typer.Argument(
            help="A study's folder, or that of one training, made with --set "
            "runtime.diagnostics.on=true."
        ),
    ],
    arm: Annotated[
        list[str],
        typer.Option(help="Only this arm of a study. Repeatable. Default: every one that has any."),
    ] = [],  # noqa: B006
    every_look: Annotated[
        bool,
        typer.Option(
            "--every-look", help="Draw the conflict maps of every look, not only the last."
        ),
    ] = False,
    out: Annotated[
        OptionalPath,
        typer.Option(
            help="Folder for tables (md, csv, tex) and pictures (svg, png). Default: FOLDER/gradients."
        ),
    ] = None,
    extensions: With = [],  # noqa: B006
) -> None:
    """How hard each loss term pulls, which pull apart, and which way the steps really went.

    A diagnostic, never a verdict. Of a study the reference is printed in full and the shares of the others;
    arms named by --arm are printed in full. The files have everything.
    """
    set_thread_policy(1)
    load_with(extensions)
    from thermodepth.commands.gradients import show_gradients

    show_gradients(folder, arms=arm, every_look=every_look, out=out)
