"""For every leaf of the settings: an arm that edits it trains other weights, or is refused by name.

Leaves that another setting makes idle are tried twice: refused as they stand, and honoured in a context in
which they are read.
"""

from __future__ import annotations

import gc
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thermodepth.config import Edits, flatten
from thermodepth.data import open_dataset, samples_of
from thermodepth.errors import SettingsError
from thermodepth.model.weights import resolve_model
from thermodepth.study.arm_edits import SHARED
from thermodepth.study.cell import train_cell
from thermodepth.study.design import Arm, Study
from thermodepth.study.folder import open_study
from thermodepth.study.inputs import make_all_labels, open_datasets
from thermodepth.study.run import job_of
from thermodepth.teacher import TransferringTeacher, TruthTeacher
from thermodepth.training.settings import TrainingSettings
from thermodepth.training.unread import is_under

SMALL: Edits = {
    "steps": 2,
    "precision": "fp32",
    "data.size": [32, 32],
    "data.batch_size": 2,
    "model.weights": "none",
    "model.decoder_width": 8,
    "teacher.kind": "truth",
    "runtime.device": "cpu",
    "runtime.log_every": 1000,
}
PARTS = ("hot_object", "blur", "stripes", "shutter", "noise", "dead_pixels", "polarity")
#: What the base has beside `SMALL` where a leaf is read that the defaults make idle.
CONTEXTS: Mapping[str, Edits] = {
    "plain": {},
    "varied": {f"data.augmentation.thermal.{part}_probability": 1.0 for part in PARTS},
    "range": {"data.normaliser.name": "fixed_range"},
    "window": {
        "data.normaliser.name": "temperature",
        "data.normaliser.planck": {"r1": 366545.0, "b": 1428.0, "f": 1.0, "r2": 1.0, "o": -342.0},
        "data.normaliser.window_low_k": 1.0,
        "data.normaliser.window_high_k": 4000.0,
    },
    "clahe": {"data.normaliser.name": "clahe"},
    "fields": {"data.normaliser.name": "local_fields"},
    "sky": {"model.sky": True, "losses.sky.weight": 0.3},
    "errors": {"model.relative_error": True, "losses.relative_error.weight": 0.3},
    "steps": {"losses.metric_gradient.weight": 0.3},
    "aligned": {  # to truth that ends before a structure that knows the far from the near
        "losses.gradient_consistency.form": "value",
        "data.truth.max_m": 8.0,
        "model.weights": "thermal-small",
        "model.decoder_width": 64,
    },
    "edges": {
        "losses.gradient_consistency.form": "direction",
        "model.weights": "thermal-small",
        "model.decoder_width": 64,
    },
    "wide": {"data.size": [32, 64]},
    "tuned": {"model.weights": "thermal-small", "model.decoder_width": 64},
    "sizes": {"data.size": [64, 64]},
    "small-teacher": {"teacher.kind": "rgb-small"},
    "maps": {
        "teacher.kind": "maps",
        "teacher.model": "MAPS",
        "teacher.geometry": "metric_depth",
    },
    "holes": {
        "teacher.kind": "maps",
        "teacher.model": "HOLES",
        "teacher.geometry": "affine_inverse",
    },
}
#: path -> (context, value of the arm). What stands not here is tried in the plain context.
VALUES: Mapping[str, tuple[str, Any]] = {
    "seed": ("plain", 3),
    "data.source": ("plain", "OTHER"),
    "data.split": ("plain", "val"),
    "data.size": ("plain", [64, 64]),
    "data.most_frames": ("plain", 5),
    "data.min_truth_m": ("plain", 3.0),
    "data.max_truth_m": ("plain", 9.0),
    "data.truth.max_m": ("plain", 9.0),
    "data.truth.rows": ("plain", 0.5),
    "data.truth.keep": ("plain", 0.3),
    "data.truth.holes": ("plain", 0.3),
    "data.truth.conditions": ("plain", ["day"]),
    "data.truth.frames": ("plain", 3),
    "data.augmentation.flip_probability": ("plain", 1.0),
    "data.augmentation.zoom": ("plain", 1.9),
    "data.augmentation.zoom_least": ("plain", 1.1),
    "data.augmentation.aspect": ("wide", "cut"),
    "data.augmentation.size_least": ("sizes", 0.25),
    "data.augmentation.gain": ("range", 0.9),
    "data.augmentation.offset": ("range", 0.9),
    "model.encoder_config": ("plain", {"model_type": "resnet"}),
    "data.normaliser.name": ("plain", "min_max"),
    "data.normaliser.low_percentile": ("plain", 20.0),
    "data.normaliser.high_percentile": ("plain", 70.0),
    "data.normaliser.range_low": ("range", 5000.0),
    "data.normaliser.range_high": ("range", 9000.0),
    "data.normaliser.window_low_k": ("window", 200.0),
    "data.normaliser.window_high_k": ("window", 2000.0),
    "data.normaliser.planck": (
        "window",
        {"r1": 400000.0, "b": 1428.0, "f": 1.0, "r2": 1.0, "o": -342.0},
    ),
    "data.normaliser.version": ("plain", 2),
    "data.normaliser.clahe_clip": ("clahe", 40.0),
    "data.normaliser.clahe_tiles": ("clahe", 2),
    "data.normaliser.field_tiles": ("fields", 2),
    "data.normaliser.field_passes": ("fields", 0),
    "data.normaliser.field_extremes": ("fields", 0.0),
    "data.normaliser.gamma": ("fields", 4.0),
    "model.encoder": ("plain", "resnet18"),
    "model.weights": ("plain", "rgb-small"),
    "model.depth_range_m": ("plain", [0.5, 50.0]),
    "model.focal_px": ("plain", 150.0),
    "teacher.kind": ("plain", "rgb-small"),
    "teacher.model": ("small-teacher", "WEIGHTS"),
    "teacher.input_size": ("small-teacher", 128),
    "teacher.revision": ("plain", "v2"),
    "teacher.geometry": ("maps", "affine_inverse"),
    "teacher.normalise": ("plain", "half"),
    "teacher.multiple": ("plain", 7),
    "teacher.map_scale": ("maps", 0.01),
    "teacher.map_none": ("holes", "zero"),
    "teacher.field_of_view_deg": ("plain", 40.0),
    "teacher.runtime.device": ("plain", "cpu"),
    "teacher.runtime.memory_gb": ("plain", 2.0),
    "runtime.watch.source": ("plain", "FRAMES"),
    "losses.sky.weight": ("sky", 0.6),
    "losses.sky.start": ("sky", 0.5),
    "losses.sky.ramp": ("sky", 0.5),
    "losses.sky.far_m": ("sky", 0.5),
    "losses.sky.far_weight": ("sky", 3.0),
    "losses.relative_error.weight": ("errors", 0.6),
    "losses.relative_error.start": ("errors", 0.5),
    "losses.relative_error.ramp": ("errors", 0.5),
    "losses.relative_error.floor": ("errors", 2.0),
    "losses.metric_gradient.start": ("steps", 0.5),
    "losses.metric_gradient.ramp": ("steps", 0.5),
    "losses.metric_gradient.scales": ("steps", 1),
    "losses.metric_gradient.form": ("steps", "squared"),
    "losses.gradient_consistency.reach": ("aligned", 1.0),
    "losses.gradient_consistency.trim": ("aligned", 0.5),
    "losses.gradient_consistency.edge": ("edges", 0.2),
    "losses.structure_ssi.start": ("plain", 0.5),
    "losses.structure_smooth.pixels": ("plain", "all"),
    "losses.metric_silog.eps": ("plain", 0.5),
    "optimiser.learning_rate": ("plain", 0.02),
    "optimiser.warm_up": ("plain", 0.9),
    "optimiser.clip_norm": ("plain", 0.01),
    "optimiser.ema_decay": ("plain", 0.0),
    "optimiser.start_share": ("tuned", 0.5),
    **{
        f"data.augmentation.thermal.{name}": ("varied", value)
        for name, value in {
            "hot_object_strength": 90.0,
            "blur_sigma_px": 9.0,
            "stripes_strength": 3.0,
            "shutter_strength": 5.0,
            "noise_strength": 3.0,
            "dead_pixels_share": 0.4,
        }.items()
    },
}
LEAVES = flatten(TrainingSettings().tree())
TRANSFER = [path for path in LEAVES if path.startswith("teacher.transfer.")]
#: Refused in every context here. All others must be honoured in theirs.
REFUSED = {
    "model.encoder_config",
    *(path for path in LEAVES if any(is_under(path, shared) for shared in SHARED)),
    *TRANSFER,  # no map is moved on these frames; see the last test
    "data.normaliser.version",  # there is one
    "data.normaliser.memory",  # of videos, and no cell takes its frames for one
    "data.augmentation.colour",  # of RGB networks
    *(path for path in LEAVES if path.startswith("data.augmentation.rgb.")),
    "model.focal_px",  # comes with model.depth_range_m
    "model.sky",  # the head and its term come together
    "model.relative_error",
    "teacher.field_of_view_deg",  # of teachers in metres whose maps are moved
    *(
        f"teacher.{name}" for name in ("revision", "normalise", "multiple")
    ),  # of kinds that need a download
}


