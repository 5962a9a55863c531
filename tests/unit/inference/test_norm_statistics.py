"""Statistics taken anew: behind every norm the new frames look as the old ones did."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from thermodepth.cli.adapt import adapt as adapt_model
from thermodepth.errors import DataError, SettingsError, WeightsError
from thermodepth.inference.statistics import has_statistics, needs_origin, take_statistics
from thermodepth.model import (
    DepthNetwork,
    ModelRecipe,
    ModelSettings,
    TrainingLens,
    initialise,
    load_model,
    read_recipe,
    save_model,
)
from thermodepth.model.inverted_residual import FixedNorm, unfolded
from thermodepth.thermal import NormaliserSettings
from thermodepth.types import ThermalUnit

KINDS = {
    "batch": ("resnet-small", "separable"),
    "fixed": ("mobilenetv2", "lean"),
    "both": ("mobilenetv2", "separable"),
}


def settings_of(encoder: str, decoder: str) -> ModelSettings:
    tree = {
        "encoder": encoder,
        "decoder": decoder,
        "decoder_width": 8,
        "weights": "none",
        "focal_px": 60.0,
        "depth_range_m": [0.5, 80.0],
    }
    return ModelSettings.parse(tree)


def network_of(kind: str) -> DepthNetwork:
    network = initialise(settings_of(*KINDS[kind]), channels=1, seed=3).eval()
    generator = torch.Generator().manual_seed(5)
    for module in network.modules():  # as if published: constants that are no 0 and 1
        if isinstance(module, FixedNorm):
            module.mean.copy_(0.1 * torch.randn(module.mean.shape, generator=generator))
            module.variance.copy_(0.5 + torch.rand(module.variance.shape, generator=generator))
    return network.requires_grad_(False)


def frames_like(seed: int, *, gain: float = 1.0, offset: float = 0.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return offset + gain * torch.rand(9, 1, 64, 64, generator=generator)


def outputs(network: DepthNetwork, image: torch.Tensor) -> dict[str, torch.Tensor]:
    """What leaves every norm."""
    out: dict[str, torch.Tensor] = {}
    handles = [
        module.register_forward_hook(lambda _m, _i, y, name=name: out.__setitem__(name, y.clone()))
        for name, module in network.named_modules()
        if isinstance(module, FixedNorm | nn.BatchNorm2d)
    ]
    with torch.no_grad(), unfolded(network):
        network(image, torch.ones(len(image)))
    for handle in handles:
        handle.remove()
    return out


def test_a_batch_norm_leaves_these_frames_at_zero_mean_and_unit_spread() -> None:
    network = network_of("batch")
    frames = frames_like(0, gain=0.2, offset=0.7)
    change = take_statistics(network, frames)
    after = outputs(network, frames)
    assert change.layers == len(after) > 10
    for name, y in after.items():
        norm = network.get_submodule(name)
        plain = (y - norm.bias[:, None, None]) / norm.weight[:, None, None]
        variance, mean = torch.var_mean(plain, dim=(0, 2, 3), correction=0)
        torch.testing.assert_close(mean, torch.zeros_like(mean), atol=1e-4, rtol=0)
        live = variance > 0.5  # a channel that is flat is divided by the epsilon
        assert live.float().mean() > 0.9, name
        torch.testing.assert_close(variance[live], torch.ones_like(mean)[live], atol=0.05, rtol=0)


def test_behind_fixed_norms_frames_look_as_those_of_the_training_did() -> None:
    """Another gain and another level of the same scenes: after it every norm gives what it gave before."""
    network = network_of("fixed")
    origin = frames_like(0)
    before = outputs(network, origin)
    change = take_statistics(network, 0.3 * origin + 0.4, origin=origin)
    after = outputs(network, 0.3 * origin + 0.4)
    # The stem pads with zeros, which no gain moves, so not pixels but statistics are compared.
    for name in before:
        old, new = (
            torch.var_mean(y, dim=(0, 2, 3), correction=0) for y in (before[name], after[name])
        )
        torch.testing.assert_close(new[1], old[1], atol=2e-3, rtol=0)
        torch.testing.assert_close(new[0], old[0], atol=1e-3, rtol=0.05)
    assert change.layers == len(before)


@pytest.mark.parametrize("kind", ["fixed", "both"])
def test_frames_of_the_training_itself_change_no_fixed_norm(kind: str) -> None:
    network = network_of(kind)
    constants = {k: v.clone() for k, v in network.state_dict().items() if k.startswith("encoder.")}
    change = take_statistics(network, frames_like(0), origin=frames_like(0))
    state = network.state_dict()
    for name, value in constants.items():
        torch.testing.assert_close(state[name], value, atol=1e-5, rtol=1e-4)
    if kind == "fixed":
        assert change.shift == pytest.approx(0.0, abs=1e-5)
        assert change.spread == pytest.approx(1.0, abs=1e-4)


def test_which_networks_have_statistics() -> None:
    assert has_statistics(network_of("batch"))
    assert not needs_origin(network_of("batch"))
    assert needs_origin(network_of("fixed"))
    without = initialise(settings_of("convnextv2-atto", "lean"), channels=1, seed=0).eval()
    assert not has_statistics(without)
    with pytest.raises(WeightsError, match="norms every image by itself"):
        take_statistics(without, frames_like(0))


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten frames of a camera of its own."""
    frames = tmp_path / "frames"
    frames.mkdir()
    rng = np.random.default_rng(0)
    for number in range(10):
        counts = (7000 + 400 * rng.random((48, 64)) ** 3).astype(np.uint16)
        Image.fromarray(counts).save(frames / f"{number}.png")
    return frames


