"""Pure tensor maths on batched maps: masks, medians, differences, pyramids, trimming, alignment.

Maps are `[b h w]`, masks are boolean `[b h w]` or None for "every pixel", results have one value per
image, `[b]`. Rules that hold everywhere, because each has broken a published loss:

- A masked pixel may hold anything, NaN and infinity included, and changes neither the value nor a
  gradient: it is replaced (`keep`) before any arithmetic, never multiplied away, since 0 * NaN is NaN.
- A NaN at a *valid* pixel is a fault and stays visible in the result.
- An image without a valid pixel gives 0 that is connected to the graph, so that backward works.
- No boolean indexing and no `.item()`: shapes never depend on data, so nothing waits for the device
  and `torch.compile(fullgraph=True)` makes one graph.
- Half precision is widened to float32; float64 stays, so that gradients can be checked numerically.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

if TYPE_CHECKING:  # checked in the tests; users neither need jaxtyping nor pay for it
    from jaxtyping import Bool, Float

    Map = Float[Tensor, "b h w"]
    Mask = Bool[Tensor, "b h w"]
    Pairs = Float[Tensor, "b _ _"]
    PerImage = Float[Tensor, "b"]

#: A map whose mean absolute deviation is below this counts as flat. It only keeps a constant map from
#: dividing by zero, so it sits far under the contrast of any label: inverse depth (1/m) of a scene
#: between 500 m and 1 km still deviates by 3e-4.
FLAT = 1e-5

#: The median deviation of a map that is flat over more than half of its pixels is 0; it counts as this share
#: of the mean one at least.
LEAST_MEDIAN = 0.1

#: First or second differences.
Order = Literal[1, 2]

#: Whole medians of 16 maps of 96x128 cost a CPU more than all the other arithmetic of the losses. A
#: regular grid of a quarter of the pixels moves the median by one to five hundredths of the map's
#: contrast (the same way in prediction and label, so that it cancels in their difference), and
#: mean|x - median| by a thousandth, since the median minimises it.
MEDIAN_PIXELS = 4096


def widen(x: Tensor) -> Tensor:
    """float16 and bfloat16 become float32; float32 and float64 stay."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


# --- masks ---------------------------------------------------------------------------------------


def keep(x: Map, valid: Mask | None, fill: float = 0.0) -> Map:
    """The map with every masked pixel replaced by a finite `fill`, widened.

    The gradient of a replaced pixel is exactly zero. Choose a `fill` at which the next operation has a
    finite derivative (1 before a logarithm or a division): a later `where` would not save it.
    """
    x = widen(x)
    if valid is None:
        return x
    filled: Tensor = _Keep.apply(x, valid)  # type: ignore[no-untyped-call]
    return filled if fill == 0.0 else filled + (1.0 - weights_of(x, valid)) * fill


