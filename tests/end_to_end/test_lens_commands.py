"""Metres that know the lens, as people type it: train, evaluate, predict."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from thermodepth.evaluation.store import PredictionStore
from thermodepth.files import encode_png

Thermodepth = Callable[..., tuple[int, str, str]]

DESCRIPTION = {
    "thermal": {"files": "{sequence}/thermal/{frame}.png", "unit": "counts"},
    "depth": {"files": "{sequence}/depth/{frame}.png", "metres": 0.001},
    "near_m": 0.5,
    "far_m": 60,
    "splits": {"train": ["a", "b"], "test": ["c"]},
}
TRAINING = [
    word
    for edit in (
        "model.focal_px=150",
        "model.weights=none",
        "model.decoder_width=8",
        "teacher.kind=truth",
        "data.batch_size=2",
        "data.size=[32,64]",
        "data.augmentation.zoom=1.5",
        "data.augmentation.roll_deg=5",
        "data.augmentation.aspect=cut",
        "runtime.device=cpu",
    )
    for word in ("--set", edit)
]


@pytest.fixture
def describe(tmp_path: Path) -> Callable[..., Path]:
    """`describe("far.yaml", focal_px=90)`: six frames of 80x40 in three sequences."""
    rng = np.random.default_rng(0)
    for sequence in "abc":
        for number in range(2):
            for kind, low, high in (("thermal", 7000, 9000), ("depth", 1000, 30_000)):
                path = tmp_path / "frames" / sequence / kind / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(encode_png(rng.integers(low, high, (40, 80), dtype=np.uint16)))

    def write(name: str, **lens: object) -> Path:
        path = tmp_path / "frames" / name
        path.write_text(yaml.safe_dump({**DESCRIPTION, **lens}))
        return path

    return write


def test_from_frames_to_metres_of_another_lens(
    thermodepth: Thermodepth, describe: Callable[..., Path], tmp_path: Path
) -> None:
    known = describe("known.yaml", focal_px=90)
    other = describe("other.yaml", focal_px=180)
    unknown = describe("unknown.yaml")
    train = ("train", "--steps", "2", "--data")
    code, _, err = thermodepth(*train, f"folder:{unknown}", "--out", "refused", *TRAINING)
    assert code == 2
    assert "its lens is not known" in err
    assert "field_of_view_deg" in err
    code, _, err = thermodepth(*train, f"folder:{known}", "--out", "run", *TRAINING)
    assert code == 0, err
    lens = json.loads((tmp_path / "run" / "model" / "model.json").read_text())["lens"]
    assert lens["field_of_view_deg"] == pytest.approx(2 * np.rad2deg(np.arctan(40 / 90)))
    assert lens["focal_px"] == pytest.approx(90 * 32 / 40)  # the sides are cut away, not squeezed

    def depth_m(data: Path, out: str, *options: str) -> np.ndarray:
        evaluate = ("evaluate", "run", "--data", f"folder:{data}", "--teacher", "none")
        code, _, err = thermodepth(*evaluate, "--no-baselines", "--out", out, *options)
        assert code == 0, err
        store = PredictionStore.open(tmp_path / out / "predictions" / "run")
        return store.read("folder-c-0").depth_m

    metres = depth_m(known, "known")
    np.testing.assert_allclose(depth_m(other, "other"), 2 * metres, rtol=1e-4)
    by_option = depth_m(unknown, "by-option", "--focal-px", "180")
    np.testing.assert_allclose(by_option, 2 * metres, rtol=1e-4)
    with pytest.warns(UserWarning, match="the lens is not known: taken is the training's"):
        np.testing.assert_allclose(depth_m(unknown, "assumed"), metres, rtol=1e-4)
    # Predictions of one lens are never taken for those of another.
    call = ("evaluate", "run", "--data", f"folder:{unknown}", "--teacher", "none")
    code, _, err = thermodepth(*call, "--out", "by-option", "--focal-px", "90")
    assert code == 2
    assert "by-option" in err

    frame = tmp_path / "frames" / "c" / "thermal" / "0.png"
    predict = ("predict", frame, "--model", "run", "--format", "npy", "--no-view")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        code, _, err = thermodepth(*predict, "--focal-px", "180", "--out", "maps")
    assert code == 0, err
    np.testing.assert_allclose(np.load(tmp_path / "maps/0_depth.npy"), 2 * metres, rtol=1e-4)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("predict", "frame.png", "--fov", "200"), "--fov: fov_deg 200"),
        (("predict", "frame.png", "--fov", "40", "--focal-px", "90"), "--fov and --focal-px"),
        (("predict", "frame.png", "--camera", "cam0=thermal"), "no effect without --calibration"),
        (("predict", "frame.png", "--calibration", "none.yaml"), "none.yaml"),
        (("evaluate", "thermal-small", "--fov", "40"), "--fov: has no effect, the frames of synth"),
        (
            ("evaluate", "--predictions", "a", "--truth", "b", "--focal-px", "90"),
            "--focal-px: has no effect with --predictions",
        ),
    ],
)
def test_wrong_words(
    words: tuple[str, ...], message: str, thermodepth: Thermodepth, tmp_path: Path
) -> None:
    (tmp_path / "frame.png").write_bytes(encode_png(np.full((40, 80), 7000, np.uint16)))
    code, _, err = thermodepth(*words)
    assert code == 2
    assert message in err.replace("\n", " ")


def test_a_warning_is_one_line_without_our_source(thermodepth: Thermodepth) -> None:
    code, _, _ = thermodepth("--version")
    assert code == 0
    line = warnings.formatwarning("the lens is not known", UserWarning, "predictor.py", 262)
    assert line == "warning: the lens is not known\n"
    foreign = warnings.formatwarning("old", DeprecationWarning, "library.py", 3)
    assert "library.py:3" in foreign  # whose it is, is not for a person to guess
