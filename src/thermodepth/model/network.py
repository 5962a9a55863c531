"""The network: one image in, structural and metric depth out.

    structure = head_s(f)                                        affine-invariant inverse depth
    ln depth  = ln near + sigmoid(head_m(f)) (ln far - ln near)  bounded, in metres

with f the decoder's features of the image. The metric head speaks in logarithms because depth errors
are relative, and is bounded so that no training accident gives zero or a million metres.

An object of a size at a distance looks the same through a lens of twice the focal length at twice the
distance, so metres cannot be read off a picture alone. A network with `focal_px` sees every picture as if
its lens had that focal length, and its metres are brought to the true one (as Metric3D does: Yin et al.,
ICCV 2023, arXiv 2307.10984):

    ln depth = ln canonical depth + ln (focal length of the image / focal_px)

where both count pixels of the image that the network is given.

Two more heads are optional. `sky` says where nothing was hit. `relative_error` says how far off ln depth
is: it reads the features without a way back, so learning it moves neither map.
"""

from __future__ import annotations

import json
import math
from functools import lru_cache
from typing import ClassVar, Literal, Self

import torch
import torch.nn.functional as F
from pydantic import Field, JsonValue, field_validator, model_validator
from torch import Tensor, nn

from thermodepth.config import Settings
from thermodepth.errors import unknown
from thermodepth.model.auto_backbone import is_auto
from thermodepth.model.decoder import GROUPS, STRIDE, Decoder, LeanDecoder, MapHead
from thermodepth.model.encoders import ENCODERS, Encoder, build_encoder
from thermodepth.types import ERROR_LEVELS, Prediction

#: Mean and spread of a percentile-normalised frame, close to the grey of ImageNet's statistics, so
#: that pre-trained stems see what they know.
INPUT_MEAN, INPUT_STD = 0.45, 0.225


class ModelSettings(Settings):
    """The architecture and where its first weights come from."""

    encoder: str = "resnet-small"  # a row of ENCODERS, or auto:ID of a backbone of transformers
    #: Of an `auto:` encoder its architecture, which is filled in where a training begins.
    encoder_config: dict[str, JsonValue] | None = None
    #: `none`; a model of ours, built in, a run or a model folder (all of one that reads the same, the
    #: encoder of one that reads RGB); or an encoder alone, by a hub id or a local folder.
    weights: str = "rgb-small"
    #: `separable`: batch norms, two blocks at stride 4. `lean`: group norms, one block there.
    decoder: Literal["separable", "lean"] = "separable"
    decoder_width: int = Field(64, ge=8, le=1024, multiple_of=2)
    sky: bool = False  # a head that tells sky from everything else
    relative_error: bool = False  # a head that gives the error to expect of each pixel's depth
    upsampling: Literal["convex", "subpixel", "bilinear"] = "convex"
    #: What the metric head can say; None takes the data set's. With `focal_px` in canonical metres.
    depth_range_m: tuple[float, float] | None = None
    #: The focal length, in pixels of its input, that the network takes every lens for; None: it is told
    #: nothing of the lens, and its metres hold for the one that it was trained with.
    focal_px: float | None = Field(None, ge=1, le=100_000)

    later: ClassVar[frozenset[str]] = frozenset(
        {"encoder_config", "decoder", "sky", "relative_error", "focal_px"}
    )

    @field_validator("encoder")
    @classmethod
    def _known_encoder(cls, name: str) -> str:
        if name not in ENCODERS and not is_auto(name):
            raise ValueError(unknown("encoder", name, ENCODERS))
        return name

    @model_validator(mode="after")
    def _groups_divide(self) -> Self:
        if self.decoder == "lean" and self.decoder_width % GROUPS:
            raise ValueError(
                f"decoder_width {self.decoder_width} with decoder=lean: expected a multiple of {GROUPS}"
            )
        return self

    @model_validator(mode="after")
    def _range_is_a_range(self) -> Self:
        if self.depth_range_m is not None:
            near, far = self.depth_range_m
            if not 0 < near < far:
                raise ValueError(f"depth_range_m {near}..{far}: expected 0 < near < far, in metres")
        return self


