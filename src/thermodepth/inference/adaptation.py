"""A model for another camera: `take_statistics` on frames of a folder, as prediction sees them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from thermodepth.data import open_dataset
from thermodepth.data.transform import crop_resize, largest_of_shape, resize_image
from thermodepth.errors import DataError
from thermodepth.files import pictures_in
from thermodepth.inference.bounds import check_frame_size
from thermodepth.inference.predictor import Predictor
from thermodepth.inference.statistics import StatisticsChange, needs_origin, take_statistics
from thermodepth.thermal import check_compatible, normalise, read_thermal
from thermodepth.types import ThermalUnit

MIN_FRAMES, MAX_FRAMES = 8, 64  # that statistics are taken from
_PIXELS = 4_000_000  # of all frames in the one pass, about 1.5 GB

_Raw = tuple[Any, ThermalUnit]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adaptation:
    """What new statistics changed."""

    change: StatisticsChange
    frames: int  # that they were taken from
    depth_factor: float  # median over the pixels of these frames, new depth over old
    depth_factor_spread: float  # its 95 % quantile over its 5 % quantile


def adapt_to_frames(predictor: Predictor, folder: Path, *, origin: str) -> Adaptation:
    """Set the norms of the predictor's network to the statistics of these frames; no weight changes.

    Args:
        predictor: its network is changed in place.
        folder: of thermal frames of one size.
        origin: spec of a data set of the kind that the model was trained on, read where its norms have
            constants.

    Raises:
        DataError: for too few frames, frames of several sizes, or one that cannot be read.
    """
    network = predictor.model.network
    paths = _evenly_spread(pictures_in(folder), folder)
    inputs = _frame_inputs(predictor, [read_thermal(path) for path in paths], str(folder))
    origin_inputs = None
    if needs_origin(network):
        inner = (int(inputs.shape[-2]), int(inputs.shape[-1]))
        origin_inputs = _origin_inputs(predictor, origin, inner)
    before = copy.deepcopy(network)
    change = take_statistics(network, inputs, origin=origin_inputs)
    factor, spread = _depth_factor(before, network, inputs)
    return Adaptation(
        change=change, frames=len(inputs), depth_factor=factor, depth_factor_spread=spread
    )


def _evenly_spread(paths: list[Path], folder: Path) -> list[Path]:
    """At most `MAX_FRAMES` of them.

    Raises:
        DataError: for fewer than `MIN_FRAMES`.
    """
    if len(paths) < MIN_FRAMES:
        raise DataError(
            f"{folder}: {len(paths)} frames, expected at least {MIN_FRAMES}; statistics of fewer are those "
            "of a few scenes, and not of a camera"
        )
    count = min(len(paths), MAX_FRAMES)
    return [paths[number * len(paths) // count] for number in range(count)]


def _origin_inputs(predictor: Predictor, spec: str, inner: tuple[int, int]) -> torch.Tensor:
    """`[b 1 h w]`: evenly spread frames of a training split, cut to the shape of the new camera's."""
    frames = open_dataset(spec).split("train")
    total = len(frames.sample_ids)
    count = min(total, MAX_FRAMES, _frames_in_a_pass(inner))
    samples = (frames.read(n * total // count, with_rgb=False) for n in range(count))
    cut = (crop_resize(s, inner, full_window=largest_of_shape(inner, s.size)) for s in samples)
    return _stacked(predictor, [(sample.thermal, sample.thermal_unit) for sample in cut])


def _frame_inputs(predictor: Predictor, raws: list[_Raw], folder: str) -> torch.Tensor:
    """`[b 1 h w]` as the network is given them at prediction."""
    sizes = {raw.shape for raw, _ in raws}
    if len(sizes) > 1:
        listing = ", ".join(sorted("x".join(map(str, size[::-1])) for size in sizes))
        raise DataError(
            f"{folder}: frames of {listing}; statistics are taken of frames of one size"
        )
    (size,) = sizes
    inner = predictor.network_size(size)
    check_frame_size(size, inner)
    step = -(-len(raws) // _frames_in_a_pass(inner))
    return _stacked(predictor, [(resize_image(raw, inner), unit) for raw, unit in raws[::step]])


def _frames_in_a_pass(inner: tuple[int, int]) -> int:
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
def _depth_factor(
    before: torch.nn.Module, after: torch.nn.Module, inputs: torch.Tensor
) -> tuple[float, float]:
    """(median factor between the new and the old depth, its spread from the 5 to the 95 % quantile)."""
    ratios = []
    for chunk in _chunks(inputs):
        lens = torch.ones(len(chunk))
        ratios.append(after(chunk, lens).log_depth - before(chunk, lens).log_depth)
    ratio = np.exp(torch.cat(ratios).numpy())
    low, median, high = np.percentile(ratio, [5, 50, 95])
    return float(median), float(high / low)


def _chunks(inputs: torch.Tensor, count: int = 8) -> Iterator[torch.Tensor]:
    for first in range(0, len(inputs), count):
        yield inputs[first : first + count]
