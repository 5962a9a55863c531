"""`thermodepth adapt`: a model for another camera, by the statistics of unlabelled frames of it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from thermodepth.commands.terminal import console
from thermodepth.data import open_dataset
from thermodepth.data.transform import crop_resize, largest_of_shape, resize_image
from thermodepth.errors import DataError, SettingsError
from thermodepth.files import pictures_in
from thermodepth.inference.bounds import check_frame_size
from thermodepth.inference.predictor import Predictor
from thermodepth.inference.statistics import (
    StatisticsChange,
    has_statistics,
    needs_origin,
    take_statistics,
)
from thermodepth.model import LoadedModel, load_model, resolve_model, save_model
from thermodepth.thermal import check_compatible, normalise, read_thermal
from thermodepth.types import ThermalUnit

FEWEST, MOST = 8, 64  # frames that statistics are taken from
_PIXELS = 4_000_000  # of all frames in the one pass, about 1.5 GB
DEFAULT_ORIGIN = "synthetic"

_Raw = tuple[Any, ThermalUnit]


def adapt_model(model: str, frames: Path, out: Path, *, origin: str | None) -> None:
    """Write a new model folder whose norms hold the statistics of these frames, and say what changed.

    Args:
        model: a built-in name, a run's folder, or a model folder; it is left as it is.
        frames: a folder of thermal frames of one size.
        out: the new folder.
        origin: a data set of the kind that the model was trained on, where its norms have constants; None
            for the shipped pack.

    Raises:
        SettingsError: for an `out` that holds something, a model without statistics, or an `origin` without
            effect.
        DataError: for too few frames, frames of several sizes, or one that cannot be read.
        WeightsError: for a model that cannot be loaded, or that reads RGB.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SettingsError(f"--out {out}: is there already; a model is written into a new folder")
    loaded = load_model(resolve_model(model))
    predictor = Predictor(loaded, device="cpu")  # refuses what reads RGB
    _check_statistics(loaded, model, origin)
    files = _spread(pictures_in(frames), frames)
    inputs = _frame_inputs(predictor, [read_thermal(path) for path in files], str(frames))
    origin_inputs = None
    if needs_origin(loaded.network):
        inner = (int(inputs.shape[-2]), int(inputs.shape[-1]))
        origin_inputs = _origin_inputs(predictor, origin or DEFAULT_ORIGIN, inner)
    before = copy.deepcopy(loaded.network)
    change = take_statistics(loaded.network, inputs, origin=origin_inputs)
    about = {
        "model": loaded.fingerprint,
        "frames": len(inputs),
        "origin": None if origin_inputs is None else (origin or DEFAULT_ORIGIN),
    }
    history = {**loaded.recipe.history, "statistics": about}
    recipe = loaded.recipe.edit({"history": history})
    save_model(out, loaded.network, recipe)
    _say(change, out, len(inputs), _moved(before, loaded.network, inputs))


def _check_statistics(loaded: LoadedModel, name: str, origin: str | None) -> None:
    if not has_statistics(loaded.network):
        raise SettingsError(
            f"{name}: norms every image by itself and holds no statistics of any frames, so there is nothing "
            "to take from yours; fine-tune it (`thermodepth train --recipe finetune:MODEL`)"
        )
    if origin is not None and not needs_origin(loaded.network):
        raise SettingsError(
            f"--origin {origin}: has no effect, the norms of {name} hold the statistics of their training"
        )


def _spread(files: list[Path], folder: Path) -> list[Path]:
    """At most `MOST`, evenly spread.

    Raises:
        DataError: for fewer than `FEWEST`.
    """
    if len(files) < FEWEST:
        raise DataError(
            f"{folder}: {len(files)} frames, expected at least {FEWEST}; statistics of fewer are those of a "
            "few scenes, and not of a camera"
        )
    count = min(len(files), MOST)
    return [files[number * len(files) // count] for number in range(count)]


def _origin_inputs(predictor: Predictor, spec: str, inner: tuple[int, int]) -> torch.Tensor:
    """`[b 1 h w]`: evenly spread frames of a training split, cut to the shape of the others."""
    frames = open_dataset(spec).split("train")
    total = len(frames.sample_ids)
    count = min(total, MOST, _most_of(inner))
    samples = (frames.read(n * total // count, with_rgb=False) for n in range(count))
    cut = (crop_resize(s, inner, whole=largest_of_shape(inner, s.size)) for s in samples)
    return _stacked(predictor, [(sample.thermal, sample.thermal_unit) for sample in cut])


def _frame_inputs(predictor: Predictor, raws: list[_Raw], where: str) -> torch.Tensor:
    """`[b 1 h w]` as the network is given them at prediction."""
    sizes = {raw.shape for raw, _ in raws}
    if len(sizes) > 1:
        listing = ", ".join(sorted("x".join(map(str, size[::-1])) for size in sizes))
        raise DataError(f"{where}: frames of {listing}; statistics are taken of frames of one size")
    (size,) = sizes
    inner = predictor.network_size(size)
    check_frame_size(size, inner)
    step = -(-len(raws) // _most_of(inner))
    return _stacked(predictor, [(resize_image(raw, inner), unit) for raw, unit in raws[::step]])


def _most_of(inner: tuple[int, int]) -> int:
    """How many frames of this size one pass may hold."""
    return max(_PIXELS // (inner[0] * inner[1]), 1)


def _stacked(predictor: Predictor, pictures: list[_Raw]) -> torch.Tensor:
    recipe = predictor.model.recipe
    inputs = []
    for raw, unit in pictures:
        check_compatible(recipe.normaliser, unit, trained_on=recipe.trained_unit)
        inputs.append(normalise(raw, unit, recipe.normaliser))
    return torch.from_numpy(np.stack(inputs)[:, None])


@torch.no_grad()
def _moved(
    before: torch.nn.Module, after: torch.nn.Module, inputs: torch.Tensor
) -> tuple[float, float]:
    """(median factor between the new and the old depth, its spread from the 5 to the 95 % quantile)."""
    ratios = []
    for part in _parts(inputs):
        lens = torch.ones(len(part))
        ratios.append(after(part, lens).log_depth - before(part, lens).log_depth)
    ratio = np.exp(torch.cat(ratios).numpy())
    low, mid, high = np.percentile(ratio, [5, 50, 95])
    return float(mid), float(high / low)


def _parts(inputs: torch.Tensor, count: int = 8) -> Iterator[torch.Tensor]:
    for first in range(0, len(inputs), count):
        yield inputs[first : first + count]


def _say(change: StatisticsChange, out: Path, frames: int, moved: tuple[float, float]) -> None:
    console.print(
        f"{out}: statistics of {change.layers} norm layers ({change.channels} channels) taken from {frames} "
        f"frames. They moved most in {change.layer}: means by {change.shift:.2f} standard deviations, "
        f"spreads to {change.spread:.2f} times what they were (medians over its channels)",
        soft_wrap=True,
    )
    factor, spread = moved
    console.print(
        f"on these frames depth is {factor:.2f} times what it was (median), between pixels by factors that "
        f"are {spread:.2f}-fold apart. No weight has changed, and nothing in this says that it got better: "
        "look at both, or score them with `thermodepth evaluate`",
        soft_wrap=True,
    )
