"""Studies, training, prediction, labels, the page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from thermodepth.cli.options import (
    CalibrationFile,
    Cameras,
    Device,
    FocalPx,
    Fov,
    GivenData,
    Labels,
    OptionalPath,
    Seeds,
    Set,
    Steps,
    StudyName,
    StudyOut,
    Twin,
    With,
    load_with,
)
from thermodepth.threads import set_thread_policy

if TYPE_CHECKING:
    from thermodepth.training.settings import TrainingSettings

study_app = typer.Typer(no_args_is_help=True, help="Loss studies: arms, tables, figures, report.")


@study_app.command("run")
def study_run(
    name: StudyName,
    data: GivenData = None,
    seeds: Seeds = None,
    steps: Steps = None,
    twin: Twin = False,
    budget_hours: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="Of training, all cells together: no seed is begun that would not fit."),
    ] = None,
    out: StudyOut = None,
    edits: Set = [],  # noqa: B006
    extensions: With = [],  # noqa: B006
    executor: Annotated[
        str,
        typer.Option(
            help="Where cells are computed: local, ray, slurm, or print, which writes a command for each."
        ),
    ] = "local",
    processes: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, help="The most cells at once. Default: one a core or GPU; slurm: all."),
    ] = None,
    gpus_per_cell: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            min=0, help="GPUs that train one cell together. Default: one where there are any."
        ),
    ] = None,
    lockstep: Annotated[
        int,
        typer.Option(
            min=1,
            help="The most arms of a seed that train side by side in one process, each batch read once.",
        ),
    ] = 1,
    slots_per_gpu: Annotated[int, typer.Option(min=1, help="Processes that share one GPU.")] = 1,
    executor_option: Annotated[
        list[str],
        typer.Option(
            help="KEY=VALUE of the executor, such as partition=gpu or address=HOST:PORT. Repeatable."
        ),
    ] = [],  # noqa: B006
) -> None:
    """Train every arm of a study under the same conditions, then write its table, figures and report.

    Running the same command again skips what is done, continues what is not and tries again what failed;
    more --seeds, or arms that a recipe gained, are added to what is there.
    """
    set_thread_policy(1)
    load_with(extensions)
    from thermodepth.commands.study import run_named_study

    run_named_study(
        name,
        data=data,
        seeds=seeds,
        steps=steps,
        twin=twin,
        budget_hours=budget_hours,
        out=out,
        edits=edits,
        executor=executor,
        processes=processes,
        gpus_per_cell=gpus_per_cell,
        slots_per_gpu=slots_per_gpu,
        lockstep=lockstep,
        options=executor_option,
    )


@study_app.command("cell")
def study_cell(
    folder: Annotated[Path, typer.Argument(help="A study's folder.")],
    names: Annotated[
        list[str], typer.Argument(help="ARM/seed-N. Several of one seed train in lockstep.")
    ],
    extensions: With = [],  # noqa: B006
) -> None:
    """Compute cells of a study: what `study run --executor print` writes lines of."""
    set_thread_policy(1)
    load_with(extensions)
    from thermodepth.commands.study import compute_named_cells

    compute_named_cells(folder, names)


def train(
    out: Annotated[Path, typer.Option(help="The run's folder; an unfinished run is continued.")],
    data: GivenData = None,
    recipe: Annotated[
        str,
        typer.Option(
            help="thermal, thermal-any; finetune:MODEL; rgb-teacher, rgb-any for an RGB network."
        ),
    ] = "thermal",
    steps: Steps = None,
    seed: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=0, help="Of first weights, batches and noise. Default: the recipe's."),
    ] = None,
    labels: Labels = None,
    watch: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="FOLDER or FOLDER?fov=DEGREES of frames without truth, thermal/ and reference/, to look at "
            "while it trains: watch.csv. The weights are the same without."
        ),
    ] = None,
    edits: Set = [],  # noqa: B006
    extensions: With = [],  # noqa: B006
) -> None:
    """Train one network. Ctrl-C saves; the same command goes on."""
    from thermodepth.threads import available_cores

    set_thread_policy(otherwise=available_cores())
    load_with(extensions)
    from thermodepth.commands.train import train_one

    options = {
        "data.source": ("--data", data),
        "steps": ("--steps", steps),
        "seed": ("--seed", seed),
        "runtime.watch.source": ("--watch", watch),
    }
    settings = _settings(recipe, options, edits)
    train_one(settings, out, label_root=labels)


def predict(
    source: Annotated[
        Path,
        typer.Argument(help="A thermal frame (PNG, TIFF, NPY, FLIR JPEG) or a folder of them."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the maps.")] = Path("depth"),
    model: Annotated[str, typer.Option(help="A run folder, a model folder or a built-in name.")] = (
        "thermal-any"
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
    y16: Annotated[
        str,
        typer.Option(
            help="WIDTHxHEIGHT of raw 16-bit frames without a header; with :big where the high byte "
            "comes first."
        ),
    ] = "",
    drop: Annotated[
        str,
        typer.Option(
            help="Rows and columns that are no picture, such as telemetry: bottom=2 or top=1,right=4."
        ),
    ] = "",
    video: Annotated[
        bool,
        typer.Option("--video", help="The files are one recording: recipes may remember frames."),
    ] = False,
    fov: Fov = None,
    focal_px: FocalPx = None,
    calibration: CalibrationFile = None,
    cameras: Cameras = [],  # noqa: B006
    device: Device = "auto",
    extensions: With = [],  # noqa: B006
) -> None:
    """Metric depth and structure of thermal frames.

    Reads 8/14/16-bit PNG, TIFF and NPY, FLIR radiometric JPEG and raw Y16. Metres hold for the lens that
    --fov, --focal-px or --calibration says.
    """
    set_thread_policy()
    load_with(extensions)
    from thermodepth.commands.lens import LensOptions
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
        y16=y16,
        drop=drop,
        video=video,
        options=LensOptions(
            fov_deg=fov, focal_px=focal_px, calibration=calibration, cameras=tuple(cameras)
        ),
    )


def adapt(
    model: Annotated[
        str, typer.Argument(help="A run folder, a model folder or a built-in name; left as it is.")
    ],
    frames: Annotated[Path, typer.Argument(help="A folder of thermal frames of one camera.")],
    out: Annotated[Path, typer.Option(help="Folder of the new model.")],
    origin: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="Data of the kind that the model was trained on, where its norms have constants. Default: "
            "the shipped pack."
        ),
    ] = None,
) -> None:
    """A model for another camera: norm statistics of unlabelled frames of it. No weight changes.

    Not for every camera and never silent: it says what moved. See docs/finetune.md.
    """
    set_thread_policy()
    from thermodepth.commands.adapt import adapt_model

    adapt_model(model, frames, out, origin=origin)


def serve(
    model: Annotated[str, typer.Option(help="A run folder, a model folder or a built-in name.")] = (
        "thermal-any"
    ),
    host: Annotated[
        str, typer.Option(help="The address to serve on; the default is seen by this machine only.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 7860,
    allow_host: Annotated[
        list[str],
        typer.Option(
            help="A name that requests may call this server by, besides its address and its own names; "
            "once for each. For a proxy before it."
        ),
    ] = [],  # noqa: B006
    device: Device = "auto",
) -> None:
    """A local web page: drop a thermal frame, see and download its depth. Extra `serve`."""
    set_thread_policy()
    from thermodepth.commands.serve import serve_page

    serve_page(model, host=host, port=port, device=device, allowed_hosts=allow_host)


def label(
    data: GivenData = None,
    split: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Which frames are labelled. Default: train."),
    ] = None,
    teacher: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="rgb-small (the default), transformers, onnx, maps or truth; see docs/teachers.md."
        ),
    ] = None,
    teacher_model: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Hub id or folder (transformers), .onnx file (onnx), folder (maps)."),
    ] = None,
    out: Labels = None,
    qa: Annotated[
        OptionalPath,
        typer.Option(
            help="Folder for pictures of labels that were moved from an RGB camera apart."
        ),
    ] = None,
    qa_frames: Annotated[
        int, typer.Option(min=1, help="How many such pictures, evenly spread.")
    ] = 16,
    edits: Set = [],  # noqa: B006
    extensions: With = [],  # noqa: B006
) -> None:
    """Make a teacher's labels for a data set; what is there already is kept."""
    set_thread_policy()
    load_with(extensions)
    from thermodepth.commands.label import label_data

    options = {
        "data.source": ("--data", data),
        "data.split": ("--split", split),
        "teacher.kind": ("--teacher", teacher),
        "teacher.model": ("--teacher-model", teacher_model),
    }
    settings = _settings("thermal", options, edits)
    label_data(settings, split=settings.data.split, label_root=out, qa=qa, qa_frames=qa_frames)


def _settings(
    recipe: str, options: Mapping[str, tuple[str, Any]], edits: list[str]
) -> TrainingSettings:
    """A recipe's settings with the options that were given and `--set` edits on top; data by full path."""
    from thermodepth.commands.option_edits import edits_of_options
    from thermodepth.data.table import absolute_spec
    from thermodepth.recipes import named_training

    settings = named_training(recipe).edit(edits_of_options(options, edits))
    absolute = {"data.source": absolute_spec(settings.data.source)}
    if settings.runtime.watch.source:
        absolute["runtime.watch.source"] = str(
            Path(settings.runtime.watch.source).expanduser().absolute()
        )
    return settings.edit(absolute)
