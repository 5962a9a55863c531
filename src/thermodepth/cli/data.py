"""Looking at data sets, checking them, rendering synthetic ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from thermodepth.cli.options import SPECS, OptionalPath, With, load_with
from thermodepth.threads import set_thread_policy

data_app = typer.Typer(
    no_args_is_help=True, help="Look at data sets, check them, render synthetic ones."
)


@data_app.command("info")
def data_info(
    data: Annotated[str, typer.Argument(help=SPECS)],
    extensions: With = [],  # noqa: B006
) -> None:
    """What a data set holds: splits, sizes, units, ranges, conditions, holes."""
    set_thread_policy()
    load_with(extensions)
    from thermodepth.commands.data import print_info

    print_info(data)


@data_app.command("preview")
def data_preview(
    data: Annotated[
        str,
        typer.Argument(help="synthetic, mm5:FOLDER, or the path of a rendered folder or .zip."),
    ],
    out: Annotated[Path, typer.Option(help="The picture to write, .png or .jpg.")] = Path(
        "preview.png"
    ),
    frames: Annotated[int, typer.Option(min=1, max=64, help="How many frames.")] = 8,
    split: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Only frames of this split. Default: like shares of all splits."),
    ] = None,
) -> None:
    """A contact sheet: RGB, thermal and depth of frames spread evenly over a data set."""
    set_thread_policy()
    from thermodepth.commands.preview import preview

    preview(data, out=out, frames=frames, split=split)


@data_app.command("calib")
def data_calib(
    path: Annotated[Path, typer.Argument(help="A calibration file, or a data set's folder.")],
    format: Annotated[
        str, typer.Option(help="ms2, rig, vivid, kalibr or opencv; auto: by what stands in it.")
    ] = "auto",
    camera: Annotated[
        list[str], typer.Option(help="NAME=ROLE such as cam1=thermal, where the file is silent.")
    ] = [],  # noqa: B006
    thermal: Annotated[OptionalPath, typer.Option(help="A thermal frame, for an overlay.")] = None,
    rgb: Annotated[OptionalPath, typer.Option(help="The RGB frame of the same moment.")] = None,
    distance: Annotated[
        list[float], typer.Option(help="Metres of a plane. Repeatable. Default: 5, 10, 20.")
    ] = [],  # noqa: B006
    out: Annotated[OptionalPath, typer.Option(help="The overlay. Default: overlay.png.")] = None,
) -> None:
    """Check the calibration of an RGB-thermal rig: units, direction, views; overlay two frames."""
    from thermodepth.commands.calib import print_calibration

    frames = {"thermal": thermal, "rgb": rgb}
    if not print_calibration(
        path, format=format, cameras=camera, distances_m=distance, out=out, **frames
    ):
        raise typer.Exit(1)


@data_app.command("check")
def data_check(
    data: Annotated[
        str,
        typer.Argument(help="A data set as everywhere, or the path of any folder of pictures."),
    ],
    json: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Also write the report to this file."),
    ] = None,
    frames: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            min=1, help="Decode only about so many, evenly spread; every file is hashed either way."
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings too.")] = False,
) -> None:
    """What is wrong with a data set: broken files, copies, frozen frames, wrong scales, leaks, ...

    Exits with 0 when there is no error, 1 for warnings with --strict, 3 for errors.
    """
    set_thread_policy()
    from thermodepth.commands.check import check

    raise typer.Exit(check(data, json=json, frames=frames, strict=strict))


@data_app.command("realism")
def data_realism(
    data: Annotated[
        str,
        typer.Argument(help="A data set as everywhere, a pack, or a folder of thermal pictures."),
    ],
    against: Annotated[str, typer.Option(help="The same: what it is held against.")],
    frames: Annotated[int, typer.Option(min=2, help="Of each set, evenly spread.")] = 300,
    only: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Conditions of DATA that begin so, such as street,carpark,wood."),
    ] = None,
    groups: Annotated[
        str, typer.Option(help="What a recording is in a folder: each frame, or each folder.")
    ] = "frame",
    json: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Also write the report to this file."),
    ] = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="A .png of the patches that look least and most like the other set."),
    ] = None,
) -> None:
    """How well a plain classifier tells a set's thermal frames from others, and by what."""
    set_thread_policy()
    from thermodepth.commands.realism import realism

    realism(data, against=against, frames=frames, only=only, groups=groups, json=json, out=out)


@data_app.command("render")
def data_render(
    out: Annotated[Path, typer.Option(help="The folder to write; NAME.zip makes one file.")],
    scenes: Annotated[
        str, typer.Option(help="N (80 % train, 10 % val, 10 % test) or TRAIN/VAL/TEST.")
    ] = "100",
    size: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="WIDTHxHEIGHT of the thermal frame. Default: the rig's own."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the first scene; the next have +1, +2.")] = (
        10_000_000
    ),
    rig: Annotated[str, typer.Option(help="coaxial, ms2 or a calibration file.")] = "coaxial",
    cameras: Annotated[
        str,
        typer.Option(
            help="one: the rig; many: a lens, a height, a tilt and a core for each scene."
        ),
    ] = "one",
    sequence: Annotated[int, typer.Option(min=1, help="Frames of each scene.")] = 1,
    rate: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="Frames a second of a sequence. Default: 10."),
    ] = None,
    lidar: Annotated[int, typer.Option(min=0, help="Channels of a lidar; 0: none.")] = 0,
    layout: Annotated[str, typer.Option(help="folder, or ms2 for readers of MS2.")] = "folder",
    condition: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="day, overcast, dusk, night, rain, lit or dark. Default: drawn."),
    ] = None,
    radiometric: Annotated[
        bool, typer.Option("--radiometric", help="A calibrated camera: kelvin, no drift.")
    ] = False,
    bad_pixels: Annotated[float, typer.Option(help="Share of dead, hot, blinking pixels.")] = 0.0,
    shutter: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="Seconds between shutter events of a sequence. Default: none."),
    ] = None,
    processes: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, help="Renderers side by side. Default: one a core."),
    ] = None,
) -> None:
    """Render synthetic streets and rooms. A killed run goes on when started again."""
    set_thread_policy(1)
    from thermodepth.commands.data import render

    render(
        out,
        scenes=scenes,
        size=size,
        seed=seed,
        rig=rig,
        cameras=cameras,
        sequence=sequence,
        rate_hz=rate,
        lidar=lidar,
        layout=layout,
        condition=condition,
        radiometric=radiometric,
        bad_pixels=bad_pixels,
        shutter_s=shutter,
        processes=processes,
    )
