"""A network that is shown less than it was trained with, or far more, says so, once."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from thermodepth.cli.predict import predict
from thermodepth.inference.predictor import load
from thermodepth.inference.working_size import size_note
from thermodepth.model import load_model
from thermodepth.types import ThermalUnit

ModelFolder = Callable[..., Path]


@pytest.fixture
def counts() -> NDArray[np.uint16]:
    return np.random.default_rng(0).integers(7000, 7400, (100, 120)).astype(np.uint16)


@pytest.mark.parametrize(
    ("short_side", "trained", "words"),
    [
        (95, (96, 192), ("short side of 95 pixels, below the 96 to 192 of its training",)),
        (64, (96, 96), ("short side of 64 pixels, below the 96 of its", "side of 96 or more")),
        (290, (96, 192), ("short side of 290 pixels, far above the 96 to 192 of its", "about 192")),
        (96, (96, 192), ()),
        (150, (96, 192), ()),
        (288, (96, 192), ()),
        (144, (96, 96), ()),
    ],
)
def test_the_note_names_both_numbers(
    short_side: int, trained: tuple[int, int], words: tuple[str, ...]
) -> None:
    note = size_note(short_side, trained)
    assert bool(note) == bool(words)
    assert all(part in note for part in words)


@pytest.mark.parametrize("short_side", [32, 256])
def test_a_predictor_says_it_once(
    short_side: int, model_folder: ModelFolder, counts: NDArray[np.uint16]
) -> None:
    predictor = load(model_folder(short_sides=(64, 128)), device="cpu", short_side=short_side)
    match = rf"short side of {short_side} .* 64 to 128 of its"
    with pytest.warns(UserWarning, match=match):
        predictor(counts)
    predictor.predict([counts, counts], unit=ThermalUnit.COUNTS)  # a warning would be an error


@pytest.mark.parametrize("short_side", [None, 64, 100, 128, 192])
def test_sizes_like_those_of_the_training_pass_without_a_word(
    short_side: int | None, model_folder: ModelFolder, counts: NDArray[np.uint16]
) -> None:
    folder = model_folder(short_sides=(64, 128))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(folder, device="cpu", short_side=short_side)(counts)


def test_a_model_of_one_size_knows_it(
    model_folder: ModelFolder, counts: NDArray[np.uint16]
) -> None:
    own = min(load_model(model_folder()).recipe.working_size)
    with pytest.warns(UserWarning, match=rf"below the {own} of its training"):
        load(model_folder(), device="cpu", short_side=32)(counts)


def test_predict_says_it_for_a_whole_folder_once(
    model_folder: ModelFolder, counts: NDArray[np.uint16], tmp_path: Path
) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    for name in ("a.npy", "b.npy"):
        np.save(frames / name, counts)
    with pytest.warns(UserWarning, match="below the 64 to 128 of its training") as all_:
        predict(
            [str(frames)],
            tmp_path / "out",
            model=str(model_folder(short_sides=(64, 128))),
            depth_format="npy",
            view=False,
            short_side=32,
            device="cpu",
        )
    assert len(all_) == 1
