"""What fine-tuning holds on to: the encoder, the statistics of norms, a share of the start; few frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from thermodepth.config import Edits
from thermodepth.data import open_dataset
from thermodepth.data.loader import BatchStream, trained_frames
from thermodepth.errors import SettingsError, WeightsError
from thermodepth.model import (
    ModelRecipe,
    ModelSettings,
    TrainingLens,
    has_batch_norms,
    initialise,
    load_model,
    read_recipe,
    resolve_model,
    save_model,
)
from thermodepth.recipes import named_training
from thermodepth.thermal import NormaliserSettings
from thermodepth.training.labels import label_reader, label_source, make_labels
from thermodepth.training.loop import train
from thermodepth.training.settings import TrainingSettings
from thermodepth.training.unread import unread, unread_with
from thermodepth.types import ThermalUnit

TINY: Edits = {
    "steps": 3,
    "data.size": [32, 64],
    "data.batch_size": 2,
    "runtime.device": "cpu",
}


def small_model(folder: Path, **changes: object) -> Path:
    """A network of random weights that knows its lens, saved."""
    tree = {
        "encoder": "resnet-small",
        "decoder_width": 8,
        "weights": "none",
        "focal_px": 60.0,
        "depth_range_m": [0.5, 120.0],
        **changes,
    }
    model = ModelSettings.parse(tree)
    recipe = ModelRecipe(
        model=model,
        modality="thermal",
        normaliser=NormaliserSettings(low_percentile=2.0),
        trained_unit=ThermalUnit.COUNTS,
        working_size=(64, 96),
        short_sides=(32, 96),
        lens=TrainingLens(focal_px=70.0, field_of_view_deg=60.0),
    )
    network = initialise(model, channels=1, seed=1)
    save_model(folder, network, recipe)
    return folder


def trained(model: Path, pack: Path, out: Path, **edits: object) -> dict[str, Tensor]:
    """The weights after a few steps of the recipe from this model."""
    dataset = open_dataset(f"synthetic:{pack}")
    settings = named_training(f"finetune:{model}").edit(
        {**TINY, "data.source": dataset.spec, **{k.replace("__", "."): v for k, v in edits.items()}}
    )
    settings = settings.resolved(dataset)
    labels = make_labels(settings.teacher, dataset, out / "labels")
    folder = train(
        settings,
        out / "run",
        dataset=dataset,
        label_of=label_reader(labels, budget_bytes=2**20),
        label_source=label_source(labels),
    )
    return load_model(folder).network.state_dict()


def test_the_recipe_is_what_the_model_is(tmp_path: Path) -> None:
    folder = small_model(tmp_path / "model", sky=True)
    settings = named_training(f"finetune:{folder}")
    recipe = read_recipe(folder)
    assert settings.model == recipe.model.edit({"weights": str(folder)})
    assert settings.data.size == (64, 96)
    assert settings.data.normaliser == recipe.normaliser
    sizes = settings.data.augmentation
    assert (sizes.size_least, sizes.size_most) == (0.5, 1.5)
    assert settings.losses.sky.weight > 0 == settings.losses.relative_error.weight
    assert settings.teacher.kind == "truth"  # so that no RGB is asked for
    shipped = named_training("finetune")
    assert shipped.model.weights == "thermal-any"
    assert shipped.data.size == read_recipe(resolve_model("thermal-any")).working_size


def test_a_recipe_with_a_model_it_cannot_take(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such model folder"):
        named_training(f"finetune:{tmp_path / 'nowhere'}")
    with pytest.raises(SettingsError, match="thermal takes no model after a colon; finetune does"):
        named_training("thermal:runs/mine")
    with pytest.raises(SettingsError, match="did you mean 'finetune'"):
        named_training("fine-tune:runs/mine")


def test_a_frozen_encoder_keeps_every_byte_and_held_norms_every_statistic(
    tiny_pack: Path, tmp_path: Path
) -> None:
    folder = small_model(tmp_path / "model")
    first = load_model(folder).network.state_dict()
    after = trained(
        folder, tiny_pack, tmp_path, optimiser__encoder_factor=0, optimiser__start_share=0
    )
    assert all(torch.equal(after[k], first[k]) for k in first if k.startswith("encoder."))
    statistics = [k for k in first if k.endswith(("running_mean", "running_var"))]
    assert any(k.startswith("decoder.") for k in statistics)
    assert all(torch.equal(after[k], first[k]) for k in statistics)
    assert not torch.equal(after["decoder.merge.weight"], first["decoder.merge.weight"])


def test_statistics_that_are_not_held_follow_the_batches(tiny_pack: Path, tmp_path: Path) -> None:
    folder = small_model(tmp_path / "model")
    first = load_model(folder).network.state_dict()
    after = trained(folder, tiny_pack, tmp_path, optimiser__hold_statistics=False)
    key = "decoder.blocks.0.norm.running_mean"
    assert not torch.equal(after[key], first[key])


def test_a_share_of_the_start_is_that_share_of_every_weight(
    tiny_pack: Path, tmp_path: Path
) -> None:
    folder = small_model(tmp_path / "model")
    first = load_model(folder).network.state_dict()
    plain = trained(folder, tiny_pack, tmp_path / "plain", optimiser__start_share=0)
    mixed = trained(folder, tiny_pack, tmp_path / "mixed", optimiser__start_share=0.25)
    for name, weight in first.items():
        if weight.is_floating_point():
            torch.testing.assert_close(mixed[name], 0.75 * plain[name] + 0.25 * weight)


def test_a_head_that_begins_fresh_is_all_its_own(tiny_pack: Path, tmp_path: Path) -> None:
    """Its first weights are chance, and half of chance is no answer."""
    folder = small_model(tmp_path / "model")
    sky = {"model__sky": True, "losses__sky__weight": 0.3}
    plain = trained(folder, tiny_pack, tmp_path / "plain", optimiser__start_share=0, **sky)
    mixed = trained(folder, tiny_pack, tmp_path / "mixed", optimiser__start_share=0.5, **sky)
    heads = [name for name in plain if name.startswith("sky_head.")]
    assert heads
    assert all(torch.equal(plain[name], mixed[name]) for name in heads)


@pytest.mark.parametrize("weights", ["none", "rgb-small"])
def test_a_share_of_no_whole_model_is_refused(weights: str, tiny_pack: Path) -> None:
    dataset = open_dataset(f"synthetic:{tiny_pack}")
    edits = {"model.weights": weights, "optimiser.start_share": 0.5}
    with pytest.raises(SettingsError, match=rf"start_share=0\.5 with model\.weights={weights}"):
        TrainingSettings().edit(edits).resolved(dataset)


@pytest.mark.parametrize(
    ("encoder", "decoder", "has"),
    [
        ("resnet-small", "separable", True),
        ("mobilenetv2", "separable", True),  # of the decoder
        ("resnet-small", "lean", True),
        ("mobilenetv2", "lean", False),
    ],
)
def test_holding_statistics_has_no_effect_where_there_are_none(encoder, decoder, has) -> None:
    settings = TrainingSettings().edit({"model.encoder": encoder, "model.decoder": decoder})
    assert has_batch_norms(settings.model) is has
    assert ("optimiser.hold_statistics" in unread(settings)) is not has


def test_few_frames_are_drawn_by_the_seed_and_the_fewer_lie_among_the_more(tiny_pack: Path) -> None:
    dataset = open_dataset(f"synthetic:{tiny_pack}")

    def drawn(most: int | None, seed: int = 0) -> list[str]:
        data = TrainingSettings().edit({"data.most_frames": most}).data
        return list(trained_frames(dataset, data, seed=seed).sample_ids)

    every = list(dataset.split("train").sample_ids)
    assert drawn(None) == drawn(12) == drawn(500) == every
    assert len(drawn(5)) == 5
    assert set(drawn(3)) < set(drawn(5)) < set(drawn(8)) < set(every)
    assert len({tuple(drawn(5, seed)) for seed in range(6)}) > 3
    data = TrainingSettings().edit({"data.most_frames": 3, "data.batch_size": 3}).data
    data = data.edit({"min_truth_m": 0.5, "max_truth_m": 60.0})
    frames = trained_frames(dataset, data, seed=0)
    stream = BatchStream(frames, data, size=(32, 32), seed=0, label_of=None)
    assert {i for step in range(4) for i in stream.batch(step).sample_ids} == set(drawn(3))
    whole = dataset.split("train")
    place = whole.sample_ids.index(frames.sample_ids[1])
    np.testing.assert_array_equal(frames.read(1).thermal, whole.read(place).thermal)
    assert frames.fingerprint() != whole.fingerprint()


def test_a_limit_above_the_split_has_no_effect(tiny_pack: Path) -> None:
    dataset = open_dataset(f"synthetic:{tiny_pack}")
    for most, idle in ((11, False), (12, True), (500, True)):
        settings = TrainingSettings().edit({"data.most_frames": most, "teacher.kind": "truth"})
        reasons = unread_with(settings, dataset, None)  # type: ignore[arg-type]
        assert ("data.most_frames" in reasons) is idle
