"""The network: any size in, bounded depth out, the same answer every time."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from thermodepth.errors import SettingsError
from thermodepth.model import DepthNetwork, ModelSettings, initialise, parameter_count
from thermodepth.model.encoders import build_encoder

NetworkOf = Callable[..., DepthNetwork]
SettingsOf = Callable[..., ModelSettings]


@pytest.mark.parametrize("upsampling", ["subpixel", "convex", "bilinear"])
@pytest.mark.parametrize("size", [(1, 1), (7, 130), (32, 32), (33, 64), (97, 131), (160, 8)])
def test_any_size_gives_maps_of_that_size_within_the_depth_range(
    size: tuple[int, int], upsampling: str, network_of: NetworkOf
) -> None:
    network = network_of(upsampling=upsampling).eval()
    with torch.no_grad():
        network.metric_head.value.weight.mul_(1e4)  # a head that shouts
        prediction = network(torch.rand(2, 1, *size))
    assert prediction.structure.shape == prediction.log_depth.shape == (2, *size)
    assert prediction.structure.isfinite().all()
    assert prediction.depth_m.min() >= 2.0 * (1 - 1e-5)
    assert prediction.depth_m.max() <= 50.0 * (1 + 1e-5)


def test_the_metric_head_speaks_in_the_logarithm_of_metres(network_of: NetworkOf) -> None:
    network = network_of(upsampling="bilinear").eval()
    with torch.no_grad():
        network.metric_head.value.weight.zero_()
        for logit, depth_m in ((-50.0, 2.0), (0.0, 10.0), (50.0, 50.0)):  # sqrt(2 * 50) = 10
            network.metric_head.value.bias.fill_(logit)
            actual = network(torch.rand(1, 1, 32, 32)).depth_m
            torch.testing.assert_close(actual, torch.full((1, 32, 32), depth_m))


def test_what_is_padded_changes_nothing_far_away(network_of: NetworkOf) -> None:
    """A frame that is continued by its own edge pixels is the padded frame."""
    network = network_of().eval()
    image = torch.rand(1, 1, 50, 70)
    by_hand = torch.nn.functional.pad(image, (0, 26, 0, 14), mode="replicate")  # 64 x 96
    with torch.inference_mode():
        actual, expected = network(image), network(by_hand)
    torch.testing.assert_close(actual.log_depth, expected.log_depth[:, :50, :70])
    torch.testing.assert_close(actual.structure, expected.structure[:, :50, :70])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_leaves_the_heads_in_float32(
    dtype: torch.dtype, network_of: NetworkOf
) -> None:
    network = network_of().eval()
    observed: dict[str, set[torch.dtype]] = {"encoder": set(), "heads": set()}

    def watch(part: str) -> Callable[..., None]:
        return lambda _module, _inputs, output: observed[part].add(output.dtype)

    network.encoder.backbone.embedder.embedder.convolution.register_forward_hook(watch("encoder"))
    for head in (network.structure_head, network.metric_head):
        for part in head.children():
            part.register_forward_hook(watch("heads"))
    image = torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        full = network(image)
        observed["encoder"].clear()
        with torch.autocast("cpu", dtype=dtype):
            half = network(image)
    assert observed == {"encoder": {dtype}, "heads": {torch.float32}}
    assert half.log_depth.dtype == half.structure.dtype == torch.float32
    torch.testing.assert_close(half.log_depth, full.log_depth, rtol=0.02, atol=0.02)


def test_in_evaluation_images_are_independent_and_answers_repeat(network_of: NetworkOf) -> None:
    network = network_of().eval()
    images = torch.rand(3, 1, 64, 80)
    with torch.inference_mode():
        together = network(images)
        again = network(images)
        torch.testing.assert_close(together.structure, again.structure, rtol=0, atol=0)
        torch.testing.assert_close(together.log_depth, again.log_depth, rtol=0, atol=0)
        for i in range(3):
            alone = network(images[i : i + 1])
            torch.testing.assert_close(alone.log_depth[0], together.log_depth[i])
            torch.testing.assert_close(alone.structure[0], together.structure[i])


def test_the_seed_decides_the_weights(settings_of: SettingsOf) -> None:
    def weights(seed: int) -> torch.Tensor:
        network = initialise(settings_of(), channels=1, seed=seed)
        return torch.cat([p.detach().flatten() for p in network.parameters()])

    first = weights(3)
    torch.rand(7)  # what ran before does not matter
    assert torch.equal(weights(3), first)
    assert not torch.equal(weights(4), first)


def test_both_heads_and_the_encoder_learn(network_of: NetworkOf) -> None:
    network = network_of()
    network(torch.rand(2, 1, 64, 64)).structure.square().mean().backward()
    assert all(p.grad is None for p in network.metric_head.parameters())
    for part in (network.structure_head, network.decoder, network.encoder):
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters())


def test_parameters_are_counted_where_they_learn(network_of: NetworkOf) -> None:
    network = network_of()
    total = sum(p.numel() for p in network.parameters())
    assert parameter_count(network) == total
    network.metric_head.value.weight.requires_grad_(False)
    assert parameter_count(network) == total - 8  # 16 / 2 channels to one value


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ({"decoder_width": 15}, "decoder_width"),
        ({"decoder_width": 4}, "decoder_width"),
        ({"upsampling": "nearest"}, "upsampling"),
        ({"depth_range_m": [5.0, 5.0]}, r"expected 0 < near < far"),
        ({"depth_range_m": [0.0, 5.0]}, r"expected 0 < near < far"),
        ({"encoders": "resnet18"}, "did you mean 'encoder'"),
    ],
)
def test_impossible_architectures_are_refused(
    edits: dict[str, object], message: str, settings_of: SettingsOf
) -> None:
    with pytest.raises(SettingsError, match=message):
        settings_of().edit(edits)


def test_the_depth_range_is_kept_to_the_bit(network_of: NetworkOf) -> None:
    network = network_of(depth_range_m=(0.3, 80.0))
    assert network.log_near == math.log(0.3)
    assert network.log_near + network.log_span == pytest.approx(math.log(80.0), abs=1e-12)


def test_the_optional_heads_are_there_when_asked_for(
    network_of: NetworkOf,
) -> None:
    image = torch.rand(2, 1, 50, 70)
    plain = network_of()(image)
    assert plain.sky_logit is None
    assert plain.log_error is None
    both = network_of(sky=True, relative_error=True)(image)
    assert both.sky_logit is not None
    assert both.sky_logit.shape == (2, 50, 70)
    assert both.log_error is not None
    assert both.log_error.shape == (2, 2, 50, 70)


def test_learning_the_expected_error_moves_neither_map(
    network_of: NetworkOf,
) -> None:
    network = network_of(sky=True, relative_error=True)
    prediction = network(torch.rand(2, 1, 64, 64))
    assert prediction.log_error is not None
    prediction.log_error.sum().backward()
    reached = {name for name, p in network.named_parameters() if p.grad is not None}
    assert reached
    assert all(name.startswith("error_head.") for name in reached)


# --- the lens ------------------------------------------------------------------------------------


def test_metres_grow_with_the_focal_length(network_of: NetworkOf) -> None:
    network = network_of(focal_px=150.0).eval()
    image = torch.rand(1, 1, 48, 64).expand(4, -1, -1, -1)
    focal_px = torch.tensor([75.0, 150.0, 300.0, 2000.0])
    with torch.inference_mode():
        actual = network(image, focal_px)
        canonical = network_of().eval()(image)  # the same weights, told nothing
    ratio = (focal_px / 150)[:, None, None]
    torch.testing.assert_close(actual.depth_m, canonical.depth_m * ratio)
    torch.testing.assert_close(actual.structure, canonical.structure)
    assert torch.equal(actual.log_depth[1], canonical.log_depth[1])  # the canonical lens itself


def test_a_network_that_knows_no_lens_ignores_it_to_the_bit(network_of: NetworkOf) -> None:
    network = network_of().eval()
    image = torch.rand(2, 1, 48, 64)
    with torch.inference_mode():
        plain = network(image)
        for focal_px in (torch.tensor([10.0, 900.0]), torch.tensor([float("nan")] * 2)):
            actual = network(image, focal_px)
            assert torch.equal(actual.log_depth, plain.log_depth)
            assert torch.equal(actual.structure, plain.structure)


def test_metres_without_a_lens_are_our_own_mistake(network_of: NetworkOf) -> None:
    with pytest.raises(AssertionError, match="need the focal length"):
        network_of(focal_px=150.0).eval()(torch.rand(1, 1, 32, 32))


def test_half_precision_keeps_the_ratio_of_focal_lengths(network_of: NetworkOf) -> None:
    network = network_of(focal_px=150.0).eval()
    image = torch.rand(2, 1, 32, 32)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        log_depth = network(image[:1].expand(2, -1, -1, -1), torch.tensor([150.0, 151.0])).log_depth
    assert log_depth.dtype == torch.float32
    torch.testing.assert_close(
        (log_depth[1] - log_depth[0]).mean(), torch.tensor(math.log(151 / 150)), rtol=1e-3, atol=0
    )


@pytest.mark.parametrize("focal_px", [0.0, -150.0, 0.5, 1e6])
def test_a_canonical_lens_that_cannot_be_is_refused(focal_px: float) -> None:
    with pytest.raises(SettingsError, match="focal_px"):
        ModelSettings.parse({"focal_px": focal_px})


def test_no_weights_are_drawn_where_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the meta device drawing loads torch's compiler, for seconds, and draws nothing."""
    for name in ("normal_", "kaiming_normal_"):
        monkeypatch.setattr(torch.nn.init, name, lambda *_, **__: pytest.fail("drawn"))
    with torch.device("meta"):
        encoder = build_encoder("resnet-small", channels=1)
    assert all(parameter.is_meta for parameter in encoder.parameters())
