"""Statistics of norm layers, taken anew from unlabelled frames of another camera.

A batch norm holds the mean and the spread that its input had in training, and frames of another camera have
others. Li et al. (Revisiting Batch Normalization For Practical Domain Adaptation, arXiv 1603.04779) take
them from those frames, and no weight learns.

    batch norm    mean, variance of training     ->  mean_t, variance_t of the frames
    fixed norm    constants m, s                 ->  m' = mean_t - r (mean_o - m),  s' = r s,  r = sd_t / sd_o

The constants of a fixed norm (`model.inverted_residual`) are no longer the statistics of its input, for the
weights before it have learnt since. So what the input is like on frames of the training's kind (o) is
measured as well, and the frames (t) come to look to the next layer as those did. Each layer is set before
the next is measured, in one pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from thermodepth.errors import WeightsError
from thermodepth.model import DepthNetwork
from thermodepth.model.inverted_residual import FixedNorm, unfolded

_Norms = dict[str, nn.Module]


class ChannelStatistics(NamedTuple):
    """Of the input of a norm, over images and places."""

    mean: Tensor  # [c]
    variance: Tensor  # [c]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsChange:
    """How far the statistics of a network moved, and in which layer most."""

    layers: int
    channels: int
    layer: str  # name of the layer whose means moved most
    shift: float  # there, median over channels of |new mean - old mean| in old standard deviations
    spread: float  # there, median over channels of new over old standard deviation


def has_statistics(network: DepthNetwork) -> bool:
    """Whether there is anything to take anew."""
    return bool(_norms(network))


def needs_origin(network: DepthNetwork) -> bool:
    """Whether frames of the training's kind have to be measured too."""
    return any(isinstance(norm, FixedNorm) for norm in _norms(network).values())


@torch.no_grad()
def take_statistics(
    network: DepthNetwork, frames: Tensor, *, origin: Tensor | None = None
) -> StatisticsChange:
    """Set the statistics of every norm to those of these frames, in place.

    Args:
        network: in evaluation mode.
        frames: `[b c h w]` in [0, 1], of the camera that it is to be used on.
        origin: `[b c h w]` of the kind that it was trained on; needed where `needs_origin`.

    Raises:
        WeightsError: for a network without such statistics.
    """
    norms = _norms(network)
    if not norms:
        raise WeightsError(
            "this network norms every image by itself, so it holds no statistics that frames could have"
        )
    assert not network.training, "statistics are of the network as it predicts"
    measured: dict[str, ChannelStatistics] = {}
    if needs_origin(network):
        assert origin is not None, "a fixed norm's constants are not the statistics of its input"
        with _seeing(norms, measured.__setitem__):
            _run(network, origin)
    moved: dict[str, tuple[float, float]] = {}  # layer -> (shift, spread)
    channels = 0

    def move(name: str, after: ChannelStatistics) -> None:
        nonlocal channels
        norm = norms[name]
        if isinstance(norm, FixedNorm):
            before = measured[name]
            _set_fixed(norm, before, after)
        else:
            before = ChannelStatistics(*(t.clone() for t in _buffers(norm)))
            for buffer, value in zip(_buffers(norm), after, strict=True):
                buffer.copy_(value)
        sd = (before.variance + _epsilon(norm)).sqrt()
        shift = (after.mean - before.mean).abs() / sd
        spread = (after.variance + _epsilon(norm)).sqrt() / sd
        moved[name] = float(shift.median()), float(spread.median())
        channels += sd.numel()

    with _seeing(norms, move):
        _run(network, frames)
    layer = max(moved, key=lambda name: moved[name][0])
    return StatisticsChange(
        layers=len(moved),
        channels=channels,
        layer=layer,
        shift=moved[layer][0],
        spread=moved[layer][1],
    )


def _run(network: DepthNetwork, image: Tensor) -> None:
    """The lens enters behind the last norm, so any will do."""
    with unfolded(network):
        network(image, torch.ones(len(image)))


def _norms(network: DepthNetwork) -> _Norms:
    return {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, FixedNorm)
        or (isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is not None)
    }


@contextmanager
def _seeing(norms: _Norms, see: Callable[[str, ChannelStatistics], Any]) -> Iterator[None]:
    """Hand each norm's statistics to `see`, right before the norm is computed."""

    def hook(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def before(_norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            (x,) = inputs
            variance, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0)
            see(name, ChannelStatistics(mean, variance))

        return before

    handles = [norm.register_forward_pre_hook(hook(name)) for name, norm in norms.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _set_fixed(norm: FixedNorm, before: ChannelStatistics, after: ChannelStatistics) -> None:
    """So that inputs like `after` leave the norm as inputs like `before` did."""
    epsilon = norm.epsilon
    ratio_squared = (after.variance + epsilon) / (before.variance + epsilon)
    norm.mean.copy_(after.mean - ratio_squared.sqrt() * (before.mean - norm.mean))
    norm.variance.copy_((norm.variance + epsilon) * ratio_squared - epsilon)


def _buffers(norm: nn.Module) -> tuple[Tensor, Tensor]:
    buffers: Mapping[str, Tensor] = dict(norm.named_buffers())
    return buffers["running_mean"], buffers["running_var"]


def _epsilon(norm: nn.Module) -> float:
    return norm.epsilon if isinstance(norm, FixedNorm) else float(norm.eps)  # type: ignore[arg-type]
