"""Labels for a training: made once, resumed, remembered within a budget."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from thermodepth.data.frames import Dataset
from thermodepth.errors import TeacherError
from thermodepth.model import (
    ModelRecipe,
    ModelSettings,
    TrainingLens,
    initialise,
    load_model,
    save_model,
)
from thermodepth.model.network import build_network
from thermodepth.recipes import named_training
from thermodepth.teacher import LabelStore, TeacherSettings, TruthTeacher, to_affine_inverse
from thermodepth.teacher.truth import SKY_M
from thermodepth.thermal import NormaliserSettings
from thermodepth.training import labels as labels_module
from thermodepth.training.labels import (
    default_label_root,
    label_reader,
    label_source,
    make_labels,
    open_built_in,
)
from thermodepth.training.train_state import short_sides_of
from thermodepth.types import Geometry, Sample, ThermalUnit

TRUTH = TeacherSettings(kind="truth")


def test_labels_are_made_for_every_frame_of_the_split(dataset: Dataset, tmp_path: Path) -> None:
    observed: list[tuple[int, int]] = []
    store = make_labels(TRUTH, dataset, tmp_path, progress=lambda *now: observed.append(now))
    frames = dataset.split("train")
    assert store.ids() == sorted(frames.sample_ids)
    assert observed == [(4, 12), (8, 12), (12, 12)]  # batches of four
    sample = frames.read(3)
    assert sample.depth_m is not None
    assert sample.sky is not None
    truth = np.where(sample.sky, np.float32(SKY_M), sample.depth_m)
    expected = to_affine_inverse(truth, Geometry.METRIC_DEPTH)
    np.testing.assert_allclose(store.label(sample.sample_id), expected, rtol=1e-4)
    assert label_source(store) == f"{TruthTeacher().fingerprint()}/metric_depth"


def test_labels_go_on_where_they_were_cut_off(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelled_ids: list[str] = []
    label = TruthTeacher.label

    def counted(self: TruthTeacher, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        if len(labelled_ids) >= 8:
            raise KeyboardInterrupt
        labelled_ids.extend(s.sample_id for s in samples)
        return label(self, samples)

    monkeypatch.setattr(TruthTeacher, "label", counted)
    with pytest.raises(KeyboardInterrupt):
        make_labels(TRUTH, dataset, tmp_path)
    first, labelled_ids = labelled_ids, []
    observed: list[tuple[int, int]] = []
    store = make_labels(TRUTH, dataset, tmp_path, progress=lambda *now: observed.append(now))
    assert len(first) == 8
    assert sorted(first + labelled_ids) == store.ids()  # each exactly once
    assert observed == [(12, 12)]
    labelled_ids = []
    make_labels(TRUTH, dataset, tmp_path, progress=lambda *_: pytest.fail("all are there"))
    assert labelled_ids == []


def test_frames_that_have_labels_are_not_read_again(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_labels(TRUTH, dataset, tmp_path)
    kind = type(dataset.split("train"))
    monkeypatch.setattr(kind, "read", lambda *_, **__: pytest.fail("read"))
    make_labels(TRUTH, dataset, tmp_path)


class CountingStore:
    """A store whose labels are 1 kB each."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def label(self, sample_id: str) -> NDArray[np.float32]:
        self.read.append(sample_id)
        return np.full((16, 16), len(sample_id), np.float32)


def test_the_reader_keeps_labels_until_its_budget_is_used_up() -> None:
    store = CountingStore()
    label_of = label_reader(store, budget_bytes=2 * 1024 + 100)  # type: ignore[arg-type]
    for _ in range(3):
        for name in ("a", "bb", "ccc"):
            np.testing.assert_array_equal(label_of(name), np.full((16, 16), len(name)))
    assert store.read == ["a", "bb", "ccc", "ccc", "ccc"]  # the third never fits
    nothing = label_reader(store, budget_bytes=0)  # type: ignore[arg-type]
    store.read.clear()
    nothing("a")
    nothing("a")
    assert store.read == ["a", "a"]


def test_the_reader_can_be_sent_to_worker_processes(dataset: Dataset, tmp_path: Path) -> None:
    store = make_labels(TRUTH, dataset, tmp_path)
    label_of = label_reader(store, budget_bytes=2**20)
    name = store.ids()[0]
    sent = pickle.loads(pickle.dumps(label_of))
    np.testing.assert_array_equal(sent(name), label_of(name))


def test_the_label_root_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("THERMODEPTH_CACHE", str(tmp_path))
    assert default_label_root() == tmp_path / "labels"
    monkeypatch.delenv("THERMODEPTH_CACHE")
    assert default_label_root() == Path.home() / ".cache" / "thermodepth" / "labels"


