"""`thermodepth train`."""

from __future__ import annotations

import shlex
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermodepth.cli.options import Labels, OptionalData, Set, Steps, With, load_with
from thermodepth.threads import available_cores, set_thread_policy

if TYPE_CHECKING:
    from thermodepth.data import Dataset
    from thermodepth.teacher import LabelStore
    from thermodepth.training.loop import Progress
    from thermodepth.training.settings import TrainingSettings

Out = Annotated[Path, typer.Option(help="The run's folder; an unfinished run is continued.")]
Recipe = Annotated[
    str,
    typer.Option(
        help="thermal, thermal-any; finetune:MODEL; rgb-teacher, rgb-any for an RGB network."
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(min=0, help="Of first weights, batches and noise. Default: the recipe's."),
]
Watch = Annotated[
    str | None,
    typer.Option(
        help="FOLDER or FOLDER?fov=DEGREES of frames without truth, thermal/ and reference/, to look at "
        "while it trains: watch.csv. The weights are the same without."
    ),
]


def train(
    out: Out,
    data: OptionalData = None,
    recipe: Recipe = "thermal",
    steps: Steps = None,
    seed: Seed = None,
    labels: Labels = None,
    watch: Watch = None,
    edits: Set = [],
    extensions: With = [],
) -> None:
    """Train one network. Ctrl-C saves; the same command goes on."""
    set_thread_policy(otherwise=available_cores())
    load_with(extensions)
    from thermodepth.cli.edits import recipe_settings

    options = {
        "data.source": ("--data", data),
        "steps": ("--steps", steps),
        "seed": ("--seed", seed),
        "runtime.watch.source": ("--watch", watch),
    }
    train_one(recipe_settings(recipe, options, edits), out, label_root=labels)


def train_one(settings: TrainingSettings, out: Path, *, label_root: Path | None) -> None:
    """Labels where they are missing, then the training, with its progress on stderr."""
    from thermodepth.cli.terminal import console, counting
    from thermodepth.data import open_dataset
    from thermodepth.training.labels import default_label_root, label_source, make_labels
    from thermodepth.training.loop import check_device
    from thermodepth.training.run_folder import (
        check_free,
        check_place,
        check_run,
        is_first_process,
        run_is_done,
    )
    from thermodepth.training.train_state import check_first_weights, check_watched

    check_device(settings.runtime, settings.precision)
    check_place(out)
    check_free(out)
    dataset = open_dataset(settings.data.source)
    settings = settings.resolved(dataset)
    check_first_weights(settings)
    check_watched(settings, dataset)

    def check(store: LabelStore) -> None:
        check_run(settings, out, dataset=dataset, label_source=label_source(store))

    with counting(f"labels by {settings.teacher.kind}") as tell:
        store = make_labels(
            settings.teacher,
            dataset,
            label_root or default_label_root(),
            split=settings.data.split,
            progress=tell,
            before=check,
        )
    if is_first_process() and not run_is_done(out):
        note_teacher(settings, dataset, store, out)
    model = _trained(settings, dataset, store, out)
    console.print(f"model: {model}")
    arguments = map(shlex.quote, (str(out), "--data", settings.data.source))
    console.print(
        f"next:  thermodepth evaluate {' '.join(arguments)}", soft_wrap=True, markup=False
    )


def _trained(settings: TrainingSettings, dataset: Dataset, store: LabelStore, out: Path) -> Path:
    """The folder of the model, after a training with a bar, or with lines where there is no terminal."""
    from thermodepth.cli.terminal import Bars, error_console, plain_report, term_line
    from thermodepth.training import loop
    from thermodepth.training.labels import label_reader, label_source

    bars = Bars()

    def show(now: Progress) -> None:
        note = f"{now.images_per_s:.0f} images/s" if now.terms else ""
        bars.step("training", now.step, now.steps, note=note)
        if now.terms:
            bars.line("training", term_line(now.terms))

    with bars if error_console.is_terminal else nullcontext():
        return loop.train(
            settings,
            out,
            dataset=dataset,
            label_of=label_reader(store, budget_bytes=settings.runtime.cache_mb * 2**20),
            label_source=label_source(store),
            report=show if error_console.is_terminal else plain_report(settings.steps),
        )


def note_teacher(
    settings: TrainingSettings, dataset: Dataset, store: LabelStore, out: Path
) -> None:
    """Hold the labels against the truth before they are used; a teacher below a blind map is said so.

    A run that goes on says what it said at its start.
    """
    from thermodepth.training.labels import label_source
    from thermodepth.training.run_folder import only_run, open_run
    from thermodepth.training.teacher_worth import (
        read_worth,
        teacher_worth,
        warn_of_worth,
        write_worth,
    )

    worth = read_worth(out)
    if worth is None or not worth.is_of(store, dataset):
        worth = teacher_worth(settings, dataset, store)
        with only_run(out):
            open_run(settings, out, dataset=dataset, label_source=label_source(store))
            write_worth(worth, out)
    warn_of_worth(worth)
