"""The readings of "structure and metric depth agree": the forms of `gradient_consistency`.

The paper names the constraint and gives neither a formula nor a weight; each of these is one reading of it.
L = ln D, s the structural map, S the structure in metres of `aligned`, R_k the residual R in means of
2^k x 2^k pixels, and |grad| the sum of both mean absolute differences between neighbours:

    normalised        sum over k of |grad R_k|,  R = A - N(s);  A = N(1/D), N(-L) or N(-D) by `space`
    aligned_log       sum over k of |grad R_k|,  R = L - ln S
    aligned_metres    sum over k of |grad R_k| / mean D*,  R = D - S
    mean_normalised   sum over k of |grad R_k|,  R = D / mean D - S' / mean S',  S' = max s - s
    value             mean |L - ln S| without the worst `trim` of each image
    direction         mean of 1 - grad L . grad ln S / ( |grad ln S| max(|grad L|, edge) ), over pixels
                      with |grad ln S| >= edge
    normals           mean of 1 - n . n', the normals of the surfaces that D and S are in the camera's view

`space` inverse is the geometry of s; log and depth compress the near range and let far edges weigh more,
at the price of a bend that no agreement removes; so does `mean_normalised`, whose S' is s upside down and
no depth. N is unchanged by a factor, so D is first divided by its own median m, N(1/D) = N(m/D - 1), which
keeps the exponential near 1 whatever the unit.

The normal of a surface seen by a pinhole camera, at pixel (u, v) of a lens (fx, fy, cx, cy), follows from L
alone: n ~ ( -fx dL/du, -fy dL/dv, 1 + (u - cx) dL/du + (v - cy) dL/dv ), so that a factor of D costs nothing.
The lens only weighs slopes against one another: where it is not known, the picture's diagonal is its length.

Sources: `normalised`, ours; `aligned_log`, the gradient matching in logarithms of MegaDepth (Li and Snavely,
2018) on the alignment of MiDaS (Ranftl et al., 2020); `aligned_metres`, the same in metres, as the edge-aware
loss of PromptDA (Lin et al., arXiv 2412.14015) has against a reconstruction; `mean_normalised`, the division
by the mean of monodepth2 (Godard et al., 2019); `value`, the logarithmic error with the trim of MiDaS;
`direction`, ours; `normals`, Hu et al. (WACV 2019), who take a pixel for a metre where this takes the lens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

import torch
from torch import Tensor

from thermodepth.geometry import (
    FLAT,
    centre,
    count,
    gradient_mean,
    trimmed_mean,
    unit_contrast,
)
from thermodepth.losses.aligned import AlignedStructure, align_structure
from thermodepth.losses.invariance import Change
from thermodepth.losses.maps import Maps
from thermodepth.types import Batch

ConsistencyForm = Literal[
    "normalised",
    "aligned_log",
    "aligned_metres",
    "mean_normalised",
    "value",
    "direction",
    "normals",
]
Space = Literal["inverse", "log", "depth"]
Side = Literal["none", "structure", "metric"]

#: Depth that varies by less than this share of its median counts as flat. A fresh network predicts
#: nearly constant depth, and stretching that to unit contrast would multiply its gradients by 1/contrast.
FLAT_DEPTH = 1e-2


class FormSettings(Protocol):
    """What forms read of the term's settings."""

    @property
    def space(self) -> Space: ...
    @property
    def detach(self) -> Side: ...
    @property
    def scales(self) -> int: ...
    @property
    def reach(self) -> float: ...
    @property
    def trim(self) -> float: ...
    @property
    def edge(self) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FormRow:
    """One form of the term."""

    summary: str  # one line for the documentation
    formula: str  # for the documentation
    source: str
    cost: Callable[[Maps, FormSettings], Tensor]  # [b]
    reads: frozenset[str]  # the settings beside `detach` that it reads
    unchanged_by: tuple[Change, ...]
    aligned: bool = True  # whether it reads the truth, to align the structure to
    least_at_truth: bool = True  # whether it is 0 on every scene whose two maps are both right


def _structure(maps: Maps, settings: FormSettings) -> Tensor:
    return maps.structure.detach() if settings.detach == "structure" else maps.structure


def _log_depth(maps: Maps, settings: FormSettings) -> Tensor:
    return maps.log_depth.detach() if settings.detach == "metric" else maps.log_depth


