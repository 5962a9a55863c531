"""The structural map agrees with the teacher's label up to factor and offset.

    mean over valid i of |N(s)_i - N(t)_i|, the worst `trim` of the residuals of each image left out
    N(x) = (x - median x) / mean|x - median x|

The teacher is wrong somewhere in every image; the trim keeps those pixels from steering. It is approximate:
the cut is found by ten halvings (`quantile_threshold`), not by a sort, and the value is a lower bound of the
exact mean, off by less than 1e-4 of it on 96x128 residuals with normal tails.
Source: MiDaS (Ranftl et al., 2020), eq. 7 with the median normalisation of section 5.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor

from thermodepth.geometry import trimmed_mean
from thermodepth.losses.maps import Maps
from thermodepth.losses.term import NonNegative, TermSettings


class StructureSsiSettings(TermSettings):
    """Settings of `structure_ssi`."""

    weight: NonNegative = 0.5
    trim: Annotated[float, Field(ge=0.0, le=0.9)] = 0.2  # share of the worst residuals left out


def structure_ssi(maps: Maps, settings: StructureSsiSettings) -> Tensor:
    """`[b]`, in units of the label's own mean deviation."""
    return trimmed_mean(maps.label_residual().abs(), maps.batch.label_valid, settings.trim)