def saved(path: Path, encoder: str, decoder: str) -> Path:
    model = settings_of(encoder, decoder)
    recipe = ModelRecipe(
        model=model,
        modality="thermal",
        normaliser=NormaliserSettings(),
        trained_unit=ThermalUnit.COUNTS,
        working_size=(64, 64),
        lens=TrainingLens(focal_px=60.0, field_of_view_deg=56.0),
        history={"steps": 7},
    )
    save_model(path, initialise(model, channels=1, seed=0), recipe)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_model_folder_and_the_old_one_as_it_was(
    kind: str, folder: Path, tiny_pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = saved(tmp_path / "model", *KINDS[kind])
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    origin = None if kind == "batch" else f"synthetic:{tiny_pack}"
    adapt_model(str(model), folder, tmp_path / "new", origin=origin)
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before
    old, new = load_model(model), load_model(tmp_path / "new")
    about = {"model": old.fingerprint, "frames": 10, "origin": origin}
    assert new.recipe.history == {"steps": 7, "statistics": about}
    assert new.recipe.edit({"history": {}}) == old.recipe.edit({"history": {}})
    state, first = new.network.state_dict(), old.network.state_dict()
    changed = {name for name in first if not torch.equal(state[name], first[name])}
    assert changed
    assert all(
        name.endswith((".running_mean", ".running_var", ".mean", ".variance")) for name in changed
    )
    text = " ".join(capsys.readouterr().out.split())
    assert "norm layers" in text
    assert "taken from 10 frames" in text
    assert "No weight has changed" in text


def test_what_is_refused(folder: Path, tmp_path: Path) -> None:
    batch = saved(tmp_path / "batch", *KINDS["batch"])
    new = tmp_path / "new"

    def adapt(model: Path, frames: Path = folder, out: Path = new, origin: str | None = None):
        adapt_model(str(model), frames, out, origin=origin)

    with pytest.raises(SettingsError, match="a model is written into a new folder"):
        adapt(batch, out=batch)
    with pytest.raises(SettingsError, match="--origin synthetic: has no effect"):
        adapt(batch, origin="synthetic")
    with pytest.raises(SettingsError, match="holds no statistics of any frames"):
        adapt(saved(tmp_path / "groups", "convnextv2-atto", "lean"))
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted(folder.iterdir())[:7]:
        (few / path.name).write_bytes(path.read_bytes())
    with pytest.raises(DataError, match="7 frames, expected at least 8"):
        adapt(batch, frames=few)
    other = np.arange(7000, 7000 + 32 * 48, dtype=np.uint16).reshape(32, 48)
    Image.fromarray(other).save(folder / "other.png")
    with pytest.raises(DataError, match="frames of 48x32, 64x48"):
        adapt(batch)
    assert not new.exists()


def test_no_history_is_lost_when_it_is_done_twice(folder: Path, tmp_path: Path) -> None:
    model = saved(tmp_path / "model", *KINDS["batch"])
    adapt_model(str(model), folder, tmp_path / "one", origin=None)
    adapt_model(str(tmp_path / "one"), folder, tmp_path / "two", origin=None)
    one, two = (load_model(tmp_path / name).network.state_dict() for name in ("one", "two"))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert read_recipe(tmp_path / "two").history["steps"] == 7
