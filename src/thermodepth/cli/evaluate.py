"""`evaluate`: models, stored predictions, or depth maps of any tool."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from thermodepth.cli.options import (
    SPECS,
    CalibrationFile,
    Cameras,
    Device,
    FocalPx,
    Fov,
    With,
    load_with,
)
from thermodepth.errors import SettingsError
from thermodepth.threads import set_thread_policy


def evaluate(
    what: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(
            help="Run folders, model folders, built-in names or folders of stored predictions; several "
            "are scored side by side. None with --predictions.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        str, typer.Option("--data", help=f"{SPECS} Default: what the run or store was made from.")
    ] = "",
    split: Annotated[
        str, typer.Option(help="Which frames are scored. Default: test, or the store's.")
    ] = "",
    protocol: Annotated[
        str,
        typer.Option(
            help="A protocol of docs/protocols.md, range:NEAR-FAR, or a TOML file. Default: the data set's."
        ),
    ] = "",
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help="Folder for predictions, rows, tables and evaluation.html. Default: nothing is kept."
        ),
    ] = None,
    teacher: Annotated[
        str,
        typer.Option(
            help="The teacher scored beside: auto, none, or KIND[:MODEL[:GEOMETRY]], such as "
            "maps:FOLDER:affine_inverse; see docs/teachers.md."
        ),
    ] = "auto",
    baselines: Annotated[
        bool,
        typer.Option(
            help="Also score what does not look (constant depth, mean-depth map, row ramp) and what only "
            "remembers (nearest training frame, ridge on thumbnails)."
        ),
    ] = True,
    precision: Annotated[
        str,
        typer.Option(
            help="Of stored predictions: float32 or float16. Default: the store's, of a new one float32."
        ),
    ] = "",
    processes: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, help="Processes that score. Default: one a core."),
    ] = None,
    predictions: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Folder of depth maps of any tool (PNG16, NPY, EXR, TIFF)."),
    ] = None,
    truth: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Folder of true depth maps with the same names."),
    ] = None,
    geometry: Annotated[
        str,
        typer.Option(
            help="What --predictions hold: metric_depth, scale_depth, affine_depth, affine_inverse."
        ),
    ] = "metric_depth",
    png_scale: Annotated[
        float, typer.Option(help="Stored whole numbers of --predictions are metres times this.")
    ] = 256.0,
    truth_scale: Annotated[
        float, typer.Option(help="Stored whole numbers of --truth are metres times this.")
    ] = 256.0,
    thermal: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help="Folder of thermal frames with the same names, for contrast and the page."
        ),
    ] = None,
    intrinsics: Annotated[
        str, typer.Option(help="fx,fy,cx,cy in pixels of the truth, for surface normals.")
    ] = "",
    prediction_ending: Annotated[
        str, typer.Option(help="What names in --predictions end in besides, such as _depth.")
    ] = "",
    truth_ending: Annotated[str, typer.Option(help="The same of --truth.")] = "",
    thermal_ending: Annotated[str, typer.Option(help="The same of --thermal.")] = "",
    placement: Annotated[
        str,
        typer.Option(
            help="Where --predictions of another size lie in the truth's view: whole (stretched), kb, "
            "centre, garg, eigen, nyu, or TOP,LEFT; see docs/foreign_maps.md."
        ),
    ] = "whole",
    fov: Fov = None,
    focal_px: FocalPx = None,
    calibration: CalibrationFile = None,
    cameras: Cameras = [],  # noqa: B006
    device: Device = "auto",
    extensions: With = [],  # noqa: B006
) -> None:
    """Score models, stored predictions or anybody's depth maps under a named protocol.

    Every map is scored under all alignments side by side, beside the teacher and beside guessers that never
    look or only remember.
    """
    set_thread_policy()
    load_with(extensions)
    from thermodepth.commands.evaluate import ForeignMaps, evaluate_maps, evaluate_models
    from thermodepth.commands.lens import LensOptions

    options = LensOptions(
        fov_deg=fov, focal_px=focal_px, calibration=calibration, cameras=tuple(cameras)
    )

    if (predictions is None) != (truth is None):
        raise SettingsError("--predictions and --truth come together: one of them is missing")
    of_models = {
        "--data": data,
        "--split": split,
        "--teacher": "" if teacher == "auto" else teacher,
        "--precision": precision,
        "--device": "" if device == "auto" else device,
        **dict.fromkeys(options.named(), True),
    }
    of_maps = {
        "--geometry": "" if geometry == "metric_depth" else geometry,
        "--png-scale": png_scale != 256.0,
        "--truth-scale": truth_scale != 256.0,
        "--thermal": thermal,
        "--intrinsics": intrinsics,
        "--prediction-ending": prediction_ending,
        "--truth-ending": truth_ending,
        "--thermal-ending": thermal_ending,
        "--placement": "" if placement == "whole" else placement,
    }
    for option, is_set in (of_maps if predictions is None else of_models).items():
        if is_set:
            other = "without --predictions" if predictions is None else "with --predictions"
            raise SettingsError(f"{option}: has no effect {other}")
    if predictions is not None and truth is not None:
        if what:
            raise SettingsError(f"{what[0]}: give models or --predictions, not both")
        maps = ForeignMaps(
            predictions=predictions,
            truth=truth,
            geometry=geometry,
            png_scale=png_scale,
            truth_scale=truth_scale,
            thermal=thermal,
            intrinsics=intrinsics,
            prediction_ending=prediction_ending,
            truth_ending=truth_ending,
            thermal_ending=thermal_ending,
            placement=placement,
        )
        evaluate_maps(maps, protocol=protocol, out=out, processes=processes, baselines=baselines)
        return
    evaluate_models(
        what or [],
        data=data,
        split=split,
        protocol=protocol,
        out=out,
        teacher=teacher,
        baselines=baselines,
        precision=precision,
        processes=processes,
        device=device,
        options=options,
    )
