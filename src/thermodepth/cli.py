"""The command line: one sub-command a verb, heavy imports inside.

`thermodepth --help` must cost nothing, so this file imports only typer, and a command imports what it
needs after the thread policy is set. A person's mistake becomes one line on stderr and exit code 2.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from thermodepth.errors import DivergedError, UserError
from thermodepth.threads import set_thread_policy

if TYPE_CHECKING:
    from thermodepth.training.settings import TrainingSettings

app = typer.Typer(
    name="thermodepth",
    help="Monocular depth from thermal cameras: train it, explain it, ship it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
study_app = typer.Typer(no_args_is_help=True, help="Loss studies: arms, tables, figures, report.")
data_app = typer.Typer(no_args_is_help=True, help="Look at data sets, render synthetic ones.")
app.add_typer(study_app, name="study")
app.add_typer(data_app, name="data")

Set = Annotated[
    list[str],
    typer.Option(
        "--set",
        help="Edit any setting: PATH=VALUE, such as losses.metric_silog.weight=2. Repeatable.",
    ),
]
Data = Annotated[str, typer.Option("--data", help="synthetic, synthetic:PATH or mm5:FOLDER.")]
Steps = Annotated[Optional[int], typer.Option(min=1, help="Optimiser steps.")]  # noqa: UP045
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Labels = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        help="Folder of teacher labels; made labels are found again. Default: user cache."
    ),
]


def main() -> None:
    """The program `thermodepth`."""
    try:
        # Without its standalone mode typer returns the exit code instead of ending the process.
        code = app(standalone_mode=False)
        if code == 130:
            raise KeyboardInterrupt
        sys.exit(code if isinstance(code, int) else 0)
    except UserError as error:
        _say_error(str(error))
        sys.exit(2)
    except DivergedError as error:
        _say_error(f"training diverged: {error}")
        sys.exit(3)
    except (KeyboardInterrupt, typer.Abort):
        _say_error("stopped; what was done is kept. The same command goes on from there")
        sys.exit(130)
    except BrokenPipeError:  # `thermodepth ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        # Typer's own usage errors know how to show themselves; ours keep their traceback.
        show = getattr(error, "show", None)
        if show is None:
            raise
        show()
        sys.exit(getattr(error, "exit_code", 2))


def _say_error(text: str) -> None:
    print(f"error: {text}", file=sys.stderr)


@app.callback(invoke_without_command=True)
def _top(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        from thermodepth import __version__

        print(f"thermodepth {__version__}")
        raise typer.Exit


@study_app.command("run")
def study_run(
    name: Annotated[str, typer.Argument(help="A recipe: paper.")],
    data: Data = "synthetic",
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Seeds per arm.")] = 1,
    steps: Steps = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="The study's folder. Default: runs/NAME-DATA."),
    ] = None,
    processes: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            min=1, help="Cells trained side by side, one thread each. Default: one a core."
        ),
    ] = None,
    edits: Set = [],  # noqa: B006
) -> None:
    """Train every arm of a study under the same conditions, then write its table, figures and report.

    Running the same command again skips what is done and continues what is not; more --seeds are added
    to the ones that are there.
    """
    set_thread_policy(1)
    from thermodepth.commands.study import run_named_study

    run_named_study(
        name, data=data, seeds=seeds, steps=steps, out=out, processes=processes, edits=edits
    )


@app.command("train")
def train_command(
    out: Annotated[Path, typer.Option(help="The run's folder; an unfinished run is continued.")],
    data: Data = "synthetic",
    recipe: Annotated[
        str, typer.Option(help="thermal, or rgb-teacher for an RGB network.")
    ] = "thermal",
    steps: Steps = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    labels: Labels = None,
    edits: Set = [],  # noqa: B006
) -> None:
    """Train one network. Ctrl-C saves; the same command goes on."""
    from thermodepth.threads import available_cores

    set_thread_policy(available_cores())
    from thermodepth.commands.train import train_one

    settings = _settings(recipe, data=data, steps=steps, seed=seed, edits=edits)
    train_one(settings, out, label_root=labels)


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="A run folder, a model folder or a built-in name.")],
    data: Data = "synthetic",
    split: Annotated[str, typer.Option(help="Which frames are scored.")] = "test",
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Folder for predictions and rows. Default: nothing is kept."),
    ] = None,
    device: Device = "auto",
) -> None:
    """Score a model on a data set, beside the constant depth and the mean-depth map."""
    set_thread_policy()
    from thermodepth.commands.evaluate import evaluate_model

    evaluate_model(model, data=data, split=split, out=out, device=device)


@app.command()
def predict(
    source: Annotated[
        Path, typer.Argument(help="A thermal frame (PNG, TIFF, NPY) or a folder of them.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the maps.")] = Path("depth"),
    model: Annotated[str, typer.Option(help="A run folder, a model folder or a built-in name.")] = (
        "thermal-small"
    ),
    depth_format: Annotated[
        str, typer.Option("--format", help="png (16 bit, metres*256) or npy (float32 metres).")
    ] = "png",
    view: Annotated[bool, typer.Option(help="Also write a picture for people.")] = True,
    short_side: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(help="Pixels of the short side that the network sees. Default: as trained."),
    ] = None,
    counts: Annotated[
        bool,
        typer.Option("--counts", help="Refuse 8-bit pictures: raw 14/16-bit counts are meant."),
    ] = False,
    device: Device = "auto",
) -> None:
    """Metric depth and structure of thermal frames. Reads 8/14/16-bit PNG, TIFF and NPY."""
    set_thread_policy()
    from thermodepth.commands.predict import predict_files

    predict_files(
        source,
        out,
        model=model,
        depth_format=depth_format,
        view=view,
        short_side=short_side,
        counts=counts,
        device=device,
    )


@app.command()
def serve(
    model: Annotated[str, typer.Option(help="A run folder, a model folder or a built-in name.")] = (
        "thermal-small"
    ),
    host: Annotated[
        str, typer.Option(help="The address to serve on; the default is seen by this machine only.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 7860,
    device: Device = "auto",
) -> None:
    """A local web page: drop a thermal frame, see and download its depth. Extra `serve`."""
    set_thread_policy()
    from thermodepth.commands.serve import serve_page

    serve_page(model, host=host, port=port, device=device)


@app.command()
def label(
    data: Data = "synthetic",
    split: Annotated[str, typer.Option(help="Which frames are labelled.")] = "train",
    teacher: Annotated[
        str, typer.Option(help="rgb-small, truth, or transformers (with --teacher-model).")
    ] = "rgb-small",
    teacher_model: Annotated[
        str, typer.Option(help="Hub id or local folder of the transformers depth model.")
    ] = "",
    out: Labels = None,
    edits: Set = [],  # noqa: B006
) -> None:
    """Make a teacher's labels for a data set; what is there already is kept."""
    set_thread_policy()
    from thermodepth.commands.label import label_data

    settings = _settings(
        "thermal",
        data=data,
        steps=None,
        seed=0,
        edits=[f"teacher.kind={teacher}", f"teacher.model={teacher_model}", *edits],
    )
    label_data(settings, split=split, label_root=out)


@data_app.command("info")
def data_info(
    data: Annotated[str, typer.Argument(help="synthetic, synthetic:PATH or mm5:FOLDER.")],
) -> None:
    """What a data set holds: splits, sizes, units, ranges, conditions, holes."""
    set_thread_policy()
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
    rig: Annotated[str, typer.Option(help="coaxial, ms2 or a calibration FILE.json.")] = "coaxial",
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


def _settings(
    recipe: str, *, data: str, steps: int | None, seed: int, edits: list[str]
) -> TrainingSettings:
    """A recipe's settings with the command line's own options and `--set` edits on top."""
    from thermodepth.config import parse_edit
    from thermodepth.recipes import named_training

    own = {"data.source": data, "seed": seed}
    if steps is not None:
        own["steps"] = steps
    return named_training(recipe).edit({**own, **dict(parse_edit(text) for text in edits)})
