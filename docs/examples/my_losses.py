"""A loss term of one's own: the Huber cost of ln depth, which docs/extensions.md studies against ours.

    mean over valid of h(g),  g = ln D - ln D*,  h(g) = g^2 / (2 k) for |g| <= k, else |g| - k / 2

Source: Huber (1964), Robust estimation of a location parameter; on logarithms as Eigen et al. (2014).
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from thermodepth.geometry import masked_mean
from thermodepth.losses import Invariance, LossRow, TermSettings
from thermodepth.losses.maps import Maps


class HuberSettings(TermSettings):
    """Weight, schedule, and where the square ends."""

    weight: Annotated[float, Field(ge=0)] = (
        0.0  # it waits for one, so that the file alone changes no run
    )
    knee: Annotated[float, Field(gt=0)] = 0.1  # in ln units: about a tenth of the distance


def huber_depth(maps: Maps, settings: HuberSettings) -> Tensor:
    """`[b]`: one value per image."""
    error = maps.log_error()  # [b h w], 0 where there is no truth
    size = error.abs()
    square = error.square() / (2.0 * settings.knee)
    cost = torch.where(size <= settings.knee, square, size - settings.knee / 2.0)
    return masked_mean(cost, maps.batch.depth_valid)


ROWS = (
    LossRow(
        name="huber_depth",
        group="huber",  # a group of its own: losses.groups.huber switches it
        term=huber_depth,
        settings=HuberSettings,
        summary="metric depth is right relative to the distance; small errors cost their square",
        mask="depth",
        invariances=(Invariance("unit_of_length"), Invariance("depth_exchange")),
    ),
)
