"""Sky is told from everything else, near or far, cold or warm; and it is no ceiling.

    BCE(z, y) + far_weight y max(0, ln far - ln D),  averaged over the pixels where y is known

with z the logit of sky and y whether it is. Sky has no depth, so no other term teaches the metric head
anything there, and a head left alone draws clouds at a few metres: whatever it says must be `far_m` or more.
Where a distance was measured y is 0. Source: binary cross entropy, as softplus(z) - y z, which never
overflows; the one-sided term is ours.
"""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor

from thermodepth.geometry import masked_mean
from thermodepth.losses.maps import Maps
from thermodepth.losses.term import NonNegative, Positive, TermSettings


class SkySettings(TermSettings):
    """Settings of `sky`. Off by default: it needs the head of `model.sky`."""

    weight: NonNegative = 0.0
    far_m: Positive = 60.0  # metres that the depth of sky is not to stay below
    far_weight: NonNegative = 0.3


def sky(maps: Maps, settings: SkySettings) -> Tensor:
    """`[b]`, in nats."""
    logit, log_depth = maps.sky_logit(), maps.log_depth_where_sky_is_known()
    is_sky, valid = maps.batch.sky, maps.batch.sky_valid
    assert is_sky is not None
    assert valid is not None
    y = is_sky.to(logit.dtype)
    near = y * F.relu(math.log(settings.far_m) - log_depth)
    return masked_mean(F.softplus(logit) - logit * y + settings.far_weight * near, valid)