class _Keep(torch.autograd.Function):
    """`where(valid, x, 0)` forward, `where(valid, gradient, 0)` backward, by clearing the bits.

    torch's `where` branches on every pixel on a CPU: three times the price of a bitwise `and` for a
    dense mask, seven times for a mask as irregular as a lidar's.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, valid: Tensor) -> Tensor:
        whole = torch.int64 if x.dtype == torch.float64 else torch.int32
        bits = valid.view(torch.uint8).to(whole).neg_()  # all ones where valid
        ctx.save_for_backward(bits)
        return x.view(whole).bitwise_and(bits).view(x.dtype)

    @staticmethod
    def backward(ctx: Any, *from_above: Tensor) -> tuple[Tensor, None]:
        (bits,) = ctx.saved_tensors
        (gradient,) = from_above
        return gradient.view(bits.dtype).bitwise_and(bits).view(gradient.dtype), None


def count(x: Map, valid: Mask | None) -> PerImage:
    """How many pixels of each image are valid, in the (wide) type of the map."""
    if valid is None:
        return widen(x).new_full((x.shape[0],), float(x.shape[1] * x.shape[2]))
    # Summing the bools themselves would first copy them to int64.
    return weights_of(x, valid).sum((1, 2))


def weights_of(x: Map, valid: Mask) -> Map:
    """The mask as 0/1 in the (wide) type of the map."""
    # Through bytes: torch's conversion from bool is not vectorised on CPU and takes twice as long.
    return valid.view(torch.uint8).to(widen(x).dtype)


def masked_sum(x: Map, valid: Mask | None) -> PerImage:
    """Sum over the valid pixels of each image; 0 where there is none."""
    return keep(x, valid).sum((1, 2))


def masked_mean(x: Map, valid: Mask | None) -> PerImage:
    """Mean over the valid pixels of each image; 0, connected to the graph, where there is none."""
    return masked_sum(x, valid) / count(x, valid).clamp(min=1.0)


def masked_median(x: Map, valid: Mask | None) -> PerImage:
    """Median over the valid pixels of each image; 0, connected to the graph, where there is none.

    Of an even number of values the lower middle one is taken (as `torch.median` does), so the median
    is always the value of one pixel, and that pixel receives the whole gradient.
    """
    flat = widen(x).flatten(1)
    with torch.no_grad():
        # nanmedian is a quickselect: seven times cheaper than a sort.
        marked = flat if valid is None else torch.where(valid.flatten(1), flat, math.nan)
        where = marked.nanmedian(dim=1, keepdim=True).indices
    value = flat.gather(1, where).squeeze(1)
    if valid is None:
        return value
    return torch.where(valid.flatten(1).gather(1, where).squeeze(1), value, 0.0)


# --- normalisation -------------------------------------------------------------------------------


def unit_contrast(
    centred: Map, pixels: PerImage, floor: float = FLAT, median: PerImage | None = None
) -> Map:
    """`x / mean|x|` per image, for a map with 0 at its masked pixels and the number of the others.

    A mean below `floor` is raised to it, so that a flat map stays flat. A median of |x| takes the place of
    the mean, and is raised to `LEAST_MEDIAN` of it.
    """
    scale = centred.abs().sum((1, 2)) / pixels.clamp(min=1.0)
    if median is not None:
        scale = torch.maximum(median, LEAST_MEDIAN * scale)
    # Times the reciprocal: the gradient of a division needs three more passes over the map.
    return centred * scale.clamp(min=floor).reciprocal()[:, None, None]


def centre(x: Map) -> PerImage:
    """Median over a regular grid of at most `MEDIAN_PIXELS` pixels; smaller maps are taken whole."""
    return masked_median(_grid(x), None)


def normalise(
    x: Map,
    valid: Mask | None,
    floor: float = FLAT,
    *,
    deviation: Literal["mean", "median"] = "mean",
) -> Map:
    """`N(x) = (x - median x) / mean|x - median x|` per image, unchanged by x -> a x + b with a > 0.

    Median and mean run over the valid pixels, the median over those on a regular grid of at most
    `MEDIAN_PIXELS` pixels; where the grid meets no valid pixel, the mean takes its place. Masked pixels
    come back as 0. A map whose mean deviation is below `floor` (in units of x) is divided by `floor`
    instead. `deviation` median divides by median|x - median x|. Source: MiDaS (Ranftl et al., 2020),
    section 5.
    """
    filled = keep(x, valid)
    on_grid = None if valid is None else _grid(valid)
    if valid is None or on_grid is None:
        centred, pixels = filled - centre(filled)[:, None, None], count(filled, None)
    else:
        weights = weights_of(filled, valid)
        pixels = weights.sum((1, 2))
        mean = filled.sum((1, 2)) / pixels.clamp(min=1.0)
        middle = masked_median(_grid(filled), on_grid)
        middle = torch.where(on_grid.flatten(1).any(1), middle, mean)
        centred = (filled - middle[:, None, None]) * weights
    if deviation == "mean":
        return unit_contrast(centred, pixels, floor)
    return unit_contrast(centred, pixels, floor, masked_median(_grid(centred.abs()), on_grid))


def _grid(x: Tensor) -> Tensor:
    stride = math.ceil(math.sqrt(x.shape[1] * x.shape[2] / MEDIAN_PIXELS))
    return x[:, ::stride, ::stride]


# --- neighbouring pixels -------------------------------------------------------------------------
# The maps here are "filled": finite under the mask. Then 0/1 weights may take the place of `where`,
# which costs three times as much on a CPU.


def horizontal(x: Map) -> Pairs:
    """Right minus left, `[b h w-1]`."""
    return x[:, :, 1:] - x[:, :, :-1]


def vertical(x: Map) -> Pairs:
    """Lower minus upper, `[b h-1 w]`."""
    return x[:, 1:] - x[:, :-1]


def horizontal_pairs(weights: Map) -> Pairs:
    """1 where both pixels of a horizontal pair are valid: a one-sided mask would count hole borders."""
    return weights[:, :, 1:] * weights[:, :, :-1]


def vertical_pairs(weights: Map) -> Pairs:
    """1 where both pixels of a vertical pair are valid."""
    return weights[:, 1:] * weights[:, :-1]


def halve(x: Map) -> Map:
    """The mean of each 2x2 block, `[b h//2 w//2]`; an odd last row or column is left out."""
    return avg_pool2d(x[:, None], 2)[:, 0]


def gradient_mean(filled: Map, valid: Mask | None, scales: int) -> PerImage:
    """`sum over scales of mean|dx x| + mean|dy x|` over means of 1x1, 2x2, 4x4, ... pixels.

    The mean of a block runs over its valid pixels; the block counts where they are at least half of
    it, a pair where both of its blocks do, so no value under the mask enters, and speckles in a mask
    do not cost the coarse scales. Each mean has its own count, so that sparse masks and coarse scales
    weigh as much as dense and fine ones. Blocks and not every 2^k-th pixel, which is the usual form:
    that one pulls harder at the pixels of a grid, and networks print the grid as dots.
    """
    total = filled.new_zeros(filled.shape[0])
    share = counts = None if valid is None else weights_of(filled, valid)
    for scale in range(scales):
        if scale:
            if min(filled.shape[1:]) < 2:
                break
            filled = halve(filled)
            if share is not None:
                share = halve(share)
                counts = (share >= 0.5).to(share.dtype)
        x = filled if share is None or not scale else filled / share.clamp(min=0.5)
        total = total + _absolute_differences(x, *pair_weights(x, counts))
    return total


def step_mean(
    filled: Map, valid: Mask | None, spans: int, cost: Callable[[Tensor], Tensor]
) -> PerImage:
    """`sum over k < spans of mean f(x(i + 2^k) - x(i))` along rows, and the same along columns.

    A mean runs over the pairs of pixels 2^k apart that are both valid; spans that the map has no room
    for are left out. Every pixel counts alike, so no grid can show.

    Args:
        filled: `[b h w]`, 0 where masked.
        valid: `[b h w]` or None for all.
        spans: how many distances: 1, 2, 4, ... pixels.
        cost: f, of the differences; 0 at 0.
    """
    total = filled[:, :0].sum(
        (1, 2)
    )  # connected to the graph, also where no pair fits into the map
    weights = None if valid is None else weights_of(filled, valid)
    for span in (2**k for k in range(spans)):
        for axis in (2, 1):
            pairs = filled.shape[axis] - span
            if pairs < 1:
                continue
            price = cost(filled.narrow(axis, span, pairs) - filled.narrow(axis, 0, pairs))
            if weights is None:
                total = total + price.mean((1, 2))
                continue
            both = weights.narrow(axis, span, pairs) * weights.narrow(axis, 0, pairs)
            total = total + (price * both).sum((1, 2)) / both.sum((1, 2)).clamp(min=1.0)
    return total


def pair_weights(x: Map, weights: Map | None) -> tuple[list[Tensor | None], list[PerImage]]:
    """For horizontal, then vertical pairs: their 0/1 weights (None: all 1), and how many count, at
    least 1."""
    if weights is None:
        rows, columns = x.shape[1:]
        pairs = (rows * (columns - 1), (rows - 1) * columns)
        return [None, None], [x.new_full((x.shape[0],), float(max(n, 1))) for n in pairs]
    both = [horizontal_pairs(weights), vertical_pairs(weights)]
    return [*both], [pair.sum((1, 2)).clamp(min=1.0) for pair in both]


def edge_aware_mean(
    filled: Map, guide: Map, valid: Mask | None, sharpness: float, order: Order = 1
) -> PerImage:
    """`mean(|dx x| exp(-b |dx G|)) + mean(|dy x| exp(-b |dy G|))`, both pixels of a pair valid.

    b = `sharpness`, 0 means no guide; no gradient flows to the guide. `order` 2 takes second differences,
    each with the weights of both of its pairs, all three pixels valid. Source: Godard et al. (2017), eq. 5.
    """
    with torch.no_grad():
        pairs, counts = pair_weights(filled, None if valid is None else weights_of(filled, valid))
        weights = [
            (step.abs() * -sharpness).exp() * (1.0 if pair is None else pair)
            for step, pair in zip((horizontal(guide), vertical(guide)), pairs, strict=True)
        ]
    if order == 1:
        return _absolute_differences(filled, weights, counts)
    return _absolute_bends(filled, weights, pairs)


def _absolute_bends(
    x: Tensor, weights: Sequence[Tensor], pairs: Sequence[Tensor | None]
) -> PerImage:
    """`mean of w w' |second difference|` along rows, and the same along columns; pairs as `pair_weights`."""
    total = x.new_zeros(x.shape[0])
    for axis, weight, pair in zip((2, 1), weights, pairs, strict=True):
        bends = max(x.shape[axis] - 2, 0)

        def both(steps: Tensor, axis: int = axis, bends: int = bends) -> Tensor:
            return steps.narrow(axis, 0, bends) * steps.narrow(axis, min(1, bends), bends)

        cost = x.diff(n=2, dim=axis).abs() * both(weight)
        valid = torch.ones_like(weight) if pair is None else pair
        total = total + cost.sum((1, 2)) / both(valid).sum((1, 2)).clamp(min=1.0)
    return total


class _AbsoluteDifferences(torch.autograd.Function):
    """`(1 / n_h) sum of w_h |horizontal x| + (1 / n_v) sum of w_v |vertical x|`, per image.

    The gradient is written out because autograd's own way through the slices (fill, copy, add for each)
    costs twice as much, and these sums are most of the work of four terms. Only x has a gradient;
    counts and weights come in tuples of two, horizontal first.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, counts: tuple[Tensor, ...], weights: tuple[Tensor | None, ...]
    ) -> Tensor:
        total = x.new_zeros(x.shape[0])
        slopes = []
        for step, weight, n in zip((horizontal(x), vertical(x)), weights, counts, strict=True):
            slopes.append(step.sign() if weight is None else step.sign() * weight)
            total = total + (step * slopes[-1]).sum((1, 2)) / n
        ctx.save_for_backward(torch.stack(counts), *slopes)
        ctx.size = x.shape
        return total

    @staticmethod
    def backward(ctx: Any, *from_above: Tensor) -> tuple[Tensor, None, None]:
        counts, horizontal_slope, vertical_slope = ctx.saved_tensors
        across, down = (from_above[0] / counts)[:, :, None, None]
        gradient = across.new_zeros(ctx.size)
        pull = horizontal_slope * across
        gradient[:, :, 1:].add_(pull)
        gradient[:, :, :-1].sub_(pull)
        pull = vertical_slope * down
        gradient[:, 1:].add_(pull)
        gradient[:, :-1].sub_(pull)
        return gradient, None, None