def _aligned(maps: Maps, settings: FormSettings) -> AlignedStructure:
    return align_structure(_structure(maps, settings), maps.batch, settings.reach)


def _normalised(maps: Maps, settings: FormSettings) -> Tensor:
    structure = maps.structure_everywhere()  # which other terms share
    if settings.detach == "structure":
        structure = structure.detach()
    nearness = -_log_depth(maps, settings)
    relative = (
        nearness - centre(nearness)[:, None, None]
    )  # ln(m / D): 0 where N(s) is, if they agree
    # exp(x) - 1 and not expm1(x), which takes four times as long; the digits it would save are below
    # FLAT_DEPTH by far.
    if settings.space == "inverse":
        relative = relative.exp() - 1.0
    elif settings.space == "depth":
        relative = 1.0 - (-relative).exp()
    depth = unit_contrast(relative, count(relative, None), FLAT_DEPTH)
    return gradient_mean(depth - structure, None, settings.scales)


def _aligned_log(maps: Maps, settings: FormSettings) -> Tensor:
    log_depth, aligned = _log_depth(maps, settings), _aligned(maps, settings)
    return aligned.usable * gradient_mean(log_depth - aligned.log_depth, None, settings.scales)


def _aligned_metres(maps: Maps, settings: FormSettings) -> Tensor:
    log_depth, aligned = _log_depth(maps, settings), _aligned(maps, settings)
    residual = log_depth.exp() - aligned.log_depth.exp()
    return aligned.usable * gradient_mean(residual, None, settings.scales) / aligned.mean_truth_m


def _mean_normalised(maps: Maps, settings: FormSettings) -> Tensor:
    structure = _structure(maps, settings)
    farness = structure.amax((1, 2))[:, None, None] - structure
    log_depth = _log_depth(maps, settings)
    # Less its mean first, so that no unit of D overflows.
    relative = (log_depth - log_depth.mean((1, 2), keepdim=True)).exp()
    residual = _over_mean(relative) - _over_mean(farness)
    return gradient_mean(residual, None, settings.scales)


def _value(maps: Maps, settings: FormSettings) -> Tensor:
    log_depth, aligned = _log_depth(maps, settings), _aligned(maps, settings)
    error = (log_depth - aligned.log_depth).abs()
    return aligned.usable * trimmed_mean(error, None, settings.trim)


def _direction(maps: Maps, settings: FormSettings) -> Tensor:
    log_depth, aligned = _log_depth(maps, settings), _aligned(maps, settings)
    across, down = _slopes(log_depth)
    aligned_across, aligned_down = _slopes(aligned.log_depth)
    least = settings.edge**2  # clamped before the root, whose slope at 0 is infinite
    size = aligned_across.square() + aligned_down.square()
    edge = (size >= least).to(size.dtype)
    both = (size.clamp(min=least) * (across.square() + down.square()).clamp(min=least)).sqrt()
    cost = edge * (1.0 - (across * aligned_across + down * aligned_down) / both)
    return aligned.usable * cost.sum((1, 2)) / edge.sum((1, 2)).clamp(min=1.0)


def _normals(maps: Maps, settings: FormSettings) -> Tensor:
    log_depth, aligned = _log_depth(maps, settings), _aligned(maps, settings)
    lens = _lens(maps.batch, log_depth)
    one, other = _normal(log_depth, lens), _normal(aligned.log_depth, lens)
    # Of unit vectors, and never below 0 by rounding.
    cost = 0.5 * (one - other).square().sum(1)
    pixels = max(cost.shape[1] * cost.shape[2], 1)
    return aligned.usable * cost.sum((1, 2)) / pixels


def _over_mean(x: Tensor) -> Tensor:
    """Of a map that is not negative; a mean below `FLAT` is raised to it, so that a flat map stays flat."""
    return x * x.mean((1, 2), keepdim=True).clamp(min=FLAT).reciprocal()


def _slopes(x: Tensor) -> tuple[Tensor, Tensor]:
    """Right neighbour minus pixel and lower one minus pixel, both `[b h-1 w-1]`."""
    corner = x[:, :-1, :-1]
    return x[:, :-1, 1:] - corner, x[:, 1:, :-1] - corner


