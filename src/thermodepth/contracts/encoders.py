"""What every encoder promises."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from thermodepth.contracts.contract import Contract, require
from thermodepth.model import DepthNetwork, ModelRecipe, ModelSettings, load_model, save_model
from thermodepth.model.encoders import EncoderRow
from thermodepth.model.network import build_network
from thermodepth.thermal import NormaliserSettings
from thermodepth.types import ThermalUnit

PYRAMID = [4, 8, 16, 32]


def settings_of(name: str, **changes: Any) -> ModelSettings:
    """A narrow network with fresh weights on this encoder."""
    fields = {"encoder": name, "weights": "none", "decoder_width": 16, "depth_range_m": (1.0, 80.0)}
    return ModelSettings(**{**fields, **changes})


@lru_cache(maxsize=4)
def network_of(row: EncoderRow, channels: int) -> DepthNetwork:
    """A network on the row at its full size, built once."""
    torch.manual_seed(0)
    return build_network(settings_of(row.name), channels=channels)


def lively(model: nn.Module, seed: int) -> None:
    """Weights under which features depend on the image: the libraries' own starts are all but flat."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            scale = max(parameter[0].numel(), 1) ** -0.5 if parameter.ndim > 1 else 0.5
            parameter.normal_(0, scale, generator=generator)


def describes_itself(row: EncoderRow) -> None:
    """It says in a line what it is."""
    require(10 < len(row.summary) < 110, f"summary = {row.summary!r}, expected 11 to 109 letters")


def maps_have_the_strides_and_channels_it_says(row: EncoderRow) -> None:
    """It gives four maps, at strides 4, 8, 16 and 32 or all at one, with the channels that it says."""
    for channels in (1, 3):
        encoder = network_of(row, channels).encoder.eval()
        rows, columns = 2 * encoder.stride, 3 * encoder.stride
        with torch.inference_mode():
            maps = encoder(torch.rand(2, channels, rows, columns))
        fine = [encoder.fine_channels] if encoder.fine_channels else []
        expected = [*fine, *encoder.channels]
        require(
            [m.shape[1] for m in maps] == expected, f"{[m.shape[1] for m in maps]}, said {expected}"
        )
        strides = [rows // m.shape[2] for m in maps]
        plain = [encoder.stride] * 4
        allowed = [[2, *PYRAMID]] if fine else [PYRAMID, plain]
        require(strides in allowed, f"strides {strides}, expected {' or '.join(map(str, allowed))}")
        for stride, features in zip(strides, maps, strict=True):
            shape = (2, features.shape[1], rows // stride, columns // stride)
            require(tuple(features.shape) == shape, f"{tuple(features.shape)}, expected {shape}")


def odd_sizes_reach_every_weight(row: EncoderRow) -> None:
    """Any size goes forward and backward, and every weight gets a finite gradient."""
    for size in ((97, 131), (64, 80)):
        network = network_of(row, 1).train()
        network.zero_grad()
        image = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(0))
        image = image.contiguous(memory_format=torch.channels_last)
        prediction = network(image)
        for name in ("structure", "log_depth"):
            shape = tuple(getattr(prediction, name).shape)
            require(shape == (1, *size), f"{name} of {shape} for an image of {size}")
        torch.autograd.backward(prediction.structure.square().mean() + prediction.log_depth.mean())
        # Distributed training waits for ever for a weight that no image reaches.
        without = [k for k, p in network.named_parameters() if p.requires_grad and p.grad is None]
        require(not without, f"no gradient at {', '.join(without[:3])}")
        for key, parameter in network.named_parameters():
            finite = parameter.grad is None or parameter.grad.isfinite().all()
            require(finite, f"the gradient at {key} is not finite")


def images_are_independent(row: EncoderRow) -> None:
    """In prediction an image has the features that it has alone."""
    encoder = network_of(row, 1).encoder.eval()
    images = torch.rand(
        2, 1, 2 * encoder.stride, 3 * encoder.stride, generator=torch.Generator().manual_seed(4)
    )
    with torch.inference_mode():
        for features, alone in zip(encoder(images), encoder(images[:1]), strict=True):
            same = torch.allclose(features[:1], alone, rtol=1e-4, atol=1e-4)
            require(same, "an image has other features beside another image")


def no_convolution_corrupts_the_heap(row: EncoderRow) -> None:
    """No 1x1 convolution of stride 2 with fewer than 16 channels, whose backward crashes in channels last."""
    # oneDNN of torch 2.13.
    for channels in (1, 3):
        for key, module in network_of(row, channels).named_modules():
            if isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1):
                safe = module.stride == (1, 1) or module.in_channels >= 16
                require(safe, f"{key}: {module.in_channels} channels, stride {module.stride}")


def saved_network_comes_back(row: EncoderRow) -> None:
    """A network that is saved and loaded gives the same maps to the bit."""
    torch.manual_seed(0)
    network = build_network(settings_of(row.name), channels=1)
    lively(network, seed=2)
    recipe = ModelRecipe(
        model=settings_of(row.name),
        modality="thermal",
        normaliser=NormaliserSettings(),
        trained_unit=ThermalUnit.COUNTS,
        working_size=(64, 80),
    )
    image = torch.rand(1, 1, 50, 70)
    with tempfile.TemporaryDirectory() as name:
        save_model(Path(name) / "model", network, recipe)
        with torch.inference_mode():
            before = network.eval()(image)
            after = load_model(Path(name) / "model").network(image)
    require(before.structure.std() > 0, "its features do not depend on the image")
    require(torch.equal(after.structure, before.structure), "another structure when loaded")
    require(torch.equal(after.log_depth, before.log_depth), "another depth when loaded")


class _Maps(nn.Module):
    """The two maps of a network: an exported graph gives tensors, not our record."""

    def __init__(self, network: DepthNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        prediction = self.network(image)
        return prediction.structure, prediction.log_depth


def exports_at_a_fixed_size(row: EncoderRow) -> None:
    """`torch.export` takes a network on it, and the exported one gives the same maps."""
    torch.manual_seed(0)
    network = build_network(settings_of(row.name), channels=1)
    lively(network, seed=3)
    maps = _Maps(network.eval())
    image = torch.rand(1, 1, 45, 64)
    exported = torch.export.export(maps, (image,)).module()
    with torch.inference_mode():
        for ours, theirs in zip(maps(image), exported(image), strict=True):
            require(torch.allclose(theirs, ours, rtol=1e-5, atol=1e-5), "other maps when exported")


#: On the row at its full size, and those that may be tried on a smaller one of its family.
FULL_SIZE_CONTRACTS: tuple[Contract[EncoderRow], ...] = (
    Contract(describes_itself),
    Contract(maps_have_the_strides_and_channels_it_says),
    Contract(odd_sizes_reach_every_weight),
    Contract(images_are_independent),
    Contract(no_convolution_corrupts_the_heap),
)
ANY_SIZE_CONTRACTS: tuple[Contract[EncoderRow], ...] = (
    Contract(saved_network_comes_back),
    Contract(exports_at_a_fixed_size),
)
ENCODER_CONTRACTS = (*FULL_SIZE_CONTRACTS, *ANY_SIZE_CONTRACTS)
