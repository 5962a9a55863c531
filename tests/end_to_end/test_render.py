"""`thermodepth data render` as a person types it: what it writes, and what it says to wrong words."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from thermodepth.cli.data.info import _sizes
from thermodepth.cli.data.render import _scene_counts
from thermodepth.data import open_dataset
from thermodepth.synthetic.storage.pack import Pack
from thermodepth.types import ThermalUnit

Render = Callable[..., tuple[int, str, str]]


@pytest.fixture
def render(thermodepth: Render) -> Render:
    """Runs `thermodepth data render` in this process: (exit code, stdout, stderr)."""
    return partial(thermodepth, "data", "render", "--processes", "1")


def test_many_cameras(render: Render, tmp_path: Path) -> None:
    pytest.importorskip("embreex")
    call = ["--cameras", "many", "--scenes", "3", "--size", "40x32", "--out", "many.zip"]
    code, out, err = render(*call)
    assert code == 0, err
    assert "many.zip: 3 frames" in out
    data = open_dataset(f"synthetic:{tmp_path / 'many.zip'}")
    assert "a camera of its own" in data.note
    samples = [part.read(0) for part in data.splits.values()]
    assert len({sample.size for sample in samples}) > 1
    assert len({float(sample.intrinsics[0, 0]) for sample in samples}) == 3
    assert all(sample.sky.shape == sample.size for sample in samples)


def test_many_sizes_are_told_by_their_ends() -> None:
    assert _sizes({(80, 64)}) == "80x64"
    assert _sizes({(w, 40) for w in (90, 80, 100, 70)}) == "70x40, 80x40, 90x40, 100x40"
    assert _sizes({(w, 40) for w in range(70, 80)}) == "10 sizes, 70x40 to 79x40"


def test_a_folder(render: Render, tmp_path: Path) -> None:
    pytest.importorskip("embreex")
    call = ["--scenes", "3", "--size", "40x32", "--out", "deep/my set"]
    code, out, err = render(*call)
    assert code == 0, err
    assert "deep/my set: 3 frames, 0.0 MB; rendered at" in out
    assert "thermodepth data preview 'deep/my set'" in out
    assert "3/3" in err
    with Pack.open(tmp_path / "deep/my set") as pack:
        assert [row.seed for row in pack.rows] == [10_000_000, 10_000_001, 10_000_002]
        assert pack.splits == ("train", "val", "test")
        assert pack.size == (32, 40)
    code, out, err = render(*call)
    assert code == 0, err
    assert "complete already" in out
    code, _, err = render(*call, "--seed", "0")
    assert code == 2
    assert "deep/my set: holds a finished rendering with other settings (scenes.test" in err


def test_a_zip_of_given_splits(render: Render, tmp_path: Path) -> None:
    pytest.importorskip("embreex")
    code, out, err = render(
        "--scenes",
        "2/0/1",
        "--seed",
        "7",
        "--size",
        "40x32",
        "--out",
        "p.zip",
        "--condition",
        "rain",
    )
    assert code == 0, err
    assert "thermodepth data preview p.zip" in out
    with Pack.open(tmp_path / "p.zip") as pack:
        assert [(row.seed, row.split) for row in pack.rows] == [
            (7, "train"),
            (8, "train"),
            (9, "test"),
        ]
        assert {row.condition for row in pack.rows} == {"rain"}
    assert [p.name for p in tmp_path.iterdir()] == ["p.zip"]


def test_a_sequence_of_a_calibrated_camera_with_a_lidar(render: Render, tmp_path: Path) -> None:
    pytest.importorskip("embreex")
    words = "--scenes 1 --size 40x32 --sequence 3 --rate 10 --lidar 16 --radiometric --out s"
    options = ["--bad-pixels", "0.01", "--shutter", "0.16", "--condition", "night"]
    code, _, err = render(*words.split(), *options)
    assert code == 0, err
    pack = Pack.open(tmp_path / "s")
    assert [row.time_s for row in pack.rows] == [0, 0.1, 0.2]
    sensor = pack.header.sensor
    assert (sensor.mode, sensor.bad_pixel_share) == ("radiometric", 0.01)
    assert (sensor.shutter_every_s, sensor.freeze_s) == (0.16, 0.08)
    frame = pack.read(pack.rows[2].frame_id)
    assert frame.lidar_m is not None
    assert 0 < np.isfinite(frame.lidar_m).mean() < 0.9
    samples = [open_dataset(f"synthetic:{tmp_path / 's'}").split("train").read(i) for i in (1, 2)]
    assert samples[0].thermal_unit is ThermalUnit.KELVIN
    np.testing.assert_array_equal(samples[0].thermal, samples[1].thermal)  # closed at 0.16 s


def test_the_layout_of_ms2(render: Render, tmp_path: Path) -> None:
    pytest.importorskip("embreex")
    words = "--scenes 1 --rig ms2 --size 80x32 --layout ms2 --condition day --out m"
    code, out, err = render(*words.split())
    assert code == 0, err
    assert "next: thermodepth data preview ms2:m" in out
    assert (tmp_path / "m/train_list.txt").read_text() == "_street-day-10000000\n"
    about = json.loads((tmp_path / "m/rendering.json").read_text())
    assert (about["layout"], about["lidar_channels"], about["finished"]) == ("ms2", 64, True)


def test_scenes_are_split() -> None:
    def counts(text: str) -> tuple[int, ...]:
        return tuple(_scene_counts(text).values())

    assert [counts(text) for text in ("1", "2", "3", "10", "29", "100", "530/40/120", "0/0/5")] == [
        (1, 0, 0),
        (2, 0, 0),
        (1, 1, 1),
        (8, 1, 1),
        (25, 2, 2),
        (80, 10, 10),
        (530, 40, 120),
        (0, 0, 5),
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        *(
            (f"--size {size}", [f"--size {size}:", "160x128", "32 to 4096"])
            for size in ("128", "4x4", "99999x40", "axb", "128x", "-1x40")
        ),
        *(
            (f"--scenes {text}", [f"--scenes {text}:", "530/40/120"])
            for text in ("0", "none", "1/2", "0/0/0", "1/2/3/4", "1e3", "1/-2/3")
        ),
        ("--rig ms3", ["unknown rig 'ms3'", "did you mean 'ms2'"]),
        ("--rig nowhere.json", ["nowhere.json"]),
        ("--cameras few", ["cameras 'few'", "one", "many"]),
        ("--cameras many --rig ms2", ["rig 'ms2'", "lenses of their own"]),
        ("--cameras many --sequence 3", ["stills only"]),
        ("--rig ms2 --size 128x128", ["128x128", "640x256"]),
        ("--layout ms", ["unknown layout 'ms'", "did you mean 'ms2'"]),
        ("--layout ms2", ["layout ms2", "--rig ms2"]),
        ("--condition fog", ["unknown condition 'fog'", "night"]),
        ("--sequence 4 --rate 0", ["rate_hz", "0.01 to 1000"]),
        ("--lidar 9999", ["lidar_channels 9999"]),
        ("--rate 5", ["--rate 5 has no effect without --sequence"]),
        ("--shutter 5", ["--shutter 5 has no effect without --sequence"]),
        ("--sequence 4 --shutter -1", ["shutter_every_s = -1"]),
        ("--bad-pixels 2", ["bad_pixel_share = 2"]),
    ],
)
def test_wrong_words(render: Render, tmp_path: Path, words: str, expected: list[str]) -> None:
    code, _, err = render(*words.split(), "--out", "p")
    assert code == 2, err
    assert "Traceback" not in err
    for word in expected:
        assert word in err.replace("\n", " ")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else(render: Render, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years of work")
    code, _, err = render("--scenes", "1", "--out", "mine")
    assert code == 2
    assert "mine: is not empty and holds no rendering; give another place" in err
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_machine_without_the_ray_caster(
    render: Render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "embreex", None)
    monkeypatch.setitem(sys.modules, "embreex.mesh_construction", None)
    code, _, err = render("--scenes", "1", "--out", "p")
    assert code == 2
    assert "pip install 'thermodepth[synthetic]'" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="sends an interrupt as a terminal does")
def test_an_interrupt_keeps_what_is_done(tmp_path: Path) -> None:
    pytest.importorskip("embreex")
    # Tests may run in the background, where shells have interrupts ignored.
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from thermodepth.cli import main; main()"
    )
    words = "data render --scenes 12/0/0 --size 40x32 --seed 3 --processes 2 --out p"
    line = [sys.executable, "-c", program, *words.split()]
    with subprocess.Popen(
        line, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("p/rendering/*.json")) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    done = len(list(tmp_path.glob("p/rendering/*.json")))
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "the same command goes on where it can" in err
    assert 1 <= done < 12
    finished = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert f"{done}/12" in finished.stderr  # where it went on
    assert len(Pack.open(tmp_path / "p").rows) == 12
