"""Residual networks as plain torch pyramids: the backbones that transformers builds from a `ResNetConfig`.

Two 3x3 convolutions beside a way around them (He et al., CVPR 2016, arXiv 1512.03385). Names of weights,
the first weights that a seed draws, and maps are those of transformers' `ResNetBackbone` with layers of
type `basic`: what was trained through it loads here. Its imports take longer than a prediction.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualConfig:
    """One architecture of the family."""

    stem: int  # channels of the first convolution
    sizes: tuple[int, ...]  # channels of the stages: strides 4, 8, 16 and 32
    depths: tuple[int, ...]  # blocks of the stages


RESNET_SMALL = ResidualConfig(stem=32, sizes=(32, 64, 96, 160), depths=(1, 1, 2, 1))
RESNET18 = ResidualConfig(stem=64, sizes=(64, 128, 256, 512), depths=(2, 2, 2, 2))


class Convolution(nn.Module):
    """Convolution, batch norm and, where asked for, ReLU."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, *, activation: bool = False
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.normalization = nn.BatchNorm2d(outputs)
        self.activation = nn.ReLU() if activation else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.activation(self.normalization(self.convolution(x)))
        return y


class Block(nn.Module):
    """Two convolutions, added to the input, or to a projection of it where the sizes differ."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else Convolution(inputs, outputs, 1, stride)
        self.layer = nn.Sequential(
            Convolution(inputs, outputs, 3, stride, activation=True),
            Convolution(outputs, outputs, 3),
        )
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.activation(self.layer(x) + self.shortcut(x))
        return y


class Stage(nn.Module):
    """Blocks of one width; the first one strides."""

    def __init__(self, inputs: int, outputs: int, stride: int, depth: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            Block(inputs, outputs, stride), *(Block(outputs, outputs, 1) for _ in range(depth - 1))
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return y


class Stem(nn.Module):
    """A wide convolution and a pooling: stride 4."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.embedder = Convolution(channels, width, 7, 2, activation=True)
        self.pooler = nn.MaxPool2d(3, 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        x: Tensor = self.pooler(self.embedder(image))
        return x


class Stages(nn.Module):
    """The four stages, each a map."""

    def __init__(self, config: ResidualConfig) -> None:
        super().__init__()
        widths = (config.stem, *config.sizes[:-1])
        strides = (1, *(2 for _ in config.sizes[1:]))
        self.stages = nn.ModuleList(
            Stage(*shape)
            for shape in zip(widths, config.sizes, strides, config.depths, strict=True)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


class ResidualPyramid(nn.Module):
    """The backbone: an image in, four maps at strides 4, 8, 16 and 32 out."""

    strides = (4, 8, 16, 32)

    def __init__(self, config: ResidualConfig, *, channels: int) -> None:
        super().__init__()
        assert len(config.sizes) == len(config.depths) == len(self.strides), config
        self.channels = list(config.sizes)
        self.embedder = Stem(channels, config.stem)
        self.encoder = Stages(config)
        for module in self.modules():
            # On the meta device there is nothing to draw, and trying to loads torch._dynamo for seconds.
            if isinstance(module, nn.Conv2d) and not module.weight.is_meta:
                # Drawn twice, as transformers does: a seed keeps the first weights that it always had.
                nn.init.normal_(module.weight, 0.0, 0.02)
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, image: Tensor) -> list[Tensor]:
        """`[b c h w]` -> maps `[b c' h/s w/s]`, finest first."""
        maps: list[Tensor] = self.encoder(self.embedder(image))
        return maps
