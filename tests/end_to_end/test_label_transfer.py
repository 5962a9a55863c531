"""`thermodepth label` where RGB has a view of its own: made, counted and drawn; else all as before."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from thermodepth.camera import pinhole
from thermodepth.cli import label as command
from thermodepth.data.frames import Dataset
from thermodepth.errors import SettingsError, TeacherError
from thermodepth.study.design import Arm, Study
from thermodepth.study.folder import StudyFolder
from thermodepth.study.inputs import make_all_labels
from thermodepth.study.results import scenes
from thermodepth.teacher import TeacherSettings, TransferringTeacher
from thermodepth.teacher.rgb import label_rgb
from thermodepth.training import labels
from thermodepth.training.settings import TrainingSettings
from thermodepth.types import Geometry, RgbView, Sample, ThermalUnit

SIZE, RGB_SIZE = (40, 60), (80, 120)
WALL_M = 8.0


class Apart:
    """Frames of a wall that tilts away; every third was taken in the dark."""

    noise_is_drawn = False
    sample_ids: Sequence[str] = [f"street/{i}" for i in range(6)]

    def read(self, index: int, *, draw: int = 0, with_rgb: bool = True) -> Sample:
        del draw
        truth = np.full(RGB_SIZE, np.nan, np.float32)
        truth[::3, ::3] = wall()[::3, ::3]
        rng = np.random.default_rng(index)
        rgb = rng.integers(40, 220, (4, 6, 3), dtype=np.uint8).repeat(20, 0).repeat(20, 1)
        if index % 3 == 0:
            rgb //= 50
        shift = np.eye(4)
        shift[0, 3] = -0.2
        view = RgbView(
            intrinsics=pinhole(100, RGB_SIZE[1], RGB_SIZE[0]),
            rgb_from_thermal=shift,
            depth_m=truth,
        )
        return Sample(
            sample_id=self.sample_ids[index],
            thermal=rng.integers(7000, 8000, SIZE, dtype=np.uint16),
            thermal_unit=ThermalUnit.COUNTS,
            intrinsics=pinhole(50, SIZE[1], SIZE[0]),
            depth_m=np.full(SIZE, WALL_M, np.float32),
            rgb=rgb if with_rgb else None,
            rgb_view=view if with_rgb else None,
        )

    def fingerprint(self) -> str:
        return "apart-1"


def wall() -> NDArray[np.float32]:
    """Nearer to the bottom, so that a factor and an offset can be found."""
    inverse = np.linspace(0.7, 1.5, RGB_SIZE[0], dtype=np.float32)[:, None] / WALL_M
    return 1 / np.repeat(inverse, RGB_SIZE[1], axis=1)


class WallTeacher:
    """The wall as a relative model would have it."""

    geometry = Geometry.AFFINE_INVERSE
    description = "knows the wall"

    def fingerprint(self) -> str:
        return "wall-0011223344556677"

    def label(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        return [np.resize(3 / wall() + 5, sample.size) for sample in samples]


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """The data set, behind every spec, with its teacher."""
    dataset = Dataset(
        name="apart",
        spec="apart",
        splits={"train": Apart(), "test": Apart()},
        protocol="synthetic",
        depth_range_m=(0.5, 80.0),
        training_size=SIZE,
        licence="none",
        note="made up",
    )
    monkeypatch.setattr("thermodepth.data.open_dataset", lambda _spec: dataset)
    monkeypatch.setattr(labels, "open_built_in", lambda _settings: WallTeacher())
    return dataset


@pytest.mark.filterwarnings("ignore:knows the wall. gives nearly the same map")  # it looks at none
def test_labels_are_moved_counted_and_drawn(
    apart: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):  # the second time everything is there, and the report is the same
        command.label_data(
            TrainingSettings(),
            split="train",
            label_root=tmp_path / "labels",
            qa=tmp_path / "qa",
            qa_frames=2,
        )
        out = capsys.readouterr().out
        assert "6 labels (affine_inverse)" in out
        assert "moved from the RGB camera's view: 4 of 6 frames" in out
        assert "2 rejected: RGB too dark" in out
        assert "2 pictures in" in out
    (folder,) = (tmp_path / "labels").iterdir()
    assert folder.name.startswith("wall.thermal-view-")
    sheets = sorted((tmp_path / "qa").glob("*.jpg"))
    assert [sheet.name for sheet in sheets] == ["street%2F1.jpg", "street%2F4.jpg"]
    with Image.open(sheets[0]) as sheet:
        pixels = np.asarray(sheet.convert("RGB"))
    assert pixels.shape[1] > 1200
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 1000
    store = labels.make_labels(TeacherSettings(), apart, tmp_path / "labels")
    assert np.isnan(store.label("street/0")).all()
    assert np.isfinite(store.label("street/1")).mean() > 0.5


def test_a_study_shows_moved_labels(apart: Dataset, tmp_path: Path) -> None:
    folder = StudyFolder(path=tmp_path)
    store = scenes._labels_of(study_of_arms(), folder, apart, [0, 1])
    assert store is not None
    assert store.label("street/1").shape == SIZE
    assert store.rejected(["street/0", "street/1"]) == {"RGB too dark": 1}


def study_of_arms(*edits: dict[str, Any]) -> Study:
    arms = [Arm(name=f"arm-{n}", title="", edits=own) for n, own in enumerate(edits)]
    return Study(
        name="s",
        title="S",
        settings=TrainingSettings(),
        arms=(Arm(name="full", title=""), *arms),
        reference="full",
        seeds=(0,),
    )


@pytest.mark.filterwarnings("ignore:knows the wall. gives nearly the same map")  # it looks at none
def test_arms_that_edit_the_transfer_are_taught_by_labels_of_their_own(
    apart: Dataset, tmp_path: Path
) -> None:
    """Where maps are moved; elsewhere such an edit is refused, for it has no effect."""
    datasets = {"synthetic": apart}
    far = study_of_arms({"teacher.transfer.far_m": 12.0})
    inputs = make_all_labels(far, datasets, tmp_path, progress=lambda *_: None)
    ours, theirs = (inputs[arm].labels for arm in ("full", "arm-0"))
    assert ours.folder != theirs.folder
    assert set(ours.ids()) == set(theirs.ids())
    for edits, words in (
        ({"teacher.transfer.refit_metric": True}, "the teacher's maps are not in metres"),
        ({"teacher.kind": "truth", "teacher.transfer.far_m": 12.0}, "no map is moved"),
    ):
        with (
            warnings.catch_warnings(action="ignore"),
            pytest.raises(SettingsError, match=f"arm 'arm-0': teacher.transfer.*{words}"),
        ):
            make_all_labels(study_of_arms(edits), datasets, tmp_path, progress=lambda *_: None)


def test_the_truth_needs_no_moving(apart: Dataset) -> None:
    frames = apart.split("train")
    moved = labels.open_for_frames(TeacherSettings(), frames)
    assert isinstance(moved, TransferringTeacher)
    truth = labels.open_for_frames(TeacherSettings(kind="truth"), frames)
    assert not isinstance(truth, TransferringTeacher)


@pytest.mark.filterwarnings("ignore:knows the wall. gives nearly the same map")  # it looks at none
def test_aligned_sets_stay_as_they_were(
    tiny_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from thermodepth.data import open_dataset
    from thermodepth.teacher import open_store

    dataset = open_dataset(f"synthetic:{tiny_pack}")
    monkeypatch.setattr(labels, "open_built_in", lambda _settings: WallTeacher())
    settings = TeacherSettings()
    teacher = labels.open_for_frames(settings, dataset.split("train"))
    assert teacher.fingerprint() == labels.open_built_in(settings).fingerprint()
    store = labels.make_labels(settings, dataset, tmp_path / "a", split="val")
    assert not (store.folder / "facts").exists()
    direct = open_store(tmp_path / "b", teacher, dataset.fingerprint())
    frames = dataset.split("val")
    direct.fill(labels.open_built_in(settings), [frames.read(0), frames.read(1)])
    for name in frames.sample_ids:
        assert store.path(name).read_bytes() == direct.path(name).read_bytes()
    edited = settings.edit({"transfer.far_m": 100.0})
    with pytest.warns(UserWarning, match=r"teacher\.transfer has no effect"):
        labels.open_for_frames(edited, frames)
    training = TrainingSettings().edit({"data.source": f"synthetic:{tiny_pack}"})
    how: dict[str, Any] = {"split": "val", "label_root": tmp_path / "a"}
    with pytest.raises(SettingsError, match="RGB on the thermal pixel grid"):
        command.label_data(training, qa=tmp_path / "qa", **how)
    with pytest.raises(SettingsError, match="--qa-frames 0: expected at least 1"):
        command.label_data(training, qa=tmp_path / "qa", qa_frames=0, **how)


def test_an_rgb_teacher_refuses_a_foreign_view() -> None:
    import torch

    with pytest.raises(TeacherError, match="its RGB is another camera's view"):
        label_rgb([Apart().read(1)], lambda x: x[:, 0], batch_size=1, device=torch.device("cpu"))