class DepthNetwork(nn.Module):
    """Encoder, decoder and the heads."""

    def __init__(self, encoder: Encoder, settings: ModelSettings, *, channels: int) -> None:
        super().__init__()
        width = settings.decoder_width
        self.encoder = encoder
        self.decoder = (
            LeanDecoder(encoder.channels, channels, width, encoder.fine_channels)
            if settings.decoder == "lean"
            else Decoder(encoder.channels, channels, width)
        )
        self.first_map = 0 if settings.decoder == "lean" or not encoder.fine_channels else 1
        self.structure_head = MapHead(width, upsampling=settings.upsampling)
        self.metric_head = MapHead(width, upsampling=settings.upsampling)
        self.sky_head = MapHead(width, upsampling="subpixel") if settings.sky else None
        self.error_head = (
            MapHead(width, upsampling="bilinear", maps=len(ERROR_LEVELS))
            if settings.relative_error
            else None
        )
        self.multiple = math.lcm(encoder.stride, STRIDE)
        assert settings.depth_range_m is not None, "resolve the depth range before building"
        near, far = settings.depth_range_m
        self.log_near, self.log_span = math.log(near), math.log(far / near)
        self.focal_px = settings.focal_px

    def forward(self, image: Tensor, focal_px: Tensor | None = None) -> Prediction:
        """The maps of each image.

        Args:
            image: `[b c h w]` in [0, 1], any size.
            focal_px: `[b]` focal length in pixels of these images; a network that knows no lens ignores it.

        Returns:
            Maps `[b h w]`, depth in true metres.
        """
        height, width = image.shape[-2:]
        x = (image - INPUT_MEAN) / INPUT_STD
        # Sizes that the encoder cannot divide are padded below and right with the edge's own pixels.
        below, right = -height % self.multiple, -width % self.multiple
        if below or right:
            x = F.pad(x, (0, right, 0, below), mode="replicate")
        features = self.decoder(self.encoder(x)[self.first_map :], x)
        # In float32 whatever autocast does: half precision steps by 2 mm at 4 m in log depth.
        with torch.autocast(device_type=image.device.type, enabled=False):
            features = features.float()
            structure = self.structure_head(features)[..., :height, :width]
            share = torch.sigmoid(self.metric_head(features)[..., :height, :width])
            log_depth = self.log_near + share * self.log_span
            if self.focal_px is not None:
                assert focal_px is not None, "the metres of this network need the focal length"
                log_depth = log_depth + (focal_px.float() / self.focal_px).log()[:, None, None]
            sky = error = None
            if self.sky_head is not None:
                sky = self.sky_head(features)[..., :height, :width]
            if self.error_head is not None:
                error = self.error_head(features.detach())[..., :height, :width]
        return Prediction(
            structure=structure,
            log_depth=log_depth,
            sky_logit=sky,
            log_error=error,
        )


def build_network(settings: ModelSettings, *, channels: int) -> DepthNetwork:
    """The architecture with fresh weights (`settings.weights` is applied by `initialise`).

    The same torch seed gives the same weights.
    """
    return DepthNetwork(
        build_encoder(settings.encoder, channels=channels, config=settings.encoder_config),
        settings,
        channels=channels,
    )


def has_batch_norms(settings: ModelSettings) -> bool:
    """Whether a network of this architecture has statistics of batches."""
    tree = settings.encoder_config
    config = None if tree is None else json.dumps(tree)
    return settings.decoder == "separable" or _encoder_has_batch_norms(settings.encoder, config)


@lru_cache(maxsize=32)
def _encoder_has_batch_norms(name: str, config: str | None) -> bool:
    tree = json.loads(config) if config else None
    with torch.device("meta"):
        encoder = build_encoder(name, channels=1, config=tree)
    return any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in encoder.modules())


def parameter_count(network: nn.Module) -> int:
    """Trainable numbers."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