def _lens(batch: Batch, log_depth: Tensor) -> tuple[Tensor, ...]:
    """fx, fy, cx, cy, each `[b 1 1]`."""
    rows, columns = log_depth.shape[1:]
    diagonal = (rows**2 + columns**2) ** 0.5
    k = batch.intrinsics.to(log_depth.dtype)[:, :, :, None, None]
    known = (k[:, 0, 0], k[:, 1, 1], k[:, 0, 2], k[:, 1, 2])
    is_known = torch.stack(known).isfinite().all(0)
    assumed = (diagonal, diagonal, (columns - 1) / 2, (rows - 1) / 2)
    return tuple(torch.where(is_known, x, other) for x, other in zip(known, assumed, strict=True))


def _normal(log_depth: Tensor, lens: tuple[Tensor, ...]) -> Tensor:
    """Unit normals `[b 3 h-1 w-1]` of the surface."""
    across, down = _slopes(log_depth)
    v, u = (
        torch.arange(n, dtype=across.dtype, device=across.device) + 0.5 for n in across.shape[1:]
    )
    fx, fy, cx, cy = lens
    z = 1.0 + (u - cx) * across + (v[:, None] - cy) * down
    normal = torch.stack([-fx * across, -fy * down, z], 1)
    return normal / normal.square().sum(1, keepdim=True).sqrt()


_ALIGNED: tuple[Change, ...] = ("structure_affine", "unit_of_length")

FORMS: Mapping[ConsistencyForm, FormRow] = MappingProxyType(
    {
        "normalised": FormRow(
            summary="gradients of the two maps at unit contrast",
            formula="Σₖ mean abs ∇(A − N(s))ₖ, A = N(1/D), N(−ln D) or N(−D) by `space`",
            source="ours",
            cost=_normalised,
            reads=frozenset({"space", "scales"}),
            unchanged_by=("depth_scale", *_ALIGNED),
            aligned=False,
        ),
        "aligned_log": FormRow(
            summary="gradients of the logarithms, the structure aligned to the truth",
            formula="Σₖ mean abs ∇(ln D − ln S)ₖ",
            source="MegaDepth (Li and Snavely 2018), aligned as MiDaS (Ranftl et al. 2020)",
            cost=_aligned_log,
            reads=frozenset({"scales", "reach"}),
            unchanged_by=("depth_scale", *_ALIGNED),
        ),
        "aligned_metres": FormRow(
            summary="gradients in metres, the structure aligned to the truth",
            formula="Σₖ mean abs ∇(D − S)ₖ / mean D*",
            source="compare the edge-aware loss of PromptDA (Lin et al. 2024)",
            cost=_aligned_metres,
            reads=frozenset({"scales", "reach"}),
            unchanged_by=_ALIGNED,
        ),
        "mean_normalised": FormRow(
            summary="gradients of depth and of the inverted structure, each over its mean",
            formula="Σₖ mean abs ∇(D / mean D − S′ / mean S′)ₖ, S′ = max s − s",
            source="the division of monodepth2 (Godard et al. 2019)",
            cost=_mean_normalised,
            reads=frozenset({"scales"}),
            unchanged_by=("depth_scale", *_ALIGNED),
            aligned=False,
            least_at_truth=False,
        ),
        "value": FormRow(
            summary="depths themselves, the structure aligned to the truth",
            formula="mean abs(ln D − ln S), the worst `trim` left out",
            source="the logarithmic error, trimmed as MiDaS",
            cost=_value,
            reads=frozenset({"trim", "reach"}),
            unchanged_by=_ALIGNED,
        ),
        "direction": FormRow(
            summary="directions of the gradients at edges of the aligned structure",
            formula="mean( 1 − cos(∇ln D, ∇ln S) ) where abs ∇ln S ≥ `edge`",
            source="ours",
            cost=_direction,
            reads=frozenset({"edge", "reach"}),
            unchanged_by=("depth_scale", *_ALIGNED),
        ),
        "normals": FormRow(
            summary="normals of the two surfaces, the structure aligned to the truth",
            formula="mean( 1 − n · n′ ), the normals of D and S in the camera's view",
            source="Hu et al. (2019), with the lens of the picture",
            cost=_normals,
            reads=frozenset({"reach"}),
            unchanged_by=("depth_scale", *_ALIGNED),
        ),
    }
)
