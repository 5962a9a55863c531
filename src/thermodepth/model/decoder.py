"""From a feature pyramid back to full-resolution maps, cheaply and with sharp edges.

Features are fused top-down at stride 4, where depthwise-separable convolutions cost little. What a
stride-4 map has lost is brought back twice: the image itself enters the last stage unshuffled (each 4x4
block of pixels as 16 channels, so nothing is averaged away), and the map is enlarged by a learnt convex
combination of its 3x3 neighbours for every fine pixel (Teed and Deng, RAFT, ECCV 2020), which lets an
edge fall between two pixels where a bilinear ramp cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIDE = 4  # of the last decoder stage
GROUPS = 8  # of channels that are normed together
Norm = Callable[[int], nn.Module]  # a layer for so many channels
_FLOOR = 1e-3  # of a weight at the start: 0 could not grow


class SeparableBlock(nn.Module):
    """Residual depthwise 5x5 and pointwise convolution."""

    def __init__(self, width: int, norm: Norm = nn.BatchNorm2d) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 5, padding=2, groups=width, bias=False)
        self.norm = norm(width)
        self.expand = nn.Conv2d(width, 2 * width, 1)
        self.project = nn.Conv2d(2 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.relu(self.expand(self.norm(self.depthwise(x))))
        mixed: Tensor = self.project(hidden)
        return x + mixed


class Decoder(nn.Module):
    """Feature maps and the image -> one feature map `[b width h/4 w/4]`."""

    def __init__(self, encoder_channels: Sequence[int], image_channels: int, width: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(c, width, 1) for c in encoder_channels)
        self.blocks = nn.ModuleList(SeparableBlock(width) for _ in encoder_channels)
        self.detail = nn.Sequential(
            nn.Conv2d(image_channels * STRIDE**2, width // 2, 3, padding=1, bias=False),
            nn.BatchNorm2d(width // 2),
            nn.ReLU(inplace=True),
        )
        self.merge = nn.Conv2d(width + width // 2, width, 1)
        self.finish = SeparableBlock(width)

    def forward(self, features: Sequence[Tensor], image: Tensor) -> Tensor:
        target = (image.shape[-2] // STRIDE, image.shape[-1] // STRIDE)
        x: Tensor | None = None
        for feature, lateral, block in zip(
            reversed(features), reversed(self.lateral), reversed(self.blocks), strict=True
        ):
            side = lateral(feature)
            x = side if x is None else side + _resized(x, side.shape[-2:])
            x = block(x)
        assert x is not None
        # A plain transformer never reaches stride 4 by itself; a pyramid is there already.
        x = _resized(x, target)
        detail = self.detail(F.pixel_unshuffle(image, STRIDE))
        merged: Tensor = self.finish(self.merge(torch.cat([x, detail], dim=1)))
        return merged


def group_norm(channels: int) -> nn.Module:
    """Norms every image by itself: no statistics of a batch, in training or after."""
    return nn.GroupNorm(GROUPS, channels)


class LeanDecoder(nn.Module):
    """As `Decoder`, without batch statistics, in about 0.4 of its time.

    The costly resolution is visited once: stride 4 has one block in place of two. What an encoder sees at
    stride 2 enters there unshuffled, as the image does, so that its learnt edges reach the maps.
    """

    def __init__(
        self, encoder_channels: Sequence[int], image_channels: int, width: int, fine_channels: int
    ) -> None:
        super().__init__()
        self.fine_channels = fine_channels
        self.lateral = nn.ModuleList(nn.Conv2d(c, width, 1) for c in encoder_channels)
        self.blocks = nn.ModuleList(SeparableBlock(width, group_norm) for _ in encoder_channels[1:])
        if fine_channels:
            self.fine = nn.Conv2d(fine_channels * 4, width, 1)
        detail = width // 2 - width // 2 % GROUPS or GROUPS
        self.detail = nn.Sequential(
            nn.Conv2d(image_channels * STRIDE**2, detail, 3, padding=1, bias=False),
            group_norm(detail),
            nn.ReLU(inplace=True),
        )
        self.merge = nn.Conv2d(width + detail, width, 1)
        self.finish = SeparableBlock(width, group_norm)

    def forward(self, features: Sequence[Tensor], image: Tensor) -> Tensor:
        """As `Decoder`, the map at stride 2 first where the encoder has one."""
        target = (image.shape[-2] // STRIDE, image.shape[-1] // STRIDE)
        fine, pyramid = (features[0], features[1:]) if self.fine_channels else (None, features)
        x = self.lateral[-1](pyramid[-1])
        x = self.blocks[-1](x)
        for level in range(len(pyramid) - 2, -1, -1):
            side = self.lateral[level](pyramid[level])
            x = side + _resized(x, side.shape[-2:])
            if level > 0:
                x = self.blocks[level - 1](x)
        x = _resized(x, target)
        if fine is not None:
            x = x + self.fine(F.pixel_unshuffle(fine, 2))
        detail = self.detail(F.pixel_unshuffle(image, STRIDE))
        merged: Tensor = self.finish(self.merge(torch.cat([x, detail], dim=1)))
        return merged


class MapHead(nn.Module):
    """A feature map at stride 4 -> one value per pixel at full resolution, or several (bilinear only)."""

    def __init__(self, width: int, *, upsampling: str, maps: int | None = None) -> None:
        super().__init__()
        assert maps is None or upsampling == "bilinear", upsampling
        self.upsampling, self.maps = upsampling, maps
        self.hidden = nn.Conv2d(width, width // 2, 3, padding=1)
        self.value = nn.Conv2d(width // 2, maps or 1, 1)
        if upsampling == "subpixel":
            self.detail = nn.Conv2d(width // 2, STRIDE**2, 1)
            nn.init.zeros_(self.detail.weight)  # as below: no grid of dots to begin with
            self.detail.bias = nn.Parameter(torch.zeros(STRIDE**2))
        elif upsampling == "convex":
            self.weights = nn.Conv2d(width // 2, 9 * STRIDE**2, 1)
            # From random weights each of the 16 places of a coarse pixel starts with a mix of its own, and a
            # short training leaves that as a grid of dots. So the start is bilinear enlargement.
            nn.init.zeros_(self.weights.weight)
            self.weights.bias = nn.Parameter(_bilinear_logits())

    def forward(self, x: Tensor) -> Tensor:
        """`[b width h w]` -> `[b 4h 4w]`, or `[b maps 4h 4w]`."""
        hidden = F.relu(self.hidden(x))
        value = self.value(hidden)
        if self.upsampling == "convex":
            return convex_upsample(value, self.weights(hidden))
        fine = F.interpolate(value, scale_factor=STRIDE, mode="bilinear", align_corners=False)
        if self.upsampling == "subpixel":
            fine = fine + F.pixel_shuffle(self.detail(hidden), STRIDE)
        return fine[:, 0] if self.maps is None else fine


def _bilinear_logits() -> Tensor:
    """`[9 * 16]` logits under which `convex_upsample` is bilinear enlargement, neighbour-major."""
    place = (
        torch.arange(STRIDE) + 0.5
    ) / STRIDE - 0.5  # of fine pixels, in coarse ones from the middle one
    near = (1 - (place[None, :] - torch.tensor([-1.0, 0.0, 1.0])[:, None]).abs()).clamp(
        min=0
    )  # [3 4]
    weights = near[:, None, :, None] * near[None, :, None, :]  # [3 3 4 4]
    return weights.clamp(min=_FLOOR).log().reshape(-1)


def convex_upsample(value: Tensor, weights: Tensor) -> Tensor:
    """Enlarge `[b 1 h w]` fourfold; each fine pixel is a convex mix of the 3x3 coarse ones about it.

    Args:
        value: `[b 1 h w]`.
        weights: `[b 9*16 h w]` logits, neighbour-major.

    Returns:
        `[b 4h 4w]`.
    """
    b, _, h, w = value.shape
    # Channels last, as features lie in memory: the weights of a pixel are mixed where they are.
    mix = weights.permute(0, 2, 3, 1).reshape(b, h, w, 9, STRIDE**2).softmax(dim=3)
    padded = F.pad(value, (1, 1, 1, 1), mode="replicate")[:, 0]
    neighbours = torch.stack(
        [padded[:, dy : dy + h, dx : dx + w] for dy in range(3) for dx in range(3)], dim=3
    )
    fine = (mix * neighbours[..., None]).sum(dim=3).reshape(b, h, w, STRIDE, STRIDE)
    return fine.transpose(2, 3).reshape(b, STRIDE * h, STRIDE * w)


def _resized(x: Tensor, size: Sequence[int]) -> Tensor:
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)