def _absolute_differences(
    x: Tensor, weights: Sequence[Tensor | None], counts: Sequence[Tensor]
) -> Tensor:
    total: Tensor = _AbsoluteDifferences.apply(x, tuple(counts), tuple(weights))  # type: ignore[no-untyped-call]
    return total


# --- trimming ------------------------------------------------------------------------------------


def quantile_threshold(filled: Map, smallest: PerImage, passes: int = 10) -> PerImage:
    """A threshold below which about `smallest` values of each non-negative map lie; no gradient.

    Bisection on counts: ten passes cost a tenth of a sort and, unlike `kthvalue`, take another count
    for every image without asking the device for it. Masked pixels hold 0 and count as values. The
    first bracket ends at the maximum or, if smaller, at Markov's bound `mean / share above`, so that
    one outlier does not spoil the resolution; halving the root of the threshold rather than itself
    makes small thresholds as exact as large ones. The error of the root is `2^-passes` of the bracket.
    """
    with torch.no_grad():
        flat = filled.flatten(1)
        n = flat.shape[1]
        dropped = (n - smallest).clamp(min=0.5)
        low = torch.zeros_like(smallest)
        # A little above, so that the largest value kept lies strictly below and has a gradient.
        high = (torch.minimum(flat.amax(1), flat.sum(1) / dropped) * 1.001).sqrt()
        for _ in range(passes):
            middle = (low + high) / 2
            # Sum of signs = above - below. Summing bools instead costs three times as much.
            above_minus_below = (flat - middle.square()[:, None]).sign_().sum(1)
            too_low = above_minus_below > n - 2 * smallest
            low = torch.where(too_low, middle, low)
            high = torch.where(too_low, high, middle)
    return high.square()


