"""The error to expect of a pixel's depth: two quantiles of |ln D - ln D*|.

    u = ln max(|ln D - ln D*|, floor),  sum over levels of  max( k (u - q_k), (k - 1) (u - q_k) )

Its minimum is where a share k of the errors lies below exp(q_k); learnt in the logarithm, a quantile
stays the same quantile and far, wrong pixels do not outweigh the others. The error is a constant here and
the head reads features without a way back: neither map is moved. Source: Koenker and Bassett,
"Regression Quantiles", Econometrica 1978.
"""

from __future__ import annotations

import torch
from torch import Tensor

from thermodepth.geometry import masked_mean
from thermodepth.losses.maps import Maps
from thermodepth.losses.term import NonNegative, Positive, TermSettings
from thermodepth.types import ERROR_LEVELS


class RelativeErrorSettings(TermSettings):
    """Settings of `relative_error`. Off by default: it needs the head of `model.relative_error`."""

    weight: NonNegative = 0.0
    floor: Positive = 1e-3  # a tenth of a percent: smaller errors count as this one


def relative_error(maps: Maps, settings: RelativeErrorSettings) -> Tensor:
    """`[b]`, in natural logarithms of a relative error."""
    valid = maps.batch.depth_valid
    error = maps.log_error().detach().abs().clamp(min=settings.floor).log()
    total = torch.zeros_like(error)
    for channel, level in enumerate(ERROR_LEVELS):
        difference = error - maps.log_expected_error(channel)
        total = total + torch.maximum(level * difference, (level - 1.0) * difference)
    return masked_mean(total, valid)
