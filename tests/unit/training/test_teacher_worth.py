"""A teacher is held against the truth before a network learns from it; a blind map that wins is said."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from thermodepth.cli.train import train_one
from thermodepth.config import Edits
from thermodepth.data import open_dataset, samples_of
from thermodepth.study.design import Arm, Study
from thermodepth.study.folder import StudyFolder
from thermodepth.study.inputs import make_all_labels, open_datasets
from thermodepth.study.teachers import note_teachers, teacher_notes
from thermodepth.synthetic.rendering.frame import Frame
from thermodepth.synthetic.storage.pack import write_pack
from thermodepth.training.labels import make_labels
from thermodepth.training.settings import TrainingSettings
from thermodepth.training.teacher_worth import (
    TEACHER,
    TeacherWorth,
    read_worth,
    teacher_worth,
    warn_of_worth,
)

SIZE = (32, 40)
FRAMES = 12


def ground(seed: int, *, box: bool) -> np.ndarray:
    """1/depth of a flat ground, with or without something standing on it at a place of its own."""
    rng = np.random.default_rng(seed)
    inverse = np.linspace(0.05, 0.5, SIZE[0])[:, None] * np.ones(SIZE[1])
    if box:
        top, left = rng.integers(0, 16), rng.integers(0, 24)
        inverse[top : top + 14, left : left + 14] = rng.uniform(0.3, 0.9)
    return inverse.astype(np.float32)


def pack(path: Path, *, box: bool, truth: float = 1.0) -> str:
    """A set of such frames of which a share of the pixels has truth."""

    def frame(seed: int) -> Frame:
        depth = 1 / ground(seed, box=box)
        depth[np.random.default_rng(seed).random(SIZE) >= truth] = np.nan
        return Frame(
            frame_id=f"street-day-{seed:07d}",
            kind="street",
            condition="day",
            seed=seed,
            rgb=np.full((*SIZE, 3), 90, np.uint8),
            apparent_temperature_k=(285 + 10 * ground(seed, box=box)).astype(np.float32),
            depth_m=depth,
            intrinsics=np.array([[40, 0, 20], [0, 40, 16], [0, 0, 1]], np.float32),
        )

    splits = {"train": range(FRAMES), "val": range(50, 52), "test": range(60, 62)}
    write_pack(path, {name: [frame(s) for s in seeds] for name, seeds in splits.items()})
    return f"synthetic:{path}"


def noise(seed: int, _box: bool) -> np.ndarray:
    return np.random.default_rng(1000 + seed).random(SIZE).astype(np.float32)


def sees(seed: int, box: bool) -> np.ndarray:
    """Up to factor and offset the truth, a little off everywhere."""
    own = 3 * ground(seed, box=box) + 1
    return own + np.random.default_rng(seed).normal(0, 0.01, SIZE).astype(np.float32)


def ramp(_seed: int, _box: bool) -> np.ndarray:
    """Nearly a row ramp: what a teacher that has learnt only the layout gives."""
    rows = np.linspace(0, 1, SIZE[0]) ** 1.3
    return np.broadcast_to(rows[:, None], SIZE).astype(np.float32)


def run_settings(tmp_path: Path, teacher, *, box: bool, truth: float = 1.0) -> TrainingSettings:
    """A training on such frames, taught by maps that `teacher` draws."""
    source = pack(tmp_path / "pack.zip", box=box, truth=truth)
    maps = tmp_path / "maps"
    maps.mkdir()
    for sample in samples_of(open_dataset(source).split("train")):
        seed = int(sample.sample_id.rsplit("-", 1)[-1])
        np.save(maps / f"{sample.sample_id}.npy", teacher(seed, box))
    edits: Edits = {
        "steps": 1,
        "data.source": source,
        "data.size": [32, 32],
        "data.batch_size": 2,
        "model.weights": "none",
        "model.decoder_width": 8,
        "teacher.kind": "maps",
        "teacher.model": str(maps),
        "teacher.geometry": "affine_inverse",
    }
    return TrainingSettings().edit(edits)


def worth_of(tmp_path: Path, teacher, *, box: bool, truth: float = 1.0) -> TeacherWorth:
    settings = run_settings(tmp_path, teacher, box=box, truth=truth)
    dataset = open_dataset(settings.data.source)
    labels = make_labels(settings.teacher, dataset, tmp_path / "labels")
    worth = teacher_worth(settings, dataset, labels)
    assert worth is not None
    return worth


def test_a_teacher_of_noise_is_worse_than_any_blind_map(tmp_path):
    worth = worth_of(tmp_path, noise, box=True)
    assert worth.frames == FRAMES // 2
    assert set(worth.abs_rel) == {TEACHER, "mean-depth map", "row ramp"}
    best = min(v for name, v in worth.abs_rel.items() if name != TEACHER)
    text = worth.warning
    for part in ("'maps ", f"{worth.abs_rel[TEACHER]:.4f}", f"{best:.4f}", "6 frames", "row ramp"):
        assert part in text
    assert "teacher.kind=truth" in text
    assert "100% of the pixels" in text


def test_a_teacher_that_sees_is_not_warned_of(tmp_path):
    worth = worth_of(tmp_path, sees, box=True)
    assert worth.abs_rel[TEACHER] < 0.1 * min(worth.abs_rel["row ramp"], 1.0)
    assert worth.warning == ""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_worth(worth)


def test_where_the_layout_is_all_a_teacher_of_the_layout_is_no_better_than_a_ramp(tmp_path):
    """Its correlation with the truth is .98, which would be praise without the ramp beside it."""
    worth = worth_of(tmp_path, ramp, box=False)
    assert worth.abs_rel["row ramp"] < worth.abs_rel[TEACHER] < 0.5
    assert "worse than a map that looks at no picture" in worth.warning


def test_sparse_truth_is_not_offered_as_a_teacher(tmp_path):
    worth = worth_of(tmp_path, noise, box=True, truth=0.2)
    assert worth.truth_share == pytest.approx(0.2, abs=0.05)
    assert "is for dense truth" in worth.warning
    assert "another teacher" in worth.warning


@pytest.mark.parametrize(
    "edits",
    [
        {"teacher.kind": "truth", "teacher.model": "", "teacher.geometry": None},
        # No term reads a label, so nothing is learnt from the teacher.
        {
            "losses.structure_ssi.weight": 0.0,
            "losses.structure_gradient.weight": 0.0,
            "losses.groups.smooth": False,
            "losses.groups.consistency": False,
        },
    ],
)
def test_there_is_nothing_to_compare(tmp_path, edits):
    settings = run_settings(tmp_path, noise, box=True).edit(edits)
    dataset = open_dataset(settings.data.source)
    labels = make_labels(settings.teacher, dataset, tmp_path / "labels")
    assert teacher_worth(settings, dataset, labels) is None


def test_frames_without_truth_give_nothing_to_compare(tmp_path):
    settings = run_settings(tmp_path, noise, box=True, truth=0.0)
    dataset = open_dataset(settings.data.source)
    labels = make_labels(settings.teacher, dataset, tmp_path / "labels")
    assert teacher_worth(settings, dataset, labels) is None


def test_a_training_warns_once_and_keeps_the_figures(tmp_path):
    settings = run_settings(tmp_path, noise, box=True)
    for _ in range(2):  # also when the finished run is asked for again
        out = tmp_path / "run"
        is_done = (out / "done.json").is_file()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            train_one(settings, out, label_root=tmp_path / "labels")
        texts = [str(each.message) for each in caught]
        assert sum("looks at no picture" in text for text in texts) == (0 if is_done else 1)
    worth = read_worth(out)
    assert worth is not None
    assert worth.warning
    assert worth.warning in (out / "teacher.json").read_text(encoding="utf-8")


@pytest.mark.filterwarnings("ignore:teacher 'truth'")  # of the maps' own settings
def test_a_study_warns_once_for_labels_that_arms_share_and_says_so_under_its_tables(tmp_path):
    settings = run_settings(tmp_path, noise, box=True)
    dataset = open_dataset(settings.data.source)
    truth = {"teacher.kind": "truth"}
    arms = (
        Arm(name="full", title="All"),
        Arm(name="no-smooth", title="No Smooth", edits={"losses.groups.smooth": False}),
        Arm(name="truth", title="Taught by truth", edits=truth),
    )
    study = Study(
        name="s",
        title="S",
        settings=settings.resolved(dataset),
        arms=arms,
        reference="full",
        seeds=(0,),
    )
    datasets = open_datasets(study, dataset)
    inputs = make_all_labels(study, datasets, tmp_path / "labels", progress=lambda *_: None)
    folder = StudyFolder(path=tmp_path / "study")
    for _ in range(2):  # the second time from what was kept
        with pytest.warns(UserWarning, match="looks at no picture") as caught:
            note_teachers(study, inputs, folder)
        assert len(caught) == 1
    (note,) = teacher_notes(study, folder)
    assert note.startswith("All, No Smooth: The teacher 'maps ")
    assert note.endswith(".")
