"""A loss term of a user's own, in a folder outside the package: trained, studied, resumed, refused."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from programs import run_program

from thermodepth.checksums import read_record

TOY = Path(__file__).resolve().parents[2] / "docs" / "examples" / "my_losses.py"
SHELL = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
STUDY = """
name = "mine"
title = "Is my loss any better?"
extensions = ["my_losses.py"]
seeds = 2
settings.steps = 4
settings.data = { source = "synthetic:PACK", batch_size = 2, size = [64, 64] }
settings.model = { weights = "none", decoder_width = 16 }
settings.teacher.kind = "truth"
settings.runtime = { checkpoint_every = 2, log_every = 2, workers = 0 }
settings.losses.huber_depth.weight = 1.0

[factors]
huber = { "losses.groups.huber" = false }
smooth = { "losses.groups.smooth" = false }
"""


#: What `evaluate` does without in these tests.
ALONE = ("--no-baselines", "--teacher", "none", "--processes", "1")


def thermodepth(*words: str | Path, at: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "THERMODEPTH_CACHE": str(at / "cache")}
    ended = run_program([*map(str, words)], at=at, environment=environment)
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended


@pytest.fixture(scope="module")
def folder(tiny_pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's own folder, with the toy and a study of it, studied with two seeds in two processes."""
    place = tmp_path_factory.mktemp("mine")
    shutil.copy(TOY, place)
    text = STUDY.replace("PACK", str(tiny_pack))
    (place / "study.toml").write_text(text)
    thermodepth("study", "run", "study.toml", "--out", "out", "--processes", "2", at=place)
    return place


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_it_stands_in_log_tables_page_and_fingerprint(folder: Path) -> None:
    out, mark = folder / "out", sha256(folder / "my_losses.py")
    cells = sorted(out.glob("cells/*/seed-*"))
    assert len(cells) == 8
    for cell in cells:
        on = "no-huber" not in cell.parent.name
        assert ("huber_depth" in (cell / "log.csv").read_text().splitlines()[0]) == on
        (record,) = read_record(cell / "run.json")["extensions"]
        assert (record["sha256"], record["name"]) == (mark, "my_losses.py")
    methods = (out / "METHODS.md").read_text()
    assert f"my_losses.py (sha256 {mark}) adds the loss term huber_depth" in methods
    assert "1 huber_depth (knee 0.1)" in methods
    assert mark in (out / "report.html").read_text()
    assert "No huber" in (out / "table.md").read_text()


