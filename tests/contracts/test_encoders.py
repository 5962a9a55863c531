"""What every row of ENCODERS keeps, at its full size; pre-trained weights with tiny models of each family."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from thermodepth.contracts import Contract
from thermodepth.contracts.encoders import (
    ANY_SIZE_CONTRACTS,
    FULL_SIZE_CONTRACTS,
    lively,
    network_of,
    settings_of,
)
from thermodepth.errors import SettingsError, WeightsError
from thermodepth.model import (
    ENCODERS,
    ModelRecipe,
    initialise,
    load_model,
    save_model,
)
from thermodepth.model import encoders as encoders_module
from thermodepth.model.encoders import (
    Encoder,
    EncoderRow,
    build_encoder,
    fold_kernel,
    pretrained_encoder,
)
from thermodepth.model.residual import ResidualConfig
from thermodepth.thermal import NormaliserSettings
from thermodepth.types import ThermalUnit

NAMES = sorted(ENCODERS)
#: Whose published weights are read by transformers; `RESIDUAL` are built without it.
THROUGH_TRANSFORMERS = sorted(name for name, row in ENCODERS.items() if row.pyramid is None)
RESIDUAL = sorted(name for name, row in ENCODERS.items() if row.residual is not None)
PYRAMID = (4, 8, 16, 32)
STRIDES = {
    "convnext-tiny": PYRAMID,
    "convnextv2-atto": PYRAMID,
    "dinov2-small": (14, 14, 14, 14),
    "dinov3-convnext-tiny": PYRAMID,
    "dinov3-small": (16, 16, 16, 16),
    "efficientnet-lite0": PYRAMID,
    "mobilenetv2": PYRAMID,
    "resnet-small": PYRAMID,
    "resnet18": PYRAMID,
}
#: Of the names of all tensors, in order. A change means that models on disk no longer load.
STATE_NAMES = {
    "convnext-tiny": "8a4b4e464870",
    "convnextv2-atto": "8b22f099f843",
    "dinov2-small": "d2bcc21f620a",
    "dinov3-convnext-tiny": "88e1da074706",
    "dinov3-small": "89fef5d2e451",
    "efficientnet-lite0": "ce749ccdacff",
    "mobilenetv2": "2ae7b0d728a1",
    "resnet-small": "4e14efb0fc4c",
    "resnet18": "b6cb79ef5d1e",
}


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[int], Any]]:
    """The table with the same families, a few thousand weights each: their transformers configurations."""
    residual = {
        "resnet-small": ResidualConfig(stem=16, sizes=(16, 16, 24, 32), depths=(1, 1, 1, 1)),
        "resnet18": ResidualConfig(stem=16, sizes=(16, 24, 24, 32), depths=(2, 1, 1, 1)),
    }
    configs: dict[str, Callable[[int], Any]] = {
        "convnextv2-atto": encoders_module._convnext([8, 8, 16, 16], [1, 1, 1, 1], version=2),
        "convnext-tiny": encoders_module._convnext([8, 8, 16, 16], [1, 1, 1, 1], version=1),
        "dinov2-small": encoders_module._dinov2(16, 2, 4),
        "dinov3-small": encoders_module._dinov3(16, 2, 4),
        "dinov3-convnext-tiny": encoders_module._dinov3_convnext([8, 8, 16, 16], [1, 1, 1, 1]),
    }
    rows = [EncoderRow(name=n, config=c, summary="a tiny one") for n, c in configs.items()]
    rows += [EncoderRow(name=n, residual=r, summary="a tiny one") for n, r in residual.items()]
    assert sorted(row.name for row in rows) == THROUGH_TRANSFORMERS
    for row in rows:
        monkeypatch.setitem(ENCODERS, row.name, row)
    return {**configs, **{n: partial(encoders_module._resnet, r) for n, r in residual.items()}}


@pytest.fixture
def saved(
    tiny: dict[str, Callable[[int], Any]], tmp_path: Path
) -> Callable[..., tuple[Path, nn.Module]]:
    """`saved(name)`: a tiny published model of that family on disk, and itself."""

    def save(name: str, *, classifier: bool = False, **changes: Any) -> tuple[Path, nn.Module]:
        from transformers import AutoModel, AutoModelForImageClassification

        config = tiny[name](3)
        for key, value in changes.items():
            setattr(config, key, value)
        auto = AutoModelForImageClassification if classifier else AutoModel
        model = auto.from_config(config)
        lively(model, seed=1)
        folder = tmp_path / name
        model.save_pretrained(folder)
        return folder, model

    return save


# --- the table at its full size ------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("contract", FULL_SIZE_CONTRACTS, ids=lambda contract: contract.name)
def test_a_row_keeps_the_contract(name: str, contract: Contract[EncoderRow]) -> None:
    contract.check(ENCODERS[name])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("contract", ANY_SIZE_CONTRACTS, ids=lambda contract: contract.name)
def test_a_tiny_one_of_its_family_keeps_the_contract(
    name: str, contract: Contract[EncoderRow], tiny: dict[str, Callable[[int], Any]]
) -> None:
    del tiny
    contract.check(ENCODERS[name])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_rows_are_named_by_their_key_and_have_the_published_strides(
    name: str, channels: int
) -> None:
    row = ENCODERS[name]
    assert row.name == name
    assert network_of(row, channels).encoder.stride == max(STRIDES[name])


@pytest.mark.parametrize("name", NAMES)
def test_state_names_are_those_of_models_on_disk(name: str) -> None:
    names = "\n".join(network_of(ENCODERS[name], 1).encoder.state_dict())
    assert hashlib.sha256(names.encode()).hexdigest()[:12] == STATE_NAMES[name]


def test_an_unknown_encoder_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(
        SettingsError, match="unknown encoder 'resnet-smal'; did you mean 'resnet-s"
    ):
        build_encoder("resnet-smal", channels=1)
    with pytest.raises(SettingsError, match="unknown encoder"):
        pretrained_encoder("resnet-smal", "facebook/dinov2-small", channels=1)


# --- what is built without transformers ----------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", RESIDUAL)
def test_a_residual_pyramid_is_the_backbone_of_transformers(name: str, channels: int) -> None:
    """The same names in the same order, the same first weights of a seed, and the same maps to the bit."""
    from transformers import AutoBackbone

    row = ENCODERS[name]
    assert row.residual is not None
    torch.manual_seed(5)
    theirs = AutoBackbone.from_config(encoders_module._resnet(row.residual, channels))
    after = torch.rand(1)
    torch.manual_seed(5)
    ours = build_encoder(name, channels=channels).backbone
    assert torch.equal(torch.rand(1), after)  # what is drawn next is the same too
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    assert all(torch.equal(value, state[key]) for key, value in ours.state_dict().items())

    lively(theirs, seed=6)
    ours.load_state_dict(theirs.state_dict())
    image = torch.rand(2, channels, 64, 97).contiguous(memory_format=torch.channels_last)
    for mode in (True, False):  # training moves the statistics of the norms, which prediction reads
        maps, expected = ours.train(mode)(image), theirs.train(mode)(image).feature_maps
        assert all(torch.equal(a, b) for a, b in zip(maps, expected, strict=True))
        assert maps[-1].std() > 0
        for features in (maps, expected):
            sum(m.square().mean() for m in features).backward()
    for own, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert own.grad is not None
        assert torch.equal(own.grad, other.grad)


# --- pre-trained weights -------------------------------------------------------------------------


@pytest.mark.parametrize("name", THROUGH_TRANSFORMERS)
def test_weights_come_from_a_local_folder(
    name: str, saved: Callable[..., tuple[Path, nn.Module]]
) -> None:
    folder, model = saved(name)
    encoder = pretrained_encoder(name, str(folder), channels=3)
    own, published = encoder.backbone.state_dict(), model.state_dict()
    shared = own.keys() & published.keys()
    assert len(shared) >= 0.85 * len(own)
    for key in shared:
        torch.testing.assert_close(own[key], published[key], rtol=0, atol=0)
    fresh = {k for k in own.keys() - shared if not k.startswith("hidden_states_norms.")}
    assert fresh == set()


@pytest.mark.parametrize("name", THROUGH_TRANSFORMERS)
def test_the_folded_stem_sees_grey_as_the_rgb_stem_sees_three_equal_channels(
    name: str, saved: Callable[..., tuple[Path, nn.Module]]
) -> None:
    folder, _ = saved(name)
    colour = pretrained_encoder(name, str(folder), channels=3).eval()
    grey = pretrained_encoder(name, str(folder), channels=1).eval()
    image = torch.rand(2, 1, 2 * colour.stride, 3 * colour.stride)
    with torch.inference_mode():
        target = colour(image.expand(-1, 3, -1, -1))
        for ours, theirs in zip(grey(image), target, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
        # The comparison says something: the features do depend on the image.
        assert (grey(image.flip(-1))[-1] - target[-1]).abs().max() > 1e-3


def test_a_folded_kernel_is_the_sum_over_colours() -> None:
    kernel = torch.tensor([[[[1.0]], [[2.0]], [[4.0]]]])  # one output, three colours
    torch.testing.assert_close(fold_kernel(kernel), torch.tensor([[[[7.0]]]]))


@pytest.mark.parametrize("name", ["resnet18", "convnext-tiny", "convnextv2-atto"])
def test_a_published_classifier_gives_its_body(
    name: str, saved: Callable[..., tuple[Path, nn.Module]]
) -> None:
    folder, model = saved(name, classifier=True, num_labels=5)
    encoder = pretrained_encoder(name, str(folder), channels=3)
    published = {k.partition(".")[2]: v for k, v in model.state_dict().items()}
    for key, value in encoder.backbone.state_dict().items():
        if not key.startswith("hidden_states_norms."):
            torch.testing.assert_close(value, published[key], rtol=0, atol=0)


@pytest.mark.parametrize("name", ["dinov3-small", "resnet18"])
def test_a_network_on_pretrained_weights_can_be_saved_and_loaded(
    name: str, saved: Callable[..., tuple[Path, nn.Module]], tmp_path: Path
) -> None:
    folder, _ = saved(name)
    settings = settings_of(name, weights=str(folder))
    network = initialise(settings, channels=1, seed=0)
    recipe = ModelRecipe(
        model=settings.edit({"weights": "none"}),
        modality="thermal",
        normaliser=NormaliserSettings(),
        trained_unit=ThermalUnit.COUNTS,
        working_size=(64, 80),
    )
    save_model(tmp_path / "model", network, recipe)
    image = torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        target = network.eval()(image).log_depth
        torch.testing.assert_close(
            load_model(tmp_path / "model").network(image).log_depth, target, rtol=0, atol=0
        )


def test_half_precision_weights_are_trained_in_full(
    saved: Callable[..., tuple[Path, nn.Module]], tmp_path: Path
) -> None:
    _, model = saved("resnet18")
    model.half().save_pretrained(tmp_path / "half")  # type: ignore[operator]
    encoder = pretrained_encoder("resnet18", str(tmp_path / "half"), channels=3)
    assert {p.dtype for p in encoder.parameters()} == {torch.float32}


def test_masked_pre_training_tokens_are_not_trained() -> None:
    for name in ("dinov2-small", "dinov3-small"):
        network = network_of(ENCODERS[name], 1)
        frozen = [k for k, p in network.named_parameters() if not p.requires_grad]
        assert [k.rpartition(".")[2] for k in frozen] == ["mask_token"]


# --- pre-trained weights that cannot be had ------------------------------------------------------


def test_another_family_is_refused(saved: Callable[..., tuple[Path, nn.Module]]) -> None:
    folder, _ = saved("convnext-tiny")
    with pytest.raises(
        WeightsError, match=r"holds a 'convnext', but model\.encoder=resnet18 is a 'resnet'"
    ):
        pretrained_encoder("resnet18", str(folder), channels=1)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        (
            "resnet18",
            {"hidden_sizes": [16, 24, 24, 48]},
            r"hidden_sizes is \[16, 24, 24, 48\], but",
        ),
        ("dinov2-small", {"num_attention_heads": 4}, r"num_attention_heads is 4, but .* has 2"),
        ("dinov3-small", {"num_register_tokens": 0}, r"num_register_tokens is 0, but .* has 4"),
        ("dinov2-small", {"image_size": 224}, r"position_embeddings is 1x257x16, but .* 1x1370x16"),
    ],
)
def test_another_architecture_of_the_family_is_refused(
    name: str,
    changes: dict[str, Any],
    message: str,
    saved: Callable[..., tuple[Path, nn.Module]],
) -> None:
    folder, _ = saved(name, **changes)
    with pytest.raises(WeightsError, match=message) as caught:
        pretrained_encoder(name, str(folder), channels=1)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("source", ["./nowhere", "/nowhere/at/all", "~/nowhere-7f3a", "nowhere"])
def test_a_missing_folder_is_named(source: str) -> None:
    with pytest.raises(WeightsError, match=f"weights={source}: no such folder, and not a hub id"):
        pretrained_encoder("resnet18", source, channels=1)


def test_a_hub_id_without_a_network_fails_at_once_and_says_what_would_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "sleep", lambda *_: pytest.fail("it waits to try again"))
    with pytest.raises(WeightsError, match=r"facebook/dinov2-small: cannot load .* local folder"):
        pretrained_encoder("dinov2-small", "facebook/dinov2-small", channels=1)


def test_broken_folders_are_named(
    saved: Callable[..., tuple[Path, nn.Module]], tmp_path: Path
) -> None:
    def refused(folder: Path, match: str) -> None:
        with pytest.raises(WeightsError, match=match) as caught:
            pretrained_encoder("resnet18", str(folder), channels=1)
        assert str(folder) in str(caught.value)
        assert "\n" not in str(caught.value)

    empty = tmp_path / "empty"
    empty.mkdir()
    refused(empty, "cannot load")

    folder, model = saved("resnet18")
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    refused(folder, "cannot load")
    weights.unlink()
    refused(folder, "cannot load")
    # Pickled weights run what they contain: never opened.
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    refused(folder, "cannot load")
    (folder / "config.json").write_text("{")
    refused(folder, "cannot load")
    (folder / "config.json").write_text(json.dumps({"model_type": "no-such-family"}))
    refused(folder, "cannot load")


def test_weights_that_are_not_all_there_are_refused(
    saved: Callable[..., tuple[Path, nn.Module]],
) -> None:
    from safetensors.torch import load_file, save_file

    folder, _ = saved("resnet18")
    state = load_file(folder / "model.safetensors")
    del state["encoder.stages.1.layers.0.layer.0.convolution.weight"]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=r"lacks 1 weights of .* such as encoder\.stages\.1"):
        pretrained_encoder("resnet18", str(folder), channels=1)


def test_a_plain_encoder_knows_its_patch_as_its_stride(
    tiny: dict[str, Callable[[int], Any]],
) -> None:
    """`patch_size` of a ConvNeXt is its stem's, not its stride."""
    strides = {name: build_encoder(name, channels=1).stride for name in tiny}
    assert strides == {name: max(STRIDES[name]) for name in THROUGH_TRANSFORMERS}
    assert isinstance(build_encoder("resnet18", channels=1), Encoder)
