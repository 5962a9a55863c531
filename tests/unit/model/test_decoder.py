"""The decoder: enlarging by learnt mixes, shapes, and where the image's detail enters."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from thermodepth.model.decoder import STRIDE, Decoder, LeanDecoder, MapHead, convex_upsample


def by_loops(value: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """`convex_upsample` of one map `[h w]` with weights `[9 16 h w]`, a pixel at a time."""
    h, w = value.shape
    fine = np.zeros((STRIDE * h, STRIDE * w))
    for y in range(STRIDE * h):
        for x in range(STRIDE * w):
            row, column = y // STRIDE, x // STRIDE
            logits = weights[:, STRIDE * (y % STRIDE) + x % STRIDE, row, column]
            shares = np.exp(logits) / np.exp(logits).sum()
            for k, share in enumerate(shares):
                near_row = min(max(row + k // 3 - 1, 0), h - 1)
                near_column = min(max(column + k % 3 - 1, 0), w - 1)
                fine[y, x] += share * value[near_row, near_column]
    return fine


def test_convex_upsampling_is_the_loop_over_pixels() -> None:
    rng = np.random.default_rng(0)
    value, weights = rng.normal(size=(2, 3, 5)), rng.normal(size=(2, 9, 16, 3, 5))
    fine = convex_upsample(
        torch.from_numpy(value)[:, None], torch.from_numpy(weights).reshape(2, 144, 3, 5)
    )
    assert fine.shape == (2, 12, 20)
    for image in range(2):
        np.testing.assert_allclose(fine[image], by_loops(value[image], weights[image]), rtol=1e-12)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_convex_upsampling_has_the_gradients_of_its_formula(
    memory_format: torch.memory_format,
) -> None:
    generator = torch.Generator().manual_seed(0)
    value, weights = (
        torch.randn(2, c, 3, 4, generator=generator, dtype=torch.float64)
        .contiguous(memory_format=memory_format)
        .requires_grad_()
        for c in (1, 144)
    )
    assert torch.autograd.gradcheck(convex_upsample, (value, weights), fast_mode=True)


def test_convex_upsampling_keeps_a_constant_and_stays_between_the_neighbours() -> None:
    generator = torch.Generator().manual_seed(0)
    weights = 20 * torch.randn(1, 144, 4, 6, generator=generator)
    flat = convex_upsample(torch.full((1, 1, 4, 6), -3.25), weights)
    torch.testing.assert_close(flat, torch.full((1, 16, 24), -3.25))

    value = torch.randn(1, 1, 4, 6, generator=generator)
    padded = torch.nn.functional.pad(value, (1, 1, 1, 1), mode="replicate")
    highest = torch.nn.functional.max_pool2d(padded, 3, 1)[:, 0]
    lowest = -torch.nn.functional.max_pool2d(-padded, 3, 1)[:, 0]
    fine = convex_upsample(value, weights)
    for bound, sign in ((highest, 1), (lowest, -1)):
        spread = bound.repeat_interleave(STRIDE, 1).repeat_interleave(STRIDE, 2)
        assert (sign * (fine - spread) <= 1e-6).all()


def test_convex_upsampling_can_put_an_edge_between_two_pixels() -> None:
    """Fine columns 0-1 of a coarse pixel copy it, columns 2-3 its right neighbour: no ramp."""
    weights = torch.full((9, 4, 4, 1, 2), -30.0)
    weights[4, :, :2] = 30.0  # the centre
    weights[5, :, 2:] = 30.0  # the neighbour on the right
    fine = convex_upsample(torch.tensor([[[[2.0, 8.0]]]]), weights.reshape(1, 144, 1, 2))
    torch.testing.assert_close(fine[0, 0], torch.tensor([2.0, 2, 8, 8, 8, 8, 8, 8]))


@pytest.mark.parametrize("upsampling", ["subpixel", "convex", "bilinear"])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_a_head_gives_one_value_per_fine_pixel(
    upsampling: str, memory_format: torch.memory_format
) -> None:
    torch.manual_seed(0)
    head = MapHead(8, upsampling=upsampling)
    features = torch.randn(2, 8, 5, 7)
    plain = head(features)
    assert plain.shape == (2, 20, 28)
    torch.testing.assert_close(head(features.to(memory_format=memory_format)), plain)


def test_a_bilinear_head_is_a_ramp_of_its_coarse_values() -> None:
    head = MapHead(8, upsampling="bilinear")
    with torch.no_grad():
        head.hidden.weight.zero_()
        head.hidden.bias.zero_()
        head.value.bias.fill_(1.5)
    torch.testing.assert_close(head(torch.randn(1, 8, 2, 3)), torch.full((1, 8, 12), 1.5))


def test_a_subpixel_head_adds_its_own_value_to_every_fine_pixel() -> None:
    head = MapHead(8, upsampling="subpixel")
    with torch.no_grad():
        for convolution in (head.hidden, head.value, head.detail):
            convolution.weight.zero_()
            convolution.bias.zero_()
        head.value.bias.fill_(10.0)
        head.detail.bias.copy_(torch.arange(16.0))
    block = 10 + torch.arange(16.0).reshape(4, 4)
    torch.testing.assert_close(head(torch.randn(1, 8, 2, 3))[0], block.repeat(2, 3))


def test_the_decoder_fuses_any_pyramid_at_stride_four() -> None:
    torch.manual_seed(0)
    image = torch.randn(2, 1, 64, 96)
    pyramid = [torch.randn(2, c, 64 // s, 96 // s) for c, s in ((6, 4), (8, 8), (10, 16), (12, 32))]
    assert Decoder([6, 8, 10, 12], 1, 8)(pyramid, image).shape == (2, 8, 16, 24)
    plain = [torch.randn(2, 6, 4, 6) for _ in range(4)]  # a transformer: one stride throughout
    assert Decoder([6] * 4, 1, 8)(plain, image).shape == (2, 8, 16, 24)


def test_single_pixels_of_the_image_reach_the_decoder() -> None:
    """The 4x4 blocks are unshuffled, not averaged: two images with equal block means differ."""
    torch.manual_seed(0)
    decoder = Decoder([6], 1, 8).eval()
    features = [torch.randn(1, 6, 4, 4)]
    stripes = torch.tensor([1.0, -1.0]).repeat(8).expand(1, 1, 16, 16)
    with torch.inference_mode():
        apart = decoder(features, stripes) - decoder(features, -stripes)
    assert apart.abs().max() > 1e-3


def test_the_convex_mix_starts_as_bilinear_enlargement() -> None:
    """From random weights each of the 16 places of a cell starts apart, and stays apart as dots."""
    torch.manual_seed(0)
    head = MapHead(8, upsampling="convex")
    x = torch.randn(2, 8, 5, 7)
    with torch.no_grad():
        value = head.value(torch.relu(head.hidden(x)))
        bilinear = torch.nn.functional.interpolate(
            value, scale_factor=4, mode="bilinear", align_corners=False
        )[:, 0]
        spread = float(value.max() - value.min())
        assert (head(x) - bilinear).abs().max() < 0.02 * spread
    head(x).sum().backward()
    assert head.weights.weight.grad is not None
    assert head.weights.weight.grad.abs().max() > 0


@pytest.mark.parametrize("fine_channels", [0, 6])
def test_the_lean_decoder_reads_every_map_and_no_other_image_of_the_batch(
    fine_channels: int,
) -> None:
    decoder = LeanDecoder([8, 12, 16, 20], 1, 16, fine_channels)
    sizes = [(8, 8, 12), (12, 4, 6), (16, 2, 3), (20, 1, 2)]
    if fine_channels:
        sizes.insert(0, (fine_channels, 16, 24))
    features = [torch.randn(3, *size, requires_grad=True) for size in sizes]
    image = torch.randn(3, 1, 32, 48, requires_grad=True)
    decoded = decoder(features, image)
    assert decoded.shape == (3, 16, 8, 12)
    gradients = torch.autograd.grad(decoded[1].sum(), [*features, image])
    for gradient in gradients:
        assert (gradient[1] != 0).any()
        assert (gradient[[0, 2]] == 0).all()
    # In training as after it, with the others as alone: nothing is normed by a batch.
    alone = decoder.eval()([f[1:2] for f in features], image[1:2])
    torch.testing.assert_close(alone, decoded[1:2], rtol=1e-4, atol=1e-5)
