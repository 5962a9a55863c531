"""`thermodepth train`."""

from __future__ import annotations

import shlex
from contextlib import nullcontext
from pathlib import Path

from thermodepth.commands.terminal import (
    Bars,
    console,
    counting,
    error_console,
    plain_report,
    term_line,
)
from thermodepth.data import Dataset, open_dataset
from thermodepth.teacher import LabelStore
from thermodepth.training.labels import (
    default_label_root,
    label_reader,
    label_source,
    make_labels,
)
from thermodepth.training.loop import Progress, check_device, train
from thermodepth.training.run_folder import (
    check_free,
    check_place,
    check_run,
    is_first_process,
    only_run,
    open_run,
    run_is_done,
)
from thermodepth.training.settings import TrainingSettings
from thermodepth.training.teacher_worth import (
    read_worth,
    teacher_worth,
    warn_of_worth,
    write_worth,
)
from thermodepth.training.train_state import check_first_weights, check_watched


def train_one(settings: TrainingSettings, out: Path, *, label_root: Path | None) -> None:
    """Labels where they are missing, then the training, with its progress on stderr."""
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
    bars = Bars()

    def show(now: Progress) -> None:
        note = f"{now.images_per_s:.0f} images/s" if now.terms else ""
        bars.step("training", now.step, now.steps, note=note)
        if now.terms:
            bars.line("training", term_line(now.terms))

    with bars if error_console.is_terminal else nullcontext():
        model = train(
            settings,
            out,
            dataset=dataset,
            label_of=label_reader(store, budget_bytes=settings.runtime.cache_mb * 2**20),
            label_source=label_source(store),
            report=show if error_console.is_terminal else plain_report(settings.steps),
        )
    console.print(f"model: {model}")
    words = map(shlex.quote, (str(out), "--data", settings.data.source))
    console.print(f"next:  thermodepth evaluate {' '.join(words)}", soft_wrap=True, markup=False)


def note_teacher(
    settings: TrainingSettings, dataset: Dataset, store: LabelStore, out: Path
) -> None:
    """Hold the labels against the truth before they are used; a teacher below a blind map is said so.

    A run that goes on says what it said at its start.
    """
    worth = read_worth(out)
    if worth is None or not worth.is_of(store, dataset):
        worth = teacher_worth(settings, dataset, store)
        with only_run(out):
            open_run(settings, out, dataset=dataset, label_source=label_source(store))
            write_worth(worth, out)
    warn_of_worth(worth)
