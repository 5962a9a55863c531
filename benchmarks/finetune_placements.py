"""Does fine-tuning make the next place worse?   `python benchmarks/finetune_placements.py MODEL --mm5 FOLDER`

MM5's camera stood in three places. A model is fine-tuned on the frames of two of them
(`recipes/finetune.py`) and tested on the third, of which it has seen nothing, and the same once for each
place. Beside it stand the model as it was and guessers of the two places: the mean of their truth, a ramp
over the rows, the truth of the frame with the likest thumbnail, a linear map from thumbnails.

All are compared after the best factor of each frame, the median of truth over estimate, and in metres as they
are. What fine-tuning must not do: end above the untouched model or above the mean-depth map.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from thermodepth.cli.edits import edits_of_options
from thermodepth.data import Dataset, open_dataset, samples_of
from thermodepth.data.frames import Frames
from thermodepth.errors import UserError
from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.scoring.baselines import fit_baselines
from thermodepth.inference.predictor import Predictor
from thermodepth.model import load_model, resolve_model
from thermodepth.recipes import named_training
from thermodepth.threads import set_thread_policy
from thermodepth.training.labels import label_reader, label_source, make_labels
from thermodepth.training.loop import train
from thermodepth.types import Sample

#: As `mm5:FOLDER` splits them -> what the table calls them.
PLACES = {"test": "1 to 106", "train": "107 to 261", "val": "262 to 324"}
UNTOUCHED, TUNED, MEAN_MAP = "untouched", "fine-tuned", "mean-depth map"
Answer = Callable[[Sample], NDArray[np.floating]]


class Joined:
    """The frames of several splits, of which a share of the truth is known."""

    noise_is_drawn = False

    def __init__(self, parts: Sequence[Frames], truth_share: float) -> None:
        self._places = [(part, n) for part in parts for n in range(len(part.sample_ids))]
        self._share = truth_share
        self.sample_ids = [part.sample_ids[n] for part, n in self._places]

    def read(self, index: int, *, draw: int = 0, with_rgb: bool = True) -> Sample:
        part, place = self._places[index]
        sample = part.read(place, draw=draw, with_rgb=with_rgb)
        if self._share == 1.0 or sample.depth_m is None:
            return sample
        rng = np.random.default_rng([index, 1])
        lost = rng.random(sample.size) >= self._share
        return replace(sample, depth_m=np.where(lost, np.float32(np.nan), sample.depth_m))

    def fingerprint(self) -> str:
        text = f"{self.sample_ids} {self._share}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def without(dataset: Dataset, place: str, truth_share: float) -> Dataset:
    """Trained on the other places, tested on this one."""
    others = [dataset.split(name) for name in PLACES if name != place]
    splits: dict[str, Frames] = {
        "train": Joined(others, truth_share),
        "test": dataset.split(place),
    }
    return replace(dataset, splits=splits)


def tuned(model: str, dataset: Dataset, out: Path, edits: Mapping[str, object], seed: int) -> Path:
    """The folder of the model after its training on the two places; continued where it was cut off."""
    settings = named_training(f"finetune:{model}")
    settings = settings.edit({"seed": seed, "data.source": dataset.spec, **edits})
    settings = settings.resolved(dataset)
    labels = make_labels(settings.teacher, dataset, out / "labels")
    return train(
        settings,
        out / "run",
        dataset=dataset,
        label_of=label_reader(labels, budget_bytes=2**28),
        label_source=label_source(labels),
    )


def errors(answer: Answer, frames: Frames, protocol: Protocol) -> Iterator[tuple[float, float]]:
    """(AbsRel after the frame's best factor, AbsRel in metres) of every frame with truth."""
    for sample in samples_of(frames):
        if sample.depth_m is None:
            continue
        scored = protocol.scored(sample.depth_m)
        if not scored.any():
            continue
        truth = sample.depth_m[scored].astype(np.float64)
        estimate = np.asarray(answer(sample), np.float64)[scored]
        factor = float(np.median(truth / estimate))
        scaled, metres = (np.mean(np.abs(k * estimate - truth) / truth) for k in (factor, 1.0))
        yield float(scaled), float(metres)


def of_model(folder: Path) -> Answer:
    predictor = Predictor(load_model(folder), device="cpu")
    return lambda sample: predictor.maps_of([sample])[0][0]


def place_table(
    model: str, place: str, dataset: Dataset, arguments: argparse.Namespace
) -> dict[str, tuple[float, float]]:
    """What everything scores on one place: map -> (after the best factor, in metres)."""
    part = without(dataset, place, arguments.truth_share)
    protocol = named_protocol(dataset.protocol)
    answers: dict[str, Answer] = {UNTOUCHED: of_model(resolve_model(model))}
    edits = edits_of_options({"steps": ("--steps", arguments.steps)}, arguments.set)
    rows: dict[str, tuple[float, float]] = {}
    for seed in range(arguments.seeds):
        name = TUNED if arguments.seeds == 1 else f"{TUNED}, seed {seed}"
        out = arguments.out / f"without-{place}" / f"seed-{seed}"
        answers[name] = of_model(tuned(model, part, out, edits, seed))
    guessers = fit_baselines(samples_of(part.split("train")), protocol=protocol)
    answers |= {name: guesser.predict for name, guesser in guessers.items()}
    for name, answer in answers.items():
        scaled, metres = zip(*errors(answer, part.split("test"), protocol), strict=True)
        rows[name] = fmean(scaled), fmean(metres)
        print(f"  {name:24} {rows[name][0]:8.4f} {rows[name][1]:10.4f}", flush=True)
    return rows


def main(texts: Sequence[str]) -> int:
    """0 when no place got worse than the untouched model and the mean-depth map, else 1."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", help="a built-in name, a run's folder or a model folder")
    parser.add_argument("--mm5", required=True, type=Path, help="the folder of MM5")
    parser.add_argument("--out", type=Path, default=Path("runs/finetune-placements"))
    parser.add_argument("--place", choices=PLACES, action="append", help="test on; default: each")
    parser.add_argument("--steps", type=int, help="default: the recipe's")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--truth-share", type=float, default=1.0, help="of the pixels, in training")
    parser.add_argument(
        "--set", action="append", default=[], help="PATH=VALUE on top of the recipe"
    )
    arguments = parser.parse_args(texts)
    set_thread_policy(1)
    try:
        dataset = open_dataset(f"mm5:{arguments.mm5}")
        worse = []
        for place in arguments.place or PLACES:
            print(f"tested on frames {PLACES[place]}: AbsRel after the best factor, in metres")
            rows = place_table(arguments.model, place, dataset, arguments)
            limit = min(rows[UNTOUCHED][0], rows[MEAN_MAP][0])
            after = {name: value for name, (value, _) in rows.items() if name.startswith(TUNED)}
            worse += [f"{PLACES[place]} ({name} {v:.4f})" for name, v in after.items() if v > limit]
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"above the untouched model or the mean-depth map: {', '.join(worse) or 'nowhere'}")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
