"""`thermodepth evaluate`."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from thermodepth.commands.terminal import console
from thermodepth.data import Dataset, open_dataset, samples_of
from thermodepth.evaluation.baselines import BASELINES
from thermodepth.evaluation.predict import predict_into, stored_pairs
from thermodepth.evaluation.protocol import Protocol, named_protocol
from thermodepth.evaluation.rows import WHOLE_FRAME, concatenate, write_rows
from thermodepth.evaluation.score import Scores, score_frames
from thermodepth.evaluation.store import PredictionStore
from thermodepth.evaluation.summary import summarise
from thermodepth.evaluation.tables import Cell, Column, Table
from thermodepth.inference.predictor import Predictor, load
from thermodepth.metrics import METRICS


def evaluate_model(model: str, *, data: str, split: str, out: Path | None, device: str) -> None:
    """Predict a split, score it, and print the table beside the baselines."""
    dataset = open_dataset(data)
    predictor = load(model, device=device)
    protocol = named_protocol(dataset.protocol)
    with tempfile.TemporaryDirectory() if out is None else nullcontext(out) as folder:
        scores = [_model_scores(predictor, model, dataset, split, protocol, Path(folder))]
        scores += _baseline_scores(dataset, split, protocol)
        rows = concatenate([s.rows for s in scores])
        if out is not None:
            write_rows(rows, out / "rows.parquet")
    arms = [model, *BASELINES]
    console.print(score_table(rows, arms, title=f"{dataset.spec}, split {split}").rich())
    console.print(scores[0].note())
    if out is not None:
        console.print(f"predictions and rows: {out}", soft_wrap=True)


def score_table(rows: pa.Table, arms: Sequence[str], *, title: str) -> Table:
    """A line a metric and a column an arm; then AbsRel by distance. Fits the narrowest terminal."""
    summary = summarise(rows, by=("arm",), metrics=list(METRICS), slice=WHOLE_FRAME)
    whole = {group.key["arm"]: group for group in summary.groups}
    lines: list[tuple[Cell, ...]] = []
    for name, metric in METRICS.items():
        heading = Column(label=metric.label, better=metric.better).heading
        values = [f"{whole[arm].values[name]:.{metric.digits}f}" for arm in arms]
        lines.append((f"{heading} {metric.unit}".rstrip(), *values))
    ranges = rows.filter(pc.not_equal(rows["slice"], WHOLE_FRAME))
    by_range = summarise(ranges, by=("arm", "slice"), metrics=("abs_rel",), slice=None)
    found = {(g.key["slice"], g.key["arm"]): g for g in by_range.groups}
    for part in dict.fromkeys(group.key["slice"] for group in by_range.groups):
        values = [
            f"{found[part, arm].values['abs_rel']:.{METRICS['abs_rel'].digits}f}" for arm in arms
        ]
        lines.append((f"AbsRel {part.removeprefix('range:')} m", *values))
    columns = (Column(label="", align="left"), *(Column(label=Path(arm).name) for arm in arms))
    frames = max(whole[arms[0]].frames.values())
    note = f"protocol {summary.protocol}; mean over {frames} frames"
    return Table(title=title, columns=columns, rows=tuple(lines), notes=(note,))


def _model_scores(
    predictor: Predictor, name: str, dataset: Dataset, split: str, protocol: Protocol, folder: Path
) -> Scores:
    frames = dataset.split(split)
    made_by = {"model": predictor.model.fingerprint, "data": frames.fingerprint()}
    store = PredictionStore(folder / "predictions", made_by=made_by)
    predict_into(store, frames, predictor.maps_of)
    return score_frames(stored_pairs(store, frames), protocol, study="evaluate", arm=name, seed=0)


def _baseline_scores(dataset: Dataset, split: str, protocol: Protocol) -> list[Scores]:
    frames = dataset.split(split)
    scores = []
    for arm, kind in BASELINES.items():
        baseline = kind.fit(samples_of(dataset.split("train")), protocol=protocol)
        pairs = ((baseline.predict(sample), sample) for sample in samples_of(frames))
        scores.append(score_frames(pairs, protocol, study="evaluate", arm=arm, seed=0))
    return scores
