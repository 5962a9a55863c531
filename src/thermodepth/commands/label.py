"""`thermodepth label`."""

from __future__ import annotations

from pathlib import Path

from thermodepth.commands.terminal import console, counting
from thermodepth.data import open_dataset
from thermodepth.training.labels import default_label_root, make_labels
from thermodepth.training.settings import TrainingSettings


def label_data(settings: TrainingSettings, *, split: str, label_root: Path | None) -> None:
    """Make what is missing and say where it lies."""
    dataset = open_dataset(settings.data.source)
    with counting(f"labels by {settings.teacher.kind}") as tell:
        store = make_labels(
            settings.teacher,
            dataset,
            label_root or default_label_root(),
            split=split,
            progress=tell,
        )
    count = len(dataset.split(split).sample_ids)
    console.print(f"{count} labels ({store.geometry}) in {store.folder}", soft_wrap=True)