def test_the_same_command_finds_it_done_wherever_the_file_lies(
    folder: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    shutil.copy(TOY, moved / "renamed.py")
    text = (folder / "study.toml").read_text().replace("my_losses.py", "renamed.py")
    (moved / "study.toml").write_text(text)
    out = folder / "out"
    before = {path: path.stat().st_mtime_ns for path in out.glob("cells/*/*/rows.parquet")}
    thermodepth("study", "run", "study.toml", "--out", out, at=moved)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_changed_file_is_another_run_and_both_hashes_are_named(
    folder: Path, tmp_path: Path
) -> None:
    for name in ("my_losses.py", "study.toml"):
        shutil.copy(folder / name, tmp_path)
    changed = tmp_path / "my_losses.py"
    changed.write_text(changed.read_text() + "# a word\n")
    message = thermodepth(
        "study", "run", "study.toml", "--out", folder / "out", at=tmp_path, code=2
    ).stderr
    assert sha256(TOY) in message
    assert sha256(changed) in message

    cell = folder / "out" / "cells" / "full" / "seed-0"
    same = ["train", "--out", str(cell), "--data", "synthetic"]
    message = thermodepth(*same, "--with", changed, at=tmp_path, code=2).stderr
    assert sha256(TOY) in message
    assert sha256(changed) in message


def test_no_file_is_run_because_a_folder_names_it(folder: Path, tmp_path: Path) -> None:
    """The record of the study names a path; a file that would leave a trace lies there."""
    copy = tmp_path / "copy"
    shutil.copytree(folder / "out", copy)
    cell = copy / "cells" / "full" / "seed-0"
    (cell / "rows.parquet").unlink()
    original = folder / "my_losses.py"
    trap = f"open({str(tmp_path / 'ran')!r}, 'w').close()\n"
    original.write_text(trap + TOY.read_text())
    try:
        message = thermodepth("study", "cell", copy, "full/seed-0", at=tmp_path, code=2).stderr
        thermodepth("evaluate", cell / "model", *ALONE, at=tmp_path)  # its term is not needed
    finally:
        shutil.copy(TOY, original)
    assert not (tmp_path / "ran").exists()
    assert f"sha256 {sha256(TOY)}" in message
    assert "--with FILE" in message


def test_a_printed_cell_names_the_file_and_computes(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder / "out", copy)
    rows = copy / "cells" / "full" / "seed-1" / "rows.parquet"
    before = rows.read_bytes()
    rows.unlink()
    printed = thermodepth(
        "study", "run", "study.toml", "--out", copy, "--executor", "print", at=folder
    ).stdout
    (line,) = printed.splitlines()
    words = shlex.split(line)
    assert words[-2:] == ["--with", str(folder / "my_losses.py")]
    subprocess.run(words, check=True, capture_output=True, timeout=300, cwd=tmp_path)
    assert rows.read_bytes() == before


def test_a_run_of_its_own_is_continued_with_the_file_and_refused_without(
    tiny_pack: Path, tmp_path: Path
) -> None:
    shutil.copy(TOY, tmp_path)
    words = ["train", "--out", "run", "--data", f"synthetic:{tiny_pack}", "--steps", "2"]
    for edit in ("data.batch_size=2", "model.weights=none", "model.decoder_width=16"):
        words += ["--set", edit]
    words += ["--set", "teacher.kind=truth", "--set", "runtime.log_every=1"]
    own = ["--set", "losses.huber_depth.weight=0.5", "--set", "losses.huber_depth.knee=0.2"]
    message = thermodepth(*words, *own, at=tmp_path, code=2).stderr
    assert "no setting 'losses.huber_depth'" in message
    thermodepth(*words, *own, "--with", "my_losses.py", at=tmp_path)
    assert "huber_depth" in (tmp_path / "run" / "log.csv").read_text()
    settings = read_record(tmp_path / "run" / "settings.json")
    assert settings["losses"]["huber_depth"] == {
        "weight": 0.5,
        "start": 0.0,
        "ramp": 0.0,
        "knee": 0.2,
    }
    thermodepth(*words, *own, "--with", "my_losses.py", at=tmp_path)
    message = thermodepth(*words, at=tmp_path, code=2).stderr
    assert f"made with the extension my_losses.py (sha256 {sha256(TOY)}" in message
    thermodepth(
        "evaluate", "run", *ALONE, at=tmp_path
    )  # of its settings data and teacher are enough


def test_the_tutorial_runs_in_small(tiny_pack: Path, tmp_path: Path) -> None:
    """Every command of the page, in its order, on small frames."""
    docs = TOY.parents[1]
    for path in TOY.parent.iterdir():
        shutil.copy(path, tmp_path)
    small = ["--steps", "2", "--data", f"synthetic:{tiny_pack}"]
    for edit in ("data.batch_size=2", "model.weights=none", "model.decoder_width=16"):
        small += ["--set", edit]
    small += ["--set", "teacher.kind=truth"]
    added = {
        "check-extension": (),
        "study plan": tuple(small),
        "study run": (*small, "--seeds", "1", "--processes", "1"),
        "train": tuple(small),
        "evaluate": ALONE,
    }
    page = (docs / "extensions.md").read_text(encoding="utf-8")
    lines = [line for block in SHELL.findall(page) for line in block.splitlines()]
    assert len(lines) == len(added)
    for line, (command, more) in zip(lines, added.items(), strict=True):
        program, *words = shlex.split(line)
        assert program == "thermodepth"
        assert line.startswith(f"thermodepth {command}")
        thermodepth(*words, *more, at=tmp_path)
    assert (tmp_path / "runs" / "mine" / "report.html").is_file()


def test_the_contracts_that_a_broken_term_breaks_are_named(tmp_path: Path) -> None:
    """It looks under the mask, and says to forgive a scale that it does not."""
    text = TOY.read_text()
    unmasked = text.replace("maps.log_error()", "maps.log_depth - maps.batch.depth_m.log()")
    broken = unmasked.replace('Invariance("unit_of_length")', 'Invariance("depth_scale")')
    assert text != unmasked != broken
    (tmp_path / "broken.py").write_text(broken)
    message = thermodepth("check-extension", "broken.py", at=tmp_path, code=1).stdout
    named = re.findall(r"^  (\w+): ", message, re.MULTILINE)
    assert named == ["junk_under_the_mask_changes_nothing", "declared_invariances_hold"]
    assert "breaks 2 of 14 contracts" in message


def test_one_of_each_kind_is_checked_trained_scored_and_asked_for_again(tmp_path: Path) -> None:
    shutil.copy(TOY.parent / "one_of_each.py", tmp_path)
    own = ("--with", "one_of_each.py")
    output = thermodepth("check-extension", "one_of_each.py", at=tmp_path).stdout
    assert output.count("keeps all") == 6
    words = ["train", "--out", "run", "--data", "ramps", "--steps", "2"]
    edits = ["model.encoder=plain", "model.weights=none", "model.decoder_width=16"]
    edits += ["teacher.kind=brightness", "data.normaliser.name=square_root", "data.batch_size=2"]
    edits += ["runtime.workers=1", "data.size=[64,80]"]
    words += [word for edit in edits for word in ("--set", edit)]
    thermodepth(*words, *own, at=tmp_path)

    (record,) = read_record(tmp_path / "run" / "model" / "model.json")["extensions"]
    assert record["sha256"] == sha256(tmp_path / "one_of_each.py")
    message = thermodepth("evaluate", "run", *ALONE, at=tmp_path, code=2).stderr
    assert "run/settings.json: was made with the extension one_of_each.py" in message

    more = ("--no-baselines", "--teacher", "none", "--processes", "2", "--out", "scores")
    output = thermodepth("evaluate", "run", *own, *more, at=tmp_path).stdout
    assert "Metrics of extensions" in output
    assert "MAElog" in output
    page = (tmp_path / "scores" / "evaluation.html").read_text()
    assert f"one_of_each.py (sha256 {record['sha256'][:12]})" in page
