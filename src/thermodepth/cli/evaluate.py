"""`thermodepth evaluate`: models, stored predictions, or depth maps of any tool."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from thermodepth.cli.foreign_maps import NO_MAPS, ForeignMaps
from thermodepth.cli.lens import NO_LENS, LensOptions
from thermodepth.cli.options import SPECS, Device, With, load_with
from thermodepth.errors import SettingsError
from thermodepth.threads import set_thread_policy

Models = Annotated[
    list[str] | None,
    typer.Argument(
        help="Run folders, model folders, built-in names or folders of stored predictions; several "
        "are scored side by side. None with --predictions.",
        show_default=False,
    ),
]
Data = Annotated[
    str, typer.Option("--data", help=f"{SPECS} Default: what the run or store was made from.")
]
Split = Annotated[str, typer.Option(help="Which frames are scored. Default: test, or the store's.")]
Protocol = Annotated[
    str,
    typer.Option(
        help="A protocol of docs/protocols.md, range:NEAR-FAR, or a TOML file. Default: the data set's."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        help="Folder for predictions, rows, tables and evaluation.html. Default: nothing is kept."
    ),
]
Teacher = Annotated[
    str,
    typer.Option(
        help="The teacher scored beside: auto, none, or KIND[:MODEL[:GEOMETRY]], such as "
        "maps:FOLDER:affine_inverse; see docs/teachers.md."
    ),
]
Baselines = Annotated[
    bool,
    typer.Option(
        help="Also score what does not look (constant depth, mean-depth map, row ramp) and what only "
        "remembers (nearest training frame, ridge on thumbnails)."
    ),
]
Precision = Annotated[
    str,
    typer.Option(
        help="Of stored predictions: float32 or float16. Default: the store's, of a new one float32."
    ),
]
Processes = Annotated[
    int | None, typer.Option(min=1, help="Processes that score. Default: one a core.")
]


def evaluate(
    what: Models = None,
    data: Data = "",
    split: Split = "",
    protocol: Protocol = "",
    out: Out = None,
    teacher: Teacher = "auto",
    baselines: Baselines = True,
    precision: Precision = "",
    processes: Processes = None,
    maps: ForeignMaps = NO_MAPS,
    lens: LensOptions = NO_LENS,
    device: Device = "auto",
    extensions: With = [],
) -> None:
    """Score models, stored predictions or anybody's depth maps under a named protocol.

    Every map is scored under all alignments side by side, beside the teacher and beside guessers that never
    look or only remember.
    """
    set_thread_policy()
    load_with(extensions)
    from thermodepth.cli import scoring

    options = scoring.ScoringOptions(
        protocol=protocol, out=out, processes=processes, baselines=baselines
    )
    models = scoring.ModelOptions(
        specs=what or [],
        data=data,
        split=split,
        teacher=teacher,
        precision=precision,
        device=device,
        lens=lens,
    )
    if (maps.predictions is None) != (maps.truth is None):
        raise SettingsError("--predictions and --truth come together: one of them is missing")
    if maps.predictions is None:
        if named := maps.named():
            raise SettingsError(f"{named[0]}: has no effect without --predictions")
        scoring.evaluate_models(models, options)
        return
    if named := models.named():
        raise SettingsError(f"{named[0]}: has no effect with --predictions")
    if what:
        raise SettingsError(f"{what[0]}: give models or --predictions, not both")
    scoring.evaluate_maps(maps, options)
