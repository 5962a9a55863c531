"""The metric depth has the right proportions; a common factor is forgiven in part.

    sqrt( var g + (1 - lam) mean(g)^2 + eps ),  g = ln D - ln D* over valid pixels

`lam` 0 is the RMS of g, `lam` 1 forgives any common factor. Written as variance plus mean, since
`mean g^2 - lam mean(g)^2` cancels in float32, and with eps inside the root, whose slope at 0 is
infinite. The minimum is therefore sqrt(eps). Source: Eigen et al. (2014), eq. 4; lam .85 from BTS.
"""

from __future__ import annotations

import torch
from torch import Tensor

from thermodepth.geometry import weights_of
from thermodepth.losses.maps import Maps
from thermodepth.losses.term import Positive, Share, TermSettings


class MetricSilogSettings(TermSettings):
    """Settings of `metric_silog`."""

    formula_numbers = frozenset({"lam"})

    lam: Share = 0.85  # the share of a common factor that is forgiven
    eps: Positive = 1e-6

    def minimum(self) -> float:
        """sqrt(eps)."""
        return float(self.eps**0.5)


def metric_silog(maps: Maps, settings: MetricSilogSettings) -> Tensor:
    """`[b]`, in natural logarithms: 0.1 is about ten per cent."""
    log_error = maps.log_error()
    weights = weights_of(log_error, maps.batch.depth_valid)
    pixels = weights.sum((1, 2))
    n = pixels.clamp(min=1.0)
    mean = log_error.sum((1, 2)) / n
    centred = (log_error - mean[:, None, None]) * weights
    variance = centred.square().sum((1, 2)) / n
    value = (variance + (1.0 - settings.lam) * mean.square() + settings.eps).sqrt()
    return torch.where(pixels > 0, value, 0.0)