def trimmed_mean(filled: Map, valid: Mask | None, trim: float) -> PerImage:
    """Mean of a non-negative map without the largest `floor(trim n)` of its n valid values.

    With t any threshold, `k t - sum max(t - x, 0)` is a lower bound of the sum of the k smallest
    values and reaches it at the k-th value (the dual of "mean excess", Rockafellar and Uryasev 2000),
    so the error of an approximate t enters only in second order, and ties need no care.
    """
    weights = None if valid is None else weights_of(filled, valid)
    n = count(filled, None) if weights is None else weights.sum((1, 2))
    if trim == 0.0:
        return filled.sum((1, 2)) / n.clamp(min=1.0)
    k = n - (trim * n + 1e-3).floor()  # 1e-3: 0.29 * 100 is 28.999998 in float32
    masked = filled.shape[1] * filled.shape[2] - n  # they hold 0, so they are the smallest values
    threshold = quantile_threshold(filled, k + masked)
    shortfall = (threshold[:, None, None] - filled).relu()
    if weights is not None:
        shortfall = shortfall * weights
    return (k * threshold - shortfall.sum((1, 2))) / k.clamp(min=1.0)


# --- alignment -----------------------------------------------------------------------------------


class Alignment(NamedTuple):
    """`scale * x + offset` per image. `positive` is False where the best scale is zero or negative."""

    scale: Tensor  # [b]
    offset: Tensor  # [b]
    positive: Tensor  # [b] bool

    def apply(self, x: Map) -> Map:
        """The aligned map."""
        return self.scale[:, None, None] * widen(x) + self.offset[:, None, None]


def align_affine(x: Map, target: Map, valid: Mask | None) -> Alignment:
    """The factor and offset that bring x closest to the target, least squares per image.

    In centred form, `cov(x, t) / var(x)`: the textbook 2x2 normal equations cancel in float32. A flat
    x gives scale 0, the target's mean as offset, and `positive` False.
    """
    mean_x, mean_t = masked_mean(x, valid), masked_mean(target, valid)
    centred_x = keep(x - mean_x[:, None, None], valid)
    centred_t = keep(target - mean_t[:, None, None], valid)
    scale = _ratio((centred_x * centred_t).sum((1, 2)), centred_x.square().sum((1, 2)))
    return Alignment(scale, mean_t - scale * mean_x, scale > 0)


def _ratio(over: Tensor, under: Tensor) -> Tensor:
    """`over / under`, and 0 with a zero gradient where `under` is 0."""
    some = under > 0
    return torch.where(some, over, 0.0) / torch.where(some, under, 1.0)