def value_of(path: str) -> tuple[str, Any]:
    """Context and another value, found by trying where the table has none."""
    if path in VALUES:
        return VALUES[path]
    settings, before = (
        TrainingSettings().edit(SMALL),
        flatten(TrainingSettings().edit(SMALL).tree())[path],
    )
    tried: list[Any] = [not before] if isinstance(before, bool) else []
    if isinstance(before, int | float) and not isinstance(before, bool):
        tried += [0.5, before * 2 or 1.0, before // 2, before + 1]
    if isinstance(before, str):
        tried += words_of(path)
    for value in tried:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                edited = settings.edit({path: value})
        except SettingsError:
            continue
        if edited != settings:
            return "plain", value
    raise AssertionError(f"{path}: say in VALUES how an arm edits it, and where it is read")


def words_of(path: str) -> list[str]:
    """The words that a setting may be, from its refusal of another."""
    with pytest.raises(SettingsError) as refusal:
        TrainingSettings().edit({path: "no such word"})
    return [word for word in str(refusal.value).split("'") if word.isidentifier()][1:]


@pytest.fixture(scope="module")
def places(
    tiny_pack: Path, other_pack: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """What stands in capitals in the tables: another pack, a folder of maps, other weights."""
    root = tmp_path_factory.mktemp("places")
    dataset = open_dataset(f"synthetic:{tiny_pack}")
    maps, holes = root / "maps", root / "holes"
    for folder in (maps, holes):
        folder.mkdir()
    for sample in samples_of(dataset.split("train")):
        assert sample.depth_m is not None
        np.save(maps / f"{sample.sample_id}.npy", sample.depth_m)
        np.save(holes / f"{sample.sample_id}.npy", np.nan_to_num(sample.depth_m, nan=0.0))
    weights = root / "weights"
    shutil.copytree(resolve_model("rgb-small"), weights)
    perturb(next(weights.glob("*.safetensors")))
    return {
        "MAPS": str(maps),
        "HOLES": str(holes),
        "WEIGHTS": str(weights),
        "OTHER": f"synthetic:{other_pack}",
    }


def perturb(path: Path) -> None:
    """Other weights of the same shapes."""
    from safetensors.torch import load_file, save_file

    state = load_file(path)
    save_file({k: v * 0.5 if v.is_floating_point() else v for k, v in state.items()}, path)


def placed(edits: Edits, places: Mapping[str, str]) -> dict[str, Any]:
    return {
        path: places.get(value, value) if isinstance(value, str) else value
        for path, value in edits.items()
    }


@pytest.fixture(scope="module")
def weights_of(tiny_pack: Path, places: dict[str, str], tmp_path_factory: pytest.TempPathFactory):
    """The bytes that an arm's cell trains, through the study's own way; the reference's once a context."""
    source = f"synthetic:{tiny_pack}"
    dataset = open_dataset(source)
    known: dict[str, bytes] = {}
    labels = tmp_path_factory.mktemp(
        "labels"
    )  # stores are kept apart by what was asked of the teacher

    def trained(context: str, edits: Edits) -> bytes:
        base = placed({**SMALL, "data.source": source, **CONTEXTS[context]}, places)
        settings = TrainingSettings().edit(base).resolved(dataset)
        arms = (
            Arm(name="full", title="All"),
            Arm(name="arm", title="Arm", edits=placed(edits, places)),
        )
        study = Study(
            name="s",
            title="S",
            settings=settings,
            arms=arms if edits else arms[:1],
            reference="full",
            seeds=(0,),
        )
        out = tmp_path_factory.mktemp(context)
        datasets = open_datasets(study, dataset)
        inputs = make_all_labels(study, datasets, labels, progress=lambda *_: None)
        folder = open_study(study, out / "study", dataset)
        job = job_of(study, study.cells()[-1], folder, inputs)
        model = train_cell(job, inputs[job.arm].dataset, lambda _: None)
        return (model / "weights.safetensors").read_bytes()

    def either(context: str, edits: Edits) -> tuple[bytes, bytes]:
        if context not in known:
            known[context] = trained(context, {})
        return known[context], trained(context, edits)

    gc.collect()
    gc.freeze()  # every run ends with a full collection: not of all that was imported
    yield either
    gc.unfreeze()


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("path", LEAVES)
def test_an_arm_that_edits_a_leaf_trains_other_weights_or_is_refused(path, weights_of):
    context, value = value_of(path)
    if path in REFUSED:
        with pytest.raises(SettingsError, match="arm 'arm'") as refusal:
            weights_of(context, {path: value})
        assert any(name in str(refusal.value) for name in prefixes(path))
        return
    reference, arm = weights_of(context, {path: value})
    assert arm != reference, f"{path}: an arm's edit was accepted and changed nothing"
    if context not in ("plain", "window"):
        with pytest.raises(SettingsError, match="arm 'arm'"):  # where nothing reads it
            weights_of("plain", {path: value})


def prefixes(path: str) -> list[str]:
    """Of a dotted path, itself and its sections below the first."""
    words = path.split(".")
    return [".".join(words[: n + 1]) for n in range(min(1, len(words) - 1), len(words))]


@pytest.mark.parametrize("path", TRANSFER)
def test_every_setting_of_the_transfer_asks_for_labels_of_its_own(path):
    """No map is moved on these frames, so above they are refused; where one is, labels are kept apart."""

    name = path.removeprefix("teacher.transfer.")
    before = TrainingSettings().teacher.transfer
    old = flatten(before.tree())[name]
    after = before.edit(
        {name: not old if isinstance(old, bool) else old + 1 if old >= 1 else old / 2}
    )
    prints = {TransferringTeacher(TruthTeacher(), each).fingerprint() for each in (before, after)}
    assert len(prints) == 2


@pytest.mark.parametrize(("base", "edited"), [(None, 150.0), (100.0, 150.0), (100.0, None)])
def test_an_arm_of_another_focal_length_says_its_own_range(base, edited):
    """That of the others is in metres at theirs: the head could not say what is near, or far."""

    def study(edits: Edits) -> Study:
        arms = (Arm(name="full", title="All"), Arm(name="arm", title="Arm", edits=edits))
        settings = TrainingSettings().edit({**SMALL, "model.focal_px": base})
        return Study(
            name="s", title="S", settings=settings, arms=arms, reference="full", seeds=(0,)
        )

    with pytest.raises(
        SettingsError, match=r"arm 'arm': model\.focal_px = .*its model\.depth_range_m"
    ):
        study({"model.focal_px": edited})
    assert study({"model.focal_px": edited, "model.depth_range_m": [0.5, 40.0]}).arms
