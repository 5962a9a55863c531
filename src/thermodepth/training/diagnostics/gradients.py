"""The gradients of the loss terms from one batch, compared with each other.

    g_k = d(w_k mean(L_k)) / d(parameters)          weighted, as the training adds them up
    share of k        |g_k| / sum_j |g_j|
    cosine of a, b    g_a . g_b / (|g_a| |g_b|)
    magnitude similarity of a, b    2 |g_a| |g_b| / (|g_a|^2 + |g_b|^2)

All of it is in the Gram matrix G_ab = g_a . g_b. Sources: Chen et al., "GradNorm" (ICML 2018), for norms
where the heads part; Yu et al., "Gradient Surgery" (NeurIPS 2020), for the cosine and the similarity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from thermodepth.losses import LossReport
from thermodepth.model import DepthNetwork

if TYPE_CHECKING:
    from numpy.typing import NDArray


def last_block_of(network: DepthNetwork) -> list[nn.Parameter]:
    """The two 1x1 convolutions of the last block that both heads read.

    They are nine tenths of the block's parameters. The depthwise convolution before them is left out: it
    would make every probe half as expensive again.
    """
    finish = network.decoder.finish
    return _trained([*finish.expand.parameters(), *finish.project.parameters()])


def shared_of(network: DepthNetwork) -> list[nn.Parameter]:
    """Every trained parameter before the heads part."""
    return _trained([*network.encoder.parameters(), *network.decoder.parameters()])


def _trained(parameters: Sequence[nn.Parameter]) -> list[nn.Parameter]:
    return [p for p in parameters if p.requires_grad]


def weighted_means(losses: LossReport) -> dict[str, Tensor]:
    """What each term adds to the total: scalars that still lead back to the network."""
    return {name: losses.weights[name] * values.mean() for name, values in losses.terms.items()}


def gram(
    losses: Mapping[str, Tensor], parameters: Sequence[Tensor], *, scale: float = 1.0
) -> NDArray[np.float64]:
    """`[len(parameters) k k]`: the dot products of the terms' gradients, parameter by parameter.

    Sum over the first axis, or a part of it, for the Gram matrix of these parameters. The graph is kept, no
    `.grad` is touched, and every gradient is in memory at once: k times the parameters.

    Args:
        losses: scalars, k of them.
        parameters: of any shapes.
        scale: factor under which float16 gradients are computed; taken out again.
    """
    gradients = [
        torch.autograd.grad(scale * loss, parameters, retain_graph=True, allow_unused=True)
        for loss in losses.values()
    ]
    products = []
    for index, parameter in enumerate(parameters):
        rows = [
            parameter.new_zeros(parameter.numel()) if g[index] is None else g[index].reshape(-1)
            for g in gradients
        ]
        stacked = torch.stack(rows).double() / scale
        products.append(stacked @ stacked.T)
    result: NDArray[np.float64] = torch.stack(products).cpu().numpy()
    return result


def norms(gram_matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """`[k]`: the gradients' norms; not finite where a gradient is not."""
    with np.errstate(invalid="ignore"):
        root: NDArray[np.float64] = np.sqrt(np.diagonal(gram_matrix))
    return root


def shares(norm: NDArray[np.float64]) -> NDArray[np.float64]:
    """`[k]`: each norm's part of their sum; NaN where the sum is 0 or not finite."""
    total = norm.sum()
    if not np.isfinite(total) or total == 0:
        return np.full_like(norm, np.nan)
    part: NDArray[np.float64] = norm / total
    return part


def cosines(gram_matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """`[k k]` in -1..1; NaN where one of the two gradients is 0 or not finite."""
    norm = norms(gram_matrix)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        cosine = gram_matrix / norm[:, None] / norm[None, :]
    known = np.isfinite(cosine)
    result: NDArray[np.float64] = np.where(known, np.clip(cosine, -1.0, 1.0), np.nan)
    return result


def magnitude_similarities(norm: NDArray[np.float64]) -> NDArray[np.float64]:
    """`[k k]`: 1 for equal norms, towards 0 the more they differ; NaN where both are 0 or not finite."""
    a, b = norm[:, None], norm[None, :]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        similarity: NDArray[np.float64] = 2 * a * b / (a**2 + b**2)
    return similarity
