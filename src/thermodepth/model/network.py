"""The network: one image in, structural and metric depth out.

    structure = head_s(f)                                        affine-invariant inverse depth
    ln depth  = ln near + sigmoid(head_m(f)) (ln far - ln near)  bounded, in metres

with f the decoder's features of the image. The metric head speaks in logarithms because depth errors
are relative, and is bounded so that no training accident gives zero or a million metres.
"""

from __future__ import annotations

import math
from typing import Literal, Self

import torch
import torch.nn.functional as F
from pydantic import Field, field_validator, model_validator
from torch import Tensor, nn

from thermodepth.config import Settings
from thermodepth.errors import unknown
from thermodepth.model.decoder import STRIDE, Decoder, MapHead
from thermodepth.model.encoders import ENCODERS, Encoder, build_encoder
from thermodepth.types import Prediction

#: Mean and spread of a percentile-normalised frame, close to the grey of ImageNet's statistics, so
#: that pre-trained stems see what they know.
INPUT_MEAN, INPUT_STD = 0.45, 0.225


class ModelSettings(Settings):
    """The architecture and where its first weights come from."""

    encoder: str = "resnet-small"  # a row of ENCODERS
    #: `none`, `rgb-small` (the built-in teacher's encoder), a hub id, or a local folder.
    weights: str = "rgb-small"
    decoder_width: int = Field(64, ge=8, le=1024, multiple_of=2)
    upsampling: Literal["convex", "subpixel", "bilinear"] = "convex"
    depth_range_m: tuple[float, float] | None = None  # None takes the data set's

    @field_validator("encoder")
    @classmethod
    def _known_encoder(cls, name: str) -> str:
        if name not in ENCODERS:
            raise ValueError(unknown("encoder", name, ENCODERS))
        return name

    @model_validator(mode="after")
    def _range_is_a_range(self) -> Self:
        if self.depth_range_m is not None:
            near, far = self.depth_range_m
            if not 0 < near < far:
                raise ValueError(f"depth_range_m {near}..{far}: expected 0 < near < far, in metres")
        return self


class DepthNetwork(nn.Module):
    """Encoder, decoder and the two heads."""

    def __init__(
        self,
        encoder: Encoder,
        *,
        channels: int,
        decoder_width: int,
        upsampling: str,
        depth_range_m: tuple[float, float],
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = Decoder(encoder.channels, channels, decoder_width)
        self.structure_head = MapHead(decoder_width, upsampling=upsampling)
        self.metric_head = MapHead(decoder_width, upsampling=upsampling)
        self.multiple = math.lcm(encoder.stride, STRIDE)
        near, far = depth_range_m
        self.log_near, self.log_span = math.log(near), math.log(far / near)

    def forward(self, image: Tensor) -> Prediction:
        """`[b c h w]` in [0, 1], any size -> two maps `[b h w]`."""
        height, width = image.shape[-2:]
        x = (image - INPUT_MEAN) / INPUT_STD
        # Sizes that the encoder cannot divide are padded below and right with the edge's own pixels.
        below, right = -height % self.multiple, -width % self.multiple
        if below or right:
            x = F.pad(x, (0, right, 0, below), mode="replicate")
        features = self.decoder(self.encoder(x), x)
        # In float32 whatever autocast does: half precision steps by 2 mm at 4 m in log depth.
        with torch.autocast(device_type=image.device.type, enabled=False):
            features = features.float()
            structure = self.structure_head(features)[:, :height, :width]
            share = torch.sigmoid(self.metric_head(features)[:, :height, :width])
        return Prediction(structure=structure, log_depth=self.log_near + share * self.log_span)


def build_network(settings: ModelSettings, *, channels: int) -> DepthNetwork:
    """The architecture with fresh weights (`settings.weights` is applied by `initialise`).

    The same torch seed gives the same weights.
    """
    assert settings.depth_range_m is not None, "resolve the depth range before building"
    return DepthNetwork(
        build_encoder(settings.encoder, channels=channels),
        channels=channels,
        decoder_width=settings.decoder_width,
        upsampling=settings.upsampling,
        depth_range_m=settings.depth_range_m,
    )


def parameter_count(network: nn.Module) -> int:
    """Trainable numbers."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
