"""Every command as a person types it, and the wrong things a person would type."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from thermodepth.lock import holding

Thermodepth = Callable[..., tuple[int, str, str]]


def write_png(path: Path, array: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


@pytest.fixture
def mm5(tmp_path: Path) -> Path:
    """A prepared MM5 folder of 100 small frames: 20 of test, 60 of train, 20 of val."""
    root = tmp_path / "mm5"
    rng = np.random.default_rng(0)
    for number in (*range(1, 21), *range(107, 167), *range(262, 282)):
        far = (800 + 3 * np.arange(64)[:, None] * np.ones(64)).astype(np.uint16)
        far[10:14, 20:30] = 0
        warm = (18300 + rng.integers(0, 60, (64, 64))).astype(np.uint16)
        write_png(
            root / "RGB" / f"{number}.jpg", rng.integers(0, 255, (64, 64, 3)).astype(np.uint8)
        )
        write_png(root / "Thermal" / f"{number}.png", warm)
        write_png(root / "Depth" / f"{number}.png", far)
    return root


TINY = ["--steps", "2", "--set", "model.weights=none", "--set", "model.decoder_width=16"]
TINY += ["--set", "data.batch_size=2", "--set", "data.size=[64,64]"]


def counts(height: int = 64, width: int = 80) -> np.ndarray:
    rows = np.arange(height)[:, None] * np.ones(width)
    return (7000 + 10 * rows).astype(np.uint16)


# ---- what works


def test_version_and_help(thermodepth: Thermodepth) -> None:
    code, out, _ = thermodepth("--version")
    assert (code, out.split()[0]) == (0, "thermodepth")
    code, out, _ = thermodepth("study", "run", "--help")
    assert code == 0
    for option in ("--data", "--seeds", "--steps", "--out", "--set"):
        assert option in out


def test_train_evaluate_predict_label(
    thermodepth: Thermodepth, tiny_pack: Path, tmp_path: Path
) -> None:
    data = f"synthetic:{tiny_pack}"
    code, out, err = thermodepth(
        "train", "--data", data, "--out", "run", *TINY, "--set", "teacher.kind=truth"
    )
    assert code == 0, err
    assert "run/model" in out
    code, out, err = thermodepth("evaluate", "run", "--data", data, "--out", "scores")
    assert code == 0, err
    assert "AbsRel" in out
    assert "mean-depth map" in out
    assert (tmp_path / "scores" / "rows.parquet").is_file()
    np.save(tmp_path / "frame.npy", counts())
    code, out, err = thermodepth(
        "predict", "frame.npy", "--model", "run", "--fov", "60", "--out", "depth"
    )
    assert code == 0, err
    depth = np.asarray(Image.open(tmp_path / "depth" / "frame_depth.png"))
    assert depth.dtype == np.uint16
    assert depth.shape == (64, 80)
    assert depth.min() > 0
    code, out, err = thermodepth("label", "--data", data, "--teacher", "truth", "--out", "labels")
    assert code == 0, err
    assert "12 labels" in out
    assert "nearest training frame" in out
    assert len(list((tmp_path / "labels").glob("*/*.png"))) == 12


def test_predict_reads_every_kind_of_frame_with_the_shipped_model(
    thermodepth: Thermodepth, tmp_path: Path
) -> None:
    frames = tmp_path / "frames"
    write_png(frames / "a16.png", counts())
    write_png(frames / "b14.tiff", counts())
    write_png(frames / "c8.png", (counts() // 64).astype(np.uint8))
    np.save(frames / "d.npy", counts())
    np.save(frames / "kelvin.npy", counts().astype(np.float32) / 24)
    shutil.copy(frames / "a16.png", frames / "misnamed.tiff")
    with pytest.warns(UserWarning, match="the lens is not known"):
        code, out, err = thermodepth("predict", frames, "--out", "depth", "--format", "npy")
    assert code == 0, err
    assert "6 frames" in out
    assert "8-bit" in err
    assert len(list((tmp_path / "depth").glob("*_depth.npy"))) == 6
    same = [np.load(tmp_path / f"depth/{n}_depth.npy") for n in ("a16", "b14", "d", "misnamed")]
    for other in same[1:]:
        np.testing.assert_array_equal(same[0], other)
    assert len(list((tmp_path / "depth").glob("*_view.png"))) == 6


def test_data_info(thermodepth: Thermodepth, mm5: Path) -> None:
    code, out, err = thermodepth("data", "info", f"mm5:{mm5}")
    assert code == 0, err
    assert "CC BY-NC 4.0" in out
    assert "60 frames of 64x64" in out
    assert "kelvin" in out


# ---- what a person gets wrong: one line that names the place and the remedy, exit code 2, nothing left


def refused(result: tuple[int, str, str], *words: str) -> None:
    code, _, err = result
    assert code == 2, err
    assert "Traceback" not in err
    for word in words:
        assert word in err.replace("\n", " "), err


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (["predict", "nowhere.png"], ["nowhere.png", "no such file"]),
        (["predict", ".", "--model", "nothing"], ["no PNG"]),
        (["data", "info", "mm6:x"], ["mm6", "did you mean 'mm5'"]),
        (["data", "info", "mm5"], ["mm5:PATH"]),
        (["data", "info", "mm5:nowhere"], ["nowhere", "no such folder"]),
        (["data", "info", "synthetic:nowhere.zip"], ["nowhere.zip", "data render"]),
        (["study", "run", "papre"], ["papre", "did you mean 'paper'"]),
        (["train", "--out", "r", "--recipe", "x"], ["unknown recipe 'x'"]),
        (
            ["train", "--out", "r", "--set", "losses.silogg.weight=2"],
            ["losses.silogg", "metric_silog"],
        ),
        (
            ["train", "--out", "r", "--set", "losses.metric_silog.weight=NaN"],
            ["losses.metric_silog.weight", "finite"],
        ),
        (
            ["train", "--out", "r", "--set", "losses.metric_silog.weight=-1"],
            ["losses.metric_silog.weight", "greater than or equal to 0"],
        ),
        (["train", "--out", "r", "--set", "model.encoder=resnet19"], ["resnet19", "resnet18"]),
        (["train", "--out", "r", "--set", "steps"], ["--set steps", "PATH=VALUE"]),
        (["train", "--out", "r", "--set", "runtime.device=cuda"], ["no CUDA device"]),
        (["evaluate", "nowhere"], ["nowhere", "thermal-small"]),
        (["evaluate", "thermal-small", "--split", "tets"], ["tets", "did you mean 'test'"]),
        (["label", "--teacher", "transformers"], ["hub id or a local folder"]),
        (
            ["label", "--teacher", "transformers", "--teacher-model", "./nowhere"],
            ["nowhere"],
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_words(
    thermodepth: Thermodepth, tmp_path: Path, call: list[str], words: list[str]
) -> None:
    refused(thermodepth(*call), *words)
    assert not (tmp_path / "r" / "model").exists()


def test_eight_bits_where_counts_are_meant(thermodepth: Thermodepth, tmp_path: Path) -> None:
    write_png(tmp_path / "agc.png", (counts() // 64).astype(np.uint8))
    refused(thermodepth("predict", "agc.png", "--counts"), "agc.png", "8-bit", "14/16-bit")
    assert not (tmp_path / "depth").exists()


def test_a_truncated_frame(thermodepth: Thermodepth, tmp_path: Path) -> None:
    path = write_png(tmp_path / "cut.png", counts())
    path.write_bytes(path.read_bytes()[:-40])
    refused(thermodepth("predict", "cut.png"), "cut.png", "truncated")
    assert not (tmp_path / "depth").exists()


def test_one_broken_frame_of_a_folder_is_named_and_the_others_predicted(
    thermodepth: Thermodepth, tmp_path: Path
) -> None:
    write_png(tmp_path / "in" / "good.png", counts())
    (tmp_path / "in" / "bad.png").write_bytes(b"no picture")
    refused(thermodepth("predict", "in", "--fov", "54"), "bad.png", "not a PNG")
    assert (tmp_path / "depth" / "good_depth.png").is_file()
    assert not (tmp_path / "depth" / "bad_depth.png").exists()


Break = Callable[[Path], object]


def all_holes(root: Path) -> None:
    write_png(root / "Depth" / "1.png", np.zeros((64, 64), np.uint16))


def no_rgb(root: Path) -> None:
    shutil.rmtree(root / "RGB")


def one_rgb_missing(root: Path) -> None:
    (root / "RGB" / "3.jpg").unlink()


def truncated(root: Path) -> None:
    path = root / "Thermal" / "2.png"
    path.write_bytes(path.read_bytes()[:-30])


def wrong_size(root: Path) -> None:
    write_png(root / "Depth" / "4.png", np.full((32, 64), 900, np.uint16))


def eight_bit(root: Path) -> None:
    write_png(root / "Thermal" / "5.png", (counts(64, 64) // 64).astype(np.uint8))


def lonely(root: Path) -> None:
    (root / "Depth" / "6.png").unlink()


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (all_holes, ["Depth", "1.png", "hole"]),
        (no_rgb, ["RGB"]),
        (one_rgb_missing, ["mm5-0003", "RGB"]),
        (truncated, ["Thermal", "2.png", "truncated"]),
        (wrong_size, ["Depth", "4.png", "64x32"]),
        (eight_bit, ["Thermal", "5.png", "8-bit"]),
        (lonely, ["frame 6"]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_broken_data_stops_a_study_with_the_file_and_the_remedy(
    thermodepth: Thermodepth, mm5: Path, tmp_path: Path, harm: Break, words: list[str]
) -> None:
    harm(mm5)
    data = f"mm5:{mm5}?split=blocks"  # frames 1 to 20 are then to train on
    result = thermodepth("study", "run", "paper", "--data", data, "--out", "s", *TINY)
    refused(result, *words)
    for name in ("table.md", "report.html", "rows.parquet"):
        assert not (tmp_path / "s" / name).exists()
    assert not list(tmp_path.glob("s/**/.*.part"))


def test_a_folder_of_something_else_is_refused(
    thermodepth: Thermodepth, tiny_pack: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    data = ["--data", f"synthetic:{tiny_pack}", "--set", "teacher.kind=truth"]
    refused(thermodepth("train", "--out", "mine", *data, *TINY), "mine", "--out")
    refused(thermodepth("study", "run", "paper", "--out", "mine", *data, *TINY), "mine", "--out")
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_refusals_come_before_the_work(
    thermodepth: Thermodepth, tiny_pack: Path, tmp_path: Path
) -> None:
    """Labels may take hours: what would be refused after them is refused before."""
    data = f"synthetic:{tiny_pack}"
    (tmp_path / "taken").write_text("a file")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thing.txt").write_text("somebody's")
    labels = ("--labels", "labels")
    refused(thermodepth("train", "--data", data, "--out", "taken", *labels), "taken", "is a file")
    refused(thermodepth("train", "--data", data, "--out", "other", *labels), "other files")
    refused(
        thermodepth("label", "--data", data, "--out", "labels", "--qa", "qa"), "no map is moved"
    )
    weights = ("--set", "model.weights=none-such/folder", "--out", "new")
    refused(thermodepth("train", "--data", data, *weights, *labels), "none-such/folder")
    with holding(tmp_path / "held"):
        held = ("train", "--data", data, "--out", "held", *labels)
        refused(thermodepth(*held), "another process is training in this folder")
    assert not (tmp_path / "labels").exists()
    np.save(tmp_path / "other" / "frame.npy", counts())
    refused(thermodepth("predict", "other", "--out", "other"), "read as frames")
    refused(thermodepth("predict", "other", "--short-side", "100000"), "32 to 4096")
    assert sorted(p.name for p in (tmp_path / "other").iterdir()) == ["frame.npy", "thing.txt"]


def test_paths_that_cannot_be_made_and_arguments_that_are_nothing(
    thermodepth: Thermodepth, tiny_pack: Path, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file")
    np.save(tmp_path / "frame.npy", counts())
    lens = ("--fov", "54")
    refused(
        thermodepth("predict", "frame.npy", *lens, "--out", "taken/depth"),
        "taken",
        "Not a directory",
    )
    refused(thermodepth("data", "check", ""), "empty argument")
    refused(thermodepth("data", "info", tiny_pack), f"such as synthetic:{tiny_pack}")


def test_an_option_edits_only_when_it_was_given(
    thermodepth: Thermodepth, tiny_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = []
    monkeypatch.setattr(
        "thermodepth.cli.train.train_one", lambda settings, *_, **__: trained.append(settings)
    )
    (tmp_path / "pack.zip").write_bytes(tiny_pack.read_bytes())
    by_set = ("--set", "data.source=synthetic:pack.zip", "--set", "seed=7", "--set", "steps=9")
    assert thermodepth("train", "--out", "r", *by_set)[0] == 0
    by_option = ("--data", "synthetic:pack.zip", "--seed", "7", "--steps", "9")
    assert thermodepth("train", "--out", "r", *by_option)[0] == 0
    assert trained[0] == trained[1]
    assert trained[0].data.source == f"synthetic:{tmp_path / 'pack.zip'}"  # from any folder
    assert (trained[0].seed, trained[0].steps) == (7, 9)
    for option, edit in (("--seed=1", "seed=2"), ("--data=synthetic", "data.source=mm5:x")):
        refused(thermodepth("train", "--out", "r", option, "--set", edit), "give one of them")
    labelled = []
    monkeypatch.setattr(
        "thermodepth.cli.label.label_data",
        lambda settings, *, split, **_: labelled.append((settings.teacher.kind, split)),
    )
    by_set = ("--set", "data.split=val", "--set", "teacher.kind=truth")
    for call in (by_set, ("--split", "val", "--teacher", "truth")):
        assert thermodepth("label", *call)[0] == 0
    assert labelled == [("truth", "val")] * 2
    wrong = ("label", "--teacher", "truth", "--set", "teacher.kind=maps")
    refused(thermodepth(*wrong), "--teacher truth with --set teacher.kind", "give one of them")
    assert len(trained) == 2


def test_a_wrong_setting_is_told_without_what_nobody_typed(thermodepth: Thermodepth) -> None:
    _, _, err = thermodepth("train", "--out", "r", "--set", "model.encoder=x")
    assert err.startswith("error: edit model.encoder=x: model.encoder = 'x': unknown encoder 'x'")
    both = ("--set", "data.min_truth_m=5", "--set", "data.max_truth_m=2")
    _, _, err = thermodepth("train", "--out", "r", *both)
    assert err == (
        "error: edit data.min_truth_m=5, data.max_truth_m=2: data: min_truth_m 5 must be below "
        "max_truth_m 2\n"
    )


def test_train_takes_all_cores_only_where_the_environment_says_nothing(
    thermodepth: Thermodepth, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`set_thread_policy` has the order: its variable, OMP_NUM_THREADS, then what a command would take."""
    from thermodepth.threads import available_cores

    asked = []
    monkeypatch.setattr(
        "thermodepth.cli.train.set_thread_policy", lambda *a, **k: asked.append((a, k))
    )
    monkeypatch.setattr("thermodepth.cli.train.train_one", lambda *_, **__: None)
    assert thermodepth("train", "--out", "r")[0] == 0
    assert asked == [((), {"otherwise": available_cores()})]
