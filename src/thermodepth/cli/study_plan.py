"""`study plan`: a look at a study before it is run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from thermodepth.cli.options import Data, Set, Steps
from thermodepth.threads import set_thread_policy


def study_plan(
    name: Annotated[
        str, typer.Argument(help="A recipe: paper, paper-factorial; or a study file, .toml or .py.")
    ],
    data: Data = "synthetic",
    seeds: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, max=1000, help="Seeds per arm. Default: 1, or those of the file."),
    ] = None,
    steps: Steps = None,
    twin: Annotated[
        bool, typer.Option("--twin", help="Also the reference once more (A/A).")
    ] = False,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="The study's folder. Default: runs/NAME-DATA."),
    ] = None,
    edits: Set = [],  # noqa: B006
) -> None:
    """What a study would train, ask and be able to answer. Nothing is trained or written."""
    set_thread_policy(1)
    from thermodepth.commands.plan import show_plan

    show_plan(name, data=data, seeds=seeds, steps=steps, twin=twin, out=out, edits=edits)
