"""MobileNetV2 and EfficientNet-lite0 as plain torch pyramids: nothing but convolutions, norms and ReLU6.

Inverted residual blocks (Sandler et al., MobileNetV2, CVPR 2018): a pointwise convolution widens, a depthwise
one looks about, a pointwise one narrows without an activation. EfficientNet-lite0 (Tan and Le, ICML 2019, in
the form for phones, without squeeze-and-excitation) is the same block in other sizes, with TensorFlow's
padding.

Published weights bring the statistics of their photographs. Those are held fixed: a batch of thermal
frames, or of rendered ones, has other statistics than the frames that a model meets later, and a network
that has learnt to lean on them sees less there (docs/log.md has the figures).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Stage:
    """Blocks of one width; the first one strides."""

    expansion: int
    channels: int
    blocks: int
    stride: int
    kernel: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class InvertedResidualConfig:
    """One architecture of the family."""

    stem: int
    stages: tuple[Stage, ...]
    outputs: tuple[
        int, ...
    ]  # indices of the stages whose last map the decoder gets: strides 2 to 32
    padding: Literal["symmetric", "tensorflow"]
    norm_epsilon: float


MOBILENETV2 = InvertedResidualConfig(
    stem=32,
    stages=(
        Stage(1, 16, 1, 1),
        Stage(6, 24, 2, 2),
        Stage(6, 32, 3, 2),
        Stage(6, 64, 4, 2),
        Stage(6, 96, 3, 1),
        Stage(6, 160, 3, 2),
        Stage(6, 320, 1, 1),
    ),
    outputs=(0, 1, 2, 4, 6),
    padding="symmetric",
    norm_epsilon=1e-5,
)

EFFICIENTNET_LITE0 = InvertedResidualConfig(
    stem=32,
    stages=(
        Stage(1, 16, 1, 1),
        Stage(6, 24, 2, 2),
        Stage(6, 40, 2, 2, 5),
        Stage(6, 80, 3, 2),
        Stage(6, 112, 3, 1, 5),
        Stage(6, 192, 4, 2, 5),
        Stage(6, 320, 1, 1),
    ),
    outputs=(0, 1, 2, 4, 6),
    padding="tensorflow",
    norm_epsilon=1e-3,
)


class FixedNorm(nn.Module):
    """Batch normalisation whose statistics are constants; factor and offset still learn.

    Being linear, it is folded into the convolution before it, in training too: a pass over every map less
    in each direction, three quarters of the time. Within `unfolded` it is a step of its own.

    Without published statistics they are 0 and 1, and the layer is a plain factor and offset.
    """

    mean: Tensor
    variance: Tensor
    folded = True

    def __init__(self, channels: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))
        self.epsilon = epsilon

    def factor_and_offset(self) -> tuple[Tensor, Tensor]:
        """`[channels]` each: the layer is x * factor + offset."""
        factor = self.weight * torch.rsqrt(self.variance + self.epsilon)
        return factor, self.bias - self.mean * factor

    def forward(self, x: Tensor) -> Tensor:
        factor, offset = (v[:, None, None] for v in self.factor_and_offset())
        return x * factor + offset


@contextmanager
def unfolded(network: nn.Module) -> Iterator[None]:
    """Every fixed norm of a network is called for itself, so that hooks see what enters and leaves it."""
    norms = [module for module in network.modules() if isinstance(module, FixedNorm)]
    for norm in norms:
        norm.folded = False
    try:
        yield
    finally:
        for norm in norms:
            norm.folded = True


class Convolution(nn.Module):
    """Convolution, norm and, but for the last one of a block, ReLU6."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        config: InvertedResidualConfig,
        *,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        activation: bool = True,
    ) -> None:
        super().__init__()
        self.total = max(kernel - stride, 0) if config.padding == "tensorflow" else 0
        padding = 0 if self.total else kernel // 2
        self.convolution = nn.Conv2d(
            inputs, outputs, kernel, stride, padding, groups=groups, bias=False
        )
        self.norm = FixedNorm(outputs, config.norm_epsilon)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        if self.total:  # TensorFlow's "same": the odd pixel goes below and right
            before, after = self.total // 2, self.total - self.total // 2
            x = F.pad(x, (before, after, before, after))
        layer = self.convolution
        if self.norm.folded:
            factor, offset = self.norm.factor_and_offset()
            kernel = layer.weight * factor[:, None, None, None]
            x = F.conv2d(x, kernel, offset, layer.stride, layer.padding, groups=layer.groups)
        else:
            x = self.norm(layer(x))
        return F.relu6(x, inplace=True) if self.activation else x


class Block(nn.Module):
    """Widen, look about, narrow; added to its input where the sizes agree."""

    def __init__(
        self, inputs: int, stage: Stage, stride: int, config: InvertedResidualConfig
    ) -> None:
        super().__init__()
        hidden = inputs * stage.expansion
        layers = [] if stage.expansion == 1 else [Convolution(inputs, hidden, config)]
        layers.append(
            Convolution(hidden, hidden, config, kernel=stage.kernel, stride=stride, groups=hidden)
        )
        layers.append(Convolution(hidden, stage.channels, config, activation=False))
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == stage.channels

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


class InvertedResidualPyramid(nn.Module):
    """The backbone: an image in, five maps at strides 2, 4, 8, 16 and 32 out."""

    strides = (2, 4, 8, 16, 32)

    def __init__(self, config: InvertedResidualConfig, *, channels: int) -> None:
        super().__init__()
        self.config = config
        self.channels = [config.stages[i].channels for i in config.outputs]
        self.stem = Convolution(channels, config.stem, config, kernel=3, stride=2)
        self.stages = nn.ModuleList()
        width = config.stem
        for stage in config.stages:
            blocks = []
            for index in range(stage.blocks):
                blocks.append(Block(width, stage, stage.stride if index == 0 else 1, config))
                width = stage.channels
            self.stages.append(nn.Sequential(*blocks))

    def forward(self, image: Tensor) -> list[Tensor]:
        """`[b c h w]` -> maps `[b c' h/s w/s]`, finest first."""
        x = self.stem(image)
        maps = []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if index in self.config.outputs:
                maps.append(x)
        return maps