def own_model(folder: Path, modality: str) -> TeacherSettings:
    """A model of ours on disk, named as a teacher."""
    small = ModelSettings(weights="none", decoder_width=8, depth_range_m=(1.0, 80.0))
    recipe = ModelRecipe(
        model=small,
        modality=modality,  # type: ignore[arg-type]
        normaliser=NormaliserSettings(),
        trained_unit=ThermalUnit.COUNTS,
        working_size=(64, 64),
    )
    save_model(folder, build_network(small, channels=recipe.channels), recipe)
    return TeacherSettings(kind="rgb-small", model=str(folder), input_size=64)


def test_our_own_rgb_model_is_a_teacher(dataset: Dataset, tmp_path: Path) -> None:
    settings = own_model(tmp_path / "model", "rgb")
    teacher = open_built_in(settings)
    assert teacher.geometry is Geometry.AFFINE_INVERSE
    store = make_labels(settings, dataset, tmp_path / "labels", split="val")
    assert isinstance(store, LabelStore)
    for name in dataset.split("val").sample_ids:
        assert np.isfinite(store.label(name)).all()
    assert store.missing(dataset.split("train").sample_ids)  # another split is another day


def told_the_lens(folder: Path) -> TeacherSettings:
    """A small network of the kind of `rgb-any`, as its training leaves it."""
    settings = named_training("rgb-any").edit(
        {"data.size": [64, 96], "model.weights": "none", "model.decoder_width": 8}
    )
    model = settings.model.edit({"depth_range_m": [1.0, 80.0]})
    recipe = ModelRecipe(
        model=model,
        modality="rgb",
        normaliser=NormaliserSettings(),
        trained_unit=ThermalUnit.COUNTS,
        working_size=(64, 96),
        short_sides=short_sides_of(settings.data),
        lens=TrainingLens(focal_px=80.0, field_of_view_deg=60.0),
    )
    network = initialise(model, channels=3, seed=0)
    # A head begins nearly flat, and a map of noise would compare noise.
    torch.nn.init.normal_(network.structure_head.value.weight)
    save_model(folder, network, recipe)
    return TeacherSettings(kind="rgb-small", model=str(folder))


def test_a_teacher_that_is_told_the_lens_runs_at_the_largest_size_of_its_training(
    dataset: Dataset, tmp_path: Path
) -> None:
    settings = told_the_lens(tmp_path / "model")
    teacher = open_built_in(settings)
    assert "short side 96 px" in teacher.description  # 1.5 times 64
    smaller = open_built_in(settings.edit({"input_size": 64}))
    assert "short side 64 px" in smaller.description
    assert smaller.fingerprint() != teacher.fingerprint()
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (96, 128, 3), dtype=np.uint8)
    sample = replace(
        dataset.split("train").read(0),
        thermal=np.zeros((96, 128), np.uint16),
        depth_m=None,
        sky=None,
        rgb=rgb,
    )
    (values,) = teacher.label([sample])
    network = load_model(tmp_path / "model").network
    image = torch.from_numpy(rgb.transpose(2, 0, 1)[None].astype(np.float32) / 255)
    for focal_px in (20.0, 900.0):  # no lens moves structure, so any may be told
        with torch.inference_mode():
            own = network(image, torch.tensor([focal_px])).structure[0]
        np.testing.assert_allclose(values, own.numpy(), atol=1e-5)
    assert np.ptp(values) > 0.01
    assert not np.allclose(values, smaller.label([sample])[0], atol=1e-3)


def test_the_teacher_that_ships_is_asked_at_the_size_that_its_labels_were_made_at() -> None:
    teacher = open_built_in(TeacherSettings())
    assert teacher.description == "built-in RGB network, short side 96 px"


def test_a_thermal_model_is_no_teacher(tmp_path: Path) -> None:
    with pytest.raises(TeacherError, match="model: a thermal model; a teacher reads RGB"):
        open_built_in(own_model(tmp_path / "model", "thermal"))


class RampTeacher:
    """Knows the layout of scenes by heart, and sees as much of a picture as `contrast`."""

    geometry = Geometry.AFFINE_INVERSE
    description = "ramp"

    def __init__(self, contrast: float) -> None:
        self.contrast = contrast

    def fingerprint(self) -> str:
        return "ramp-0"

    def label(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        maps = []
        for sample in samples:
            assert sample.rgb is not None
            rows = np.linspace(0, 1, len(sample.rgb), dtype=np.float32)[:, None]
            maps.append(
                rows + np.float32(self.contrast / 255) * sample.rgb.mean(2, dtype=np.float32)
            )
        return maps


@pytest.mark.parametrize(("contrast", "warned"), [(1.0, 0), (1 / 255, 1)])
def test_a_teacher_that_does_not_see_is_named_once(
    contrast: float,
    warned: int,
    dataset: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(labels_module, "open_built_in", lambda _settings: RampTeacher(contrast))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make_labels(TeacherSettings(), dataset, tmp_path)
        make_labels(TeacherSettings(), dataset, tmp_path)  # all are there: nothing is asked
    assert len(caught) == warned
    assert all("does not see its pictures" in str(one.message) for one in caught)
