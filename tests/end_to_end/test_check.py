"""`thermodepth data check` as a person types it: what it says, what it writes, how it exits."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from thermodepth.data.synthetic import shipped_pack
from thermodepth.doctor import CHECKS, Severity, examine
from thermodepth.files import encode_png

Check = Callable[..., tuple[int, str, str]]
SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def check(thermodepth: Check) -> Check:
    """Runs `thermodepth data check` in this process: (exit code, stdout, stderr)."""
    return partial(thermodepth, "data", "check")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three thermal frames, the last two equal: one warning and a note."""
    root = tmp_path / "set" / "thermal"
    root.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number, name in enumerate(("1.png", "2.png", "odd[red]:a:\x1b.png")):
        if number < 2:
            frame = rng.integers(7000, 8000, (24, 32)).astype(np.uint16)
        (root / name).write_bytes(encode_png(frame))
    return tmp_path / "set"


def test_a_warning_is_told_and_strict_makes_it_count(check: Check, folder: Path) -> None:
    code, out, _ = check(folder)
    assert code == 0
    assert "warning [frozen] the thermal picture stands still in 1 frames" in out
    assert "odd[red]:a:?.png" in out  # neither markup, nor emoji, nor control characters
    assert "\x1b" not in out
    assert "0 errors, 1 warning, 1 note" in out
    assert check(folder, "--strict")[0] == 1


def test_an_error_exits_with_3_and_is_in_the_json(check: Check, folder: Path) -> None:
    (folder / "thermal" / "3.png").write_bytes(b"")
    code, out, err = check(folder, "--json", "report.json")
    assert (code, "error [readable] 1 files cannot be read" in out) == (3, True), err
    tree = json.loads(Path("report.json").read_text())
    assert (tree["format"], tree["version"]) == ("thermodepth data check", 1)
    assert tree["counts"] == {"error": 1, "warning": 1, "note": 1}
    assert tree["looked_at"]["frames_read"] == tree["looked_at"]["files_hashed"] == 4
    assert [row["name"] for row in tree["checks"]] == list(CHECKS)
    worst = tree["findings"][0]
    assert set(worst) == {
        "check", "severity", "title", "count", "of", "names", "meaning", "remedy",
    }  # fmt: skip
    assert (worst["check"], worst["severity"], worst["count"], worst["of"]) == (
        "readable",
        "error",
        1,
        4,
    )


def test_a_sample_is_said_to_be_one(check: Check, folder: Path) -> None:
    code, out, _ = check(folder, "--frames", "1")
    assert code == 0
    assert "1 of 3 frames read, 3 files hashed" in out
    assert "Only a sample was read" in out
    assert "files have copies of the same bytes" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere/at/all"], "no such file or folder"),
        (["mm6"], "unknown data set 'mm6'"),
        (["set", "--frames", "0"], "--frames"),
        (["set", "--json", "set"], "is a folder"),
        (["set", "--json", "set/thermal/1.png/x.json"], "cannot be written"),
    ],
)
def test_mistakes_exit_with_2(check: Check, folder: Path, words: list[str], message: str) -> None:
    code, _, err = check(*words)
    assert code == 2, folder
    assert message in err


def test_rendered_packs_are_clean(tiny_pack: Path, check: Check) -> None:
    code, out, err = check(tiny_pack, "--strict")
    assert code == 0, out + err


def test_a_broken_picture_in_a_rendered_folder(
    tiny_pack: Path, tmp_path: Path, check: Check
) -> None:
    import zipfile

    root = tmp_path / "pack"
    with zipfile.ZipFile(tiny_pack) as archive:
        archive.extractall(root)
    victim = sorted((root / "depth").iterdir())[3]
    victim.write_bytes(victim.read_bytes()[:-60])
    code, out, _ = check(root)
    assert code == 3
    assert victim.stem in out


def test_the_shipped_pack_is_clean() -> None:
    if not shipped_pack().is_file():
        pytest.skip(f"{shipped_pack()} is not there: this checkout was made without the pack")
    assert examine("synthetic", threads=2).findings == ()


def test_real_frames_have_only_what_is_true_of_them() -> None:
    """MM5 shows one table before one cloth, with little on it: across blocks of captures frames look alike
    and their depth is known from others; across placements of the camera there is nothing to say."""
    if not (SHARED / "mm5-half").is_dir():
        pytest.skip(
            f"{SHARED / 'mm5-half'} is not there: real frames are kept beside the repository"
        )
    assert examine(f"mm5:{SHARED / 'mm5-half'}", threads=2).findings == ()
    report = examine(f"mm5:{SHARED / 'mm5-half'}?split=blocks", threads=2)
    assert [(one.check, one.severity) for one in report.findings] == [
        ("placements", Severity.WARNING),
        ("placements", Severity.WARNING),
        ("look-alikes", Severity.NOTE),
    ]
    assert "test share a camera placement" in report.findings[1].title


@pytest.mark.parametrize("name", ["video", "ms2"])
def test_real_folders_have_no_faults(name: str) -> None:
    if not (SHARED / name).is_dir():
        pytest.skip(f"{SHARED / name} is not there: real frames are kept beside the repository")
    assert {one.severity for one in examine(str(SHARED / name)).findings} <= {Severity.NOTE}


def test_checking_needs_no_torch(tmp_path: Path) -> None:
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(6, 8)).save(tmp_path / "1.png")
    program = (
        "import sys; from thermodepth.doctor import examine; examine(sys.argv[1]); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)]).returncode == 0
