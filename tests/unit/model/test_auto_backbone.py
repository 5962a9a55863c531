"""Any backbone of transformers as an encoder, on tiny ones that are saved to disk."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from thermodepth.errors import SettingsError
from thermodepth.model import (
    ModelRecipe,
    ModelSettings,
    initialise,
    load_model,
    save_model,
)
from thermodepth.model.auto_backbone import read_config
from thermodepth.model.network import build_network
from thermodepth.thermal import NormaliserSettings
from thermodepth.types import ThermalUnit


def configs() -> dict[str, tuple[Any, int]]:
    """A tiny configuration of each family, and the stride that is expected of it."""
    from transformers import ConvNextConfig, Dinov2Config, ResNetConfig, SwinConfig

    return {
        "resnet": (
            ResNetConfig(
                embedding_size=16,
                hidden_sizes=[16, 16, 24, 32],
                depths=[1, 1, 1, 1],
                layer_type="basic",
            ),
            32,
        ),
        "convnext": (ConvNextConfig(hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1]), 32),
        "swin": (
            SwinConfig(embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=4),
            32,
        ),
        "dinov2": (
            Dinov2Config(hidden_size=16, num_hidden_layers=6, num_attention_heads=2, image_size=56),
            14,
        ),
    }


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[str], tuple[Path, int]]:
    """`saved(family)`: a tiny published model with weights, and its stride."""

    def save(family: str) -> tuple[Path, int]:
        from transformers import AutoModel

        config, stride = configs()[family]
        torch.manual_seed(1)
        AutoModel.from_config(config).save_pretrained(tmp_path / family)
        return tmp_path / family, stride

    return save


def settings_of(folder: Path, **changes: Any) -> ModelSettings:
    fields = {"encoder": f"auto:{folder}", "weights": "none", "decoder_width": 16}
    return ModelSettings(**{**fields, "depth_range_m": (1.0, 80.0), **changes})


@pytest.mark.parametrize("family", ["resnet", "convnext", "swin", "dinov2"])
def test_it_is_built_from_its_folder_trained_on_and_loaded_without_it(
    family: str, saved: Callable[[str], tuple[Path, int]], tmp_path: Path
) -> None:
    folder, stride = saved(family)
    settings = settings_of(folder, encoder_config=read_config(f"auto:{folder}"))
    network = initialise(settings.edit({"weights": str(folder)}), channels=1, seed=0)
    assert network.encoder.stride == stride
    image = torch.rand(1, 1, 70, 90)
    prediction = network(image)
    torch.autograd.backward(prediction.structure.square().mean() + prediction.log_depth.mean())
    without = [k for k, p in network.named_parameters() if p.requires_grad and p.grad is None]
    assert without == []
    recipe = ModelRecipe(
        model=settings,
        modality="thermal",
        normaliser=NormaliserSettings(),
        trained_unit=ThermalUnit.COUNTS,
        working_size=(64, 80),
    )
    save_model(tmp_path / "model", network, recipe)
    shutil.rmtree(folder)
    with torch.inference_mode():
        expected = network.eval()(image).log_depth
        assert torch.equal(load_model(tmp_path / "model").network(image).log_depth, expected)


def test_weights_of_the_folder_are_taken(saved: Callable[[str], tuple[Path, int]]) -> None:
    folder, _ = saved("resnet")
    from safetensors.torch import load_file

    network = initialise(settings_of(folder, weights=str(folder)), channels=3, seed=0)
    published = load_file(folder / "model.safetensors")
    own = network.encoder.backbone.state_dict()
    shared = own.keys() & published.keys()
    assert len(shared) >= 0.9 * len(own)
    assert all(torch.equal(own[key], published[key]) for key in shared)


def refused(message: str, name: str) -> None:
    with pytest.raises(SettingsError, match=message):
        build_network(settings_of(Path()).edit({"encoder": name}), channels=1)


def test_what_is_no_backbone_of_ours_is_refused_in_words(tmp_path: Path) -> None:
    def folder(tree: dict[str, Any]) -> str:
        (tmp_path / "config.json").write_text(json.dumps(tree))
        return f"auto:{tmp_path}"

    refused("no such folder, and not a hub id such as", "auto:./nowhere")
    refused("cannot be had .* Give a local folder", "auto:microsoft/resnet-18")
    refused(r"config\.json: cannot be read", f"auto:{tmp_path / '..'}")
    refused("model_type 'no-such-family'", folder({"model_type": "no-such-family"}))
    refused("a bert has no num_channels", folder({"model_type": "bert"}))
    # Code of a stranger: its name is dropped, and the family is not the library's.
    stranger = {"model_type": "mine", "auto_map": {"AutoConfig": "code.Config"}}
    refused("model_type 'mine'", folder(stranger))
    two = {
        "model_type": "resnet",
        "hidden_sizes": [16, 16],
        "depths": [1, 1],
        "layer_type": "basic",
    }
    refused("a resnet of 2 stages, expected a backbone of four", folder(two))
    early = {
        "model_type": "resnet",
        "hidden_sizes": [16, 16, 24, 32],
        "depths": [1, 1, 1, 1],
        "downsample_in_first_stage": True,
    }
    refused("its maps have strides 8, 16, 32, 64, expected", folder(early))
