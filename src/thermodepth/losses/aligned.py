"""The structure in metres: the affine map of it that comes closest to the inverse truth, image by image.

    (a, b) = argmin, a >= 0, of the sum over valid of ( a s + b - 1/D* )^2
    S = 1 / max( a s + b, 1 / far ),   far = max( reach mean D*, max D* )

`a` and `b` are constants to the gradient: what reads S moves the structure as a map, and never by way of
its fit to the truth. Truth may be sparse or end early; the fit carries it along the structure to where there
is none. Beyond what was measured that is an extrapolation of an inverse, which grows without bound as
a s + b goes to 0: `far` ends it, in multiples of the mean truth so that no unit is in it, and never before
the farthest truth.

An image with fewer than `LEAST_TRUTH` valid pixels has no S: a line through two pixels is a guess, and a
constant S, all that is left without truth, would ask for a flat depth. It counts as 0. A structure that is
flat, or falls where the truth rises, has a = 0 and the S of the mean inverse truth.
Source: the alignment by least squares of MiDaS (Ranftl et al., 2020), with the sign held.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from thermodepth.geometry import align_affine, count, keep, masked_mean, widen
from thermodepth.types import Batch

#: Pixels with truth below which two unknowns are no fit.
LEAST_TRUTH = 10


class AlignedStructure(NamedTuple):
    """S of every image, and what goes with it."""

    log_depth: Tensor  # [b h w] ln S, S in metres; 0 in images without S
    mean_truth_m: Tensor  # [b] mean D*; 1 in images without S
    usable: Tensor  # [b] 1, or 0 for images without S


def align_structure(structure: Tensor, batch: Batch, reach: float) -> AlignedStructure:
    """S of the structure `[b h w]`, with a gradient to it.

    Args:
        structure: wide and not normalised.
        batch: whose truth it is aligned to.
        reach: how many times the mean truth of its image S may be away.
    """
    valid = batch.depth_valid
    with torch.no_grad():
        truth = widen(batch.depth_m)
        usable = count(truth, valid) >= LEAST_TRUTH
        nearness = keep(truth, valid, 1.0).reciprocal()
        fit = align_affine(structure, nearness, valid)
        mean = torch.where(usable, masked_mean(truth, valid), 1.0)
        far = torch.maximum(reach * mean, keep(truth, valid).amax((1, 2)))
        # Comparisons that a NaN fails, so that the fault of a structure stays visible.
        scale = torch.where(usable, fit.scale.clamp(min=0.0), 0.0)
        offset = torch.where(fit.scale <= 0.0, masked_mean(nearness, valid), fit.offset)
        offset = torch.where(usable, offset, 1.0)
        least = torch.where(usable, far.reciprocal(), 1.0)
    inverse = scale[:, None, None] * structure + offset[:, None, None]
    # 0 times it: the maximum alone would hide a structure of minus infinity.
    inverse = torch.maximum(inverse, least[:, None, None]) + 0.0 * inverse
    return AlignedStructure(-inverse.log(), mean, usable.to(structure.dtype))
