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
from dataclasses import dataclass
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
    return {name: losses.weights[name] * losses.mean(name) for name in losses.terms}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TermGradients:
    """The gradients of k terms at the same parameters, all in memory at once: k times the parameters."""

    terms: tuple[str, ...]
    parameters: tuple[Tensor, ...]
    scale: float  # the factor that float16 gradients are computed under
    scaled: tuple[tuple[Tensor | None, ...], ...]  # by term and parameter; None: never read

    def gram(self) -> NDArray[np.float64]:
        """`[len(parameters) k k]`: the dot products of the terms' gradients, parameter by parameter.

        Sum over the first axis, or a part of it, for the Gram matrix of these parameters.
        """
        products = []
        for index in range(len(self.parameters)):
            rows = self._rows(index)
            products.append(rows @ rows.T)
        result: NDArray[np.float64] = torch.stack(products).cpu().numpy()
        return result

    def along(self, directions: Sequence[Tensor]) -> NDArray[np.float64]:
        """`[len(parameters) k]`: the dot products with a direction, of the shapes of the parameters."""
        products = [
            self._rows(index) @ direction.reshape(-1).double()
            for index, direction in enumerate(directions)
        ]
        result: NDArray[np.float64] = torch.stack(products).cpu().numpy()
        return result

    def _rows(self, index: int) -> Tensor:
        """`[k n]`: one parameter's gradients, in float64."""
        parameter = self.parameters[index]
        rows = [
            parameter.new_zeros(parameter.numel()) if gradient is None else gradient.reshape(-1)
            for gradient in (of_term[index] for of_term in self.scaled)
        ]
        return torch.stack(rows).double() / self.scale


def gradients_of(
    losses: Mapping[str, Tensor], parameters: Sequence[Tensor], *, scale: float = 1.0
) -> TermGradients:
    """The gradient of each loss. The graph is kept and no `.grad` is touched.

    Args:
        losses: scalars, k of them.
        parameters: of any shapes.
        scale: factor under which float16 gradients are computed; the dot products are without it.
    """
    return TermGradients(
        terms=tuple(losses),
        parameters=tuple(parameters),
        scale=scale,
        scaled=tuple(
            torch.autograd.grad(scale * loss, parameters, retain_graph=True, allow_unused=True)
            for loss in losses.values()
        ),
    )


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
    finite = np.isfinite(cosine)
    result: NDArray[np.float64] = np.where(finite, np.clip(cosine, -1.0, 1.0), np.nan)
    return result


def magnitude_similarities(norm: NDArray[np.float64]) -> NDArray[np.float64]:
    """`[k k]`: 1 for equal norms, towards 0 the more they differ; NaN where both are 0 or not finite."""
    a, b = norm[:, None], norm[None, :]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        similarity: NDArray[np.float64] = 2 * a * b / (a**2 + b**2)
    return similarity
