"""The edges of the structural map are the teacher's edges, fine and coarse.

    sum over scales k of mean|dx R_k| + mean|dy R_k|,  R = N(s) - N(t),  R_k = R in means of 2^k x 2^k

that is `form=absolute`; `gradient_form` has the others. Only pairs count whose blocks are valid (by half
or more), each mean over its own pairs. Source: the gradient-matching term of MiDaS (Ranftl et al., 2020),
eq. 11, which takes every 2^k-th pixel instead: that pulls harder at the pixels of a grid, and the grid
shows as dots in the maps of small networks.
"""

from __future__ import annotations

from torch import Tensor

from thermodepth.losses.gradient_form import GradientForm, gradient_cost
from thermodepth.losses.maps import Maps
from thermodepth.losses.term import NonNegative, Scales, TermSettings


class StructureGradientSettings(TermSettings):
    """Settings of `structure_gradient`."""

    later = frozenset({"form"})

    weight: NonNegative = 0.2
    scales: Scales = 4
    form: GradientForm = "absolute"


def structure_gradient(maps: Maps, settings: StructureGradientSettings) -> Tensor:
    """`[b]`, in units of the label's own mean deviation."""
    return gradient_cost(
        maps.label_residual(), maps.batch.label_valid, scales=settings.scales, form=settings.form
    )
