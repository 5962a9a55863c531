"""Where a term pulls at the metric depth: its gradient by distance, and what an error there costs.

    share of a band = sum over its pixels of |d L / d ln D|  /  the same over all pixels

on scenes whose maps are right but for a smooth error of D: s = 1/D*, D = D* exp(`NOISE` n), n a smooth field
of mean 0 and deviation 1. Right maps alone would show nothing, since there most terms are at their minimum.
Pixels without truth are taken for sky at `SKY_M` in both maps. What a factor costs is the value with D* times
it, over a range of distances, less the value with D*.

The share says where a term *can* teach, whatever its weight; the cost, what of its kind of error it sees.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from thermodepth.losses.registry import LossRow
from thermodepth.losses.term import TermSettings
from thermodepth.types import Batch, Prediction

#: Edges of the bands of distance, in metres: what a street has beside, in front of and behind a car.
EDGES_M = (0.0, 6.0, 16.0, 40.0, 80.0)
#: What counts as far, and as near, in the costs of a factor.
FAR_M, NEAR_M = 30.0, 6.0
FACTOR = 1.5
#: Where a pixel without truth is taken to be.
SKY_M = 80.0
#: The deviation of ln D from the truth, and how many bumps it has along the shorter side.
NOISE, BUMPS = 0.15, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """Of a term in a form, over some frames."""

    shares: tuple[float, ...]  # of the gradient: one a band, then of pixels in none of them
    at_truth: float  # the value where both maps are right
    far_cost: float  # of FACTOR beyond FAR_M
    near_cost: float  # of FACTOR within NEAR_M


def pull_of(row: LossRow, settings: TermSettings, frames: Iterable[Batch], *, seed: int) -> Pull:
    """Of a term that reads D, on frames with truth.

    Args:
        row: of the term.
        settings: its form among them.
        frames: whose truth is used, each a batch of any size; labels and images where the term reads them.
        seed: of the errors of D; the same for equal frames in equal order.
    """
    draw = torch.Generator().manual_seed(seed)
    gradients = torch.zeros(len(EDGES_M), dtype=torch.float64)
    values = []
    for batch in frames:
        right = right_maps(batch)
        wrong = replace(right, log_depth=right.log_depth + NOISE * smooth_field(right, draw))
        gradients += by_distance(pull_map(row, settings, wrong, batch), batch)
        prices = [
            row.function(_times(right, batch, low, high), batch, settings)
            for low, high in ((0.0, 0.0), (FAR_M, float("inf")), (0.0, NEAR_M))
        ]
        values.append(torch.stack(prices).double())
    at_truth, far, near = torch.cat(values, 1).mean(1).tolist()
    total = float(gradients.sum())
    return Pull(
        shares=tuple((gradients / total).tolist()) if total > 0 else (0.0,) * len(EDGES_M),
        at_truth=at_truth,
        far_cost=far - at_truth,
        near_cost=near - at_truth,
    )


def pull_map(row: LossRow, settings: TermSettings, prediction: Prediction, batch: Batch) -> Tensor:
    """`|d L / d ln D|` of every pixel, `[b h w]`."""
    log_depth = prediction.log_depth.detach().requires_grad_()
    value = row.function(replace(prediction, log_depth=log_depth), batch, settings)
    (gradient,) = torch.autograd.grad(value.sum(), log_depth)
    return gradient.abs()


def by_distance(values: Tensor, batch: Batch) -> Tensor:
    """The sum of a map `[b h w]` over each band of the true distance, then over pixels in none of them."""
    edges = torch.tensor(EDGES_M, dtype=batch.depth_m.dtype)
    band = torch.bucketize(batch.depth_m, edges, right=True) - 1
    elsewhere = len(EDGES_M) - 1
    band = torch.where(batch.depth_valid & (band >= 0), band.clamp(max=elsewhere), elsewhere)
    return torch.bincount(band.flatten(), values.double().flatten(), len(EDGES_M))


def right_maps(batch: Batch) -> Prediction:
    """D = D* and s = 1/D*, in float64."""
    depth = torch.where(batch.depth_valid, batch.depth_m, SKY_M).double()
    return Prediction(structure=depth.reciprocal(), log_depth=depth.log())


def smooth_field(prediction: Prediction, draw: torch.Generator) -> Tensor:
    """Bumps of mean 0 and deviation 1 in every image, `[b h w]`."""
    images, rows, columns = prediction.log_depth.shape
    longer = max(rows, columns) * BUMPS // min(rows, columns)
    size = (BUMPS, longer) if rows <= columns else (longer, BUMPS)
    bumps = torch.randn(images, 1, *size, generator=draw, dtype=torch.float64)
    field = interpolate(bumps, (rows, columns), mode="bicubic", align_corners=True)[:, 0]
    centred = field - field.mean((1, 2), keepdim=True)
    return centred / centred.square().mean((1, 2), keepdim=True).sqrt()


def _times(right: Prediction, batch: Batch, low_m: float, high_m: float) -> Prediction:
    """`FACTOR` times the depth of pixels whose true distance is in the range."""
    within = batch.depth_valid & (batch.depth_m >= low_m) & (batch.depth_m < high_m)
    factor = torch.where(within, FACTOR, 1.0).to(right.log_depth.dtype)
    return replace(right, log_depth=right.log_depth + factor.log())
