"""Sky is told from everything else, near or far, cold or warm.

    -[ y ln p + (1 - y) ln(1 - p) ],  p = sigmoid(z), averaged over the pixels where y is known

Sky has no depth, so no other term teaches it, and a metric head left alone there draws a ceiling. Where
a distance was measured y is 0. Source: binary cross entropy, as softplus(z) - y z, which never overflows.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from thermodepth.geometry import masked_mean
from thermodepth.losses.maps import Maps
from thermodepth.losses.term import NonNegative, TermSettings


class SkySettings(TermSettings):
    """Settings of `sky`. Off by default: it needs the head of `model.sky`."""

    weight: NonNegative = 0.0


def sky(maps: Maps, settings: SkySettings) -> Tensor:
    """`[b]`, in nats."""
    del settings
    logit, is_sky, valid = maps.sky_logit(), maps.batch.sky, maps.batch.sky_valid
    assert is_sky is not None
    assert valid is not None
    return masked_mean(F.softplus(logit) - logit * is_sky.to(logit.dtype), valid)
