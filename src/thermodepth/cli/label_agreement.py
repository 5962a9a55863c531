"""What a teacher's labels are worth beside guessers that see no picture, or only remember.

A row ramp has a correlation of .94 with the inverse depth of real table tops, so a teacher's .84 alone is no
praise. All are compared in one way: the best factor and offset of each frame in 1/depth, and the
rank correlation beyond a layout, which needs no fit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from thermodepth.cli.subjects import fitted_baselines
from thermodepth.cli.terminal import console
from thermodepth.data import Dataset, samples_of
from thermodepth.data.frames import Frames
from thermodepth.errors import DataError
from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.evaluation.scoring.baselines import Baseline
from thermodepth.metrics import partial_correlation
from thermodepth.report.evaluation.guessers import verdict
from thermodepth.report.table import Column, Table
from thermodepth.teacher import LabelStore, agreement
from thermodepth.training.teacher_worth import TEACHER, maps_beside_truth


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanAgreement:
    """One line: means over frames."""

    abs_rel: float
    correlation: float  # with inverse depth
    partial: float  # of ranks, beyond the layout


def print_agreement(store: LabelStore, dataset: Dataset, split: str) -> None:
    """The teacher and the guessers against the truth of a split; nothing where no label meets truth."""
    frames = dataset.split(split)
    guessers = _guessers(dataset)
    by_map = agreements(store, frames, guessers)
    if not by_map:
        return
    means = {
        name: MeanAgreement(
            abs_rel=fmean(frame.abs_rel for frame in by_frame),
            correlation=fmean(frame.correlation for frame in by_frame),
            partial=fmean(frame.partial for frame in by_frame),
        )
        for name, by_frame in by_map.items()
    }
    count = len(by_map[TEACHER])
    console.print(_table(means, count, itself=split == "train").rich())
    teacher = means[TEACHER]
    text = (
        f"against the truth of {count} frames, after the best factor and offset of each: AbsRel "
        f"{teacher.abs_rel:.3f}, correlation with inverse depth {teacher.correlation:.3f}, partial "
        f"{teacher.partial:.3f}"
    )
    guesser_errors = {name: mean.abs_rel for name, mean in means.items() if name != TEACHER}
    verdict_text = verdict(teacher.abs_rel, guesser_errors)
    console.print(f"{text}; {verdict_text}" if verdict_text else text, soft_wrap=True)


def agreements(
    store: LabelStore, frames: Frames, guessers: Mapping[str, Baseline]
) -> dict[str, list[MeanAgreement]]:
    """teacher and guessers -> one value a frame in which label and truth meet; empty without one."""
    by_map: dict[str, list[MeanAgreement]] = {}
    for sample, maps in maps_beside_truth(store, samples_of(frames), guessers):
        assert sample.depth_m is not None
        for name, inverse in maps.items():
            by_map.setdefault(name, []).append(_agreement_of_frame(inverse, sample.depth_m))
    return by_map


def _agreement_of_frame(
    inverse: NDArray[np.float64], depth_m: NDArray[np.float32]
) -> MeanAgreement:
    both = np.isfinite(inverse) & np.isfinite(depth_m) & (depth_m > 0)
    fitted = agreement(inverse, depth_m)
    truth = np.where(both, depth_m, np.nan).astype(np.float64)
    return MeanAgreement(
        abs_rel=fitted.abs_rel,
        correlation=fitted.correlation,
        partial=partial_correlation(-inverse, truth, valid=both),
    )


def _guessers(dataset: Dataset) -> Mapping[str, Baseline]:
    """Fitted to the training split; none where there is no truth in it."""
    try:
        return fitted_baselines(dataset, named_protocol(dataset.protocol))
    except DataError as error:
        console.print(f"no guessers beside the teacher: {error}", soft_wrap=True)
        return {}


def _table(means: Mapping[str, MeanAgreement], count: int, *, itself: bool) -> Table:
    note = "The guessers are of the training split."
    if itself:
        note += " A frame is left out of what is remembered when it is asked about."
    return Table(
        title="The teacher's labels beside guessers",
        columns=(
            Column(label="map", align="left"),
            Column(label="AbsRel", digits=4, better="lower"),
            Column(label="correlation", digits=4, better="higher"),
            Column(label="partial", digits=4, better="higher"),
        ),
        rows=tuple(
            (
                name,
                mean.abs_rel,
                mean.correlation,
                None if math.isnan(mean.partial) else mean.partial,
            )
            for name, mean in means.items()
        ),
        notes=(
            f"Mean over {count} frames, on the pixels that have a label and truth. AbsRel and correlation "
            "with inverse depth after the best factor and offset of each frame; partial: rank correlation "
            "beyond what the place in the picture tells.",
            note,
        ),
    )
