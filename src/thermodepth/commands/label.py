"""`thermodepth label`."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

from thermodepth.commands.terminal import console, counting
from thermodepth.data import open_dataset, samples_of
from thermodepth.teacher import agreement
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
    frames = dataset.split(split)
    count = len(frames.sample_ids)
    console.print(f"{count} labels ({store.geometry}) in {store.folder}", soft_wrap=True)
    found = [
        agreement(store.label(sample.sample_id), sample.depth_m)
        for sample in samples_of(frames)
        if sample.depth_m is not None
    ]
    scored = [one for one in found if one.pixels]
    if scored:
        error = fmean(one.abs_rel for one in scored)
        correlation = fmean(one.correlation for one in scored)
        console.print(
            f"against the truth of {len(scored)} frames, after the best factor and offset of each: AbsRel "
            f"{error:.3f}, correlation with inverse depth {correlation:.3f}",
            soft_wrap=True,
        )
