"""A small study from the command line: to its report, through kills, and refused where it must be."""

from __future__ import annotations

import contextlib
import filecmp
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SMALL = ["--steps", "6", "--set", "data.batch_size=2", "--set", "model.weights=none"]
SMALL += ["--set", "model.decoder_width=16", "--set", "teacher.kind=truth"]
SMALL += ["--set", "runtime.checkpoint_every=2", "--set", "runtime.log_every=2"]
#: How often a study is killed at random; more find more, and take longer.
KILLS = int(os.environ.get("THERMODEPTH_TEST_KILLS", "2"))
SAME = ["table.md", "table.csv", "table.tex", "rows.parquet", "fig1_structure.png"]
SAME += ["fig2_metric.png", "table_by_range.csv", "table_by_condition.csv"]


def command(pack: Path, out: Path, *more: str) -> list[str]:
    call = [sys.executable, "-m", "thermodepth", "study", "run", "paper"]
    return [*call, "--data", f"synthetic:{pack}", "--out", str(out), *SMALL, *more]


def run(call: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(call, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def finished(tiny_pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that nothing disturbed."""
    out = tmp_path_factory.mktemp("study") / "paper"
    done = run(command(tiny_pack, out))
    assert done.returncode == 0, done.stderr
    assert "All losses" in done.stdout
    assert "report.html" in done.stdout
    return out


def test_writes_what_it_promises(finished: Path) -> None:
    for name in (*SAME, "report.html", "study.json", "figures.md", "table_by_range.md"):
        assert (finished / name).stat().st_size > 0, name
    table = (finished / "table.md").read_text()
    for title in (
        "All losses",
        "No SiLog",
        "No Smooth",
        "No Consistency",
        "No Smooth & Consistency",
    ):
        assert title in table
    for baseline in (
        "constant depth",
        "mean-depth map",
        "row ramp",
        "nearest training frame",
        "ridge on thumbnails",
    ):
        assert baseline in table.lower()
    assert "one run per configuration: run-to-run noise unknown" in table
    for picture in ("fig1_structure.png", "fig2_metric.png"):
        assert (finished / picture).read_bytes().startswith(b"\x89PNG")


def test_a_finished_study_is_not_trained_again(finished: Path, tiny_pack: Path) -> None:
    models = sorted(finished.glob("cells/*/*/model/weights.safetensors"))
    assert len(models) == 5
    before = [path.stat().st_mtime_ns for path in models]
    table = (finished / "table.csv").read_bytes()
    again = run(command(tiny_pack, finished))
    assert again.returncode == 0, again.stderr
    assert [path.stat().st_mtime_ns for path in models] == before
    assert (finished / "table.csv").read_bytes() == table


def descendants(parent: int) -> list[int]:
    """Its cells, the server that they are forked off, and what Python itself keeps beside them."""
    try:
        listed = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    except OSError:
        return []
    return [pid for child in map(int, listed) for pid in (child, *descendants(child))]


def report_of(out: Path) -> str:
    """Without what may differ: how long it took, and the folder in the command."""
    page = (out / "report.html").read_text(encoding="utf-8").replace(str(out), "OUT")
    page = re.sub(r"\d+ s over (\d+ cells)", r"SECONDS over \1", page)
    page = re.sub(r"[\d.]+ hours over (\d+ runs)", r"HOURS over \1", page)
    return re.sub(r'(<td>done</td><td class="num">)\d+', r"\1SECONDS", page)


def test_kill_nine_at_random_moments_gives_the_same_report(
    finished: Path, tiny_pack: Path, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    call = command(tiny_pack, out)
    seed = random.SystemRandom().randrange(10**6)
    chance, told = random.Random(seed), [f"seed {seed}"]
    study: subprocess.Popen[bytes] | None = None
    deadline = time.monotonic() + 60 * KILLS
    for _ in range(KILLS):
        if study is None or study.poll() is not None:
            study = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while not (out / "study.json").is_file() or not descendants(study.pid):
                if study.poll() is not None:  # the study before it had done all
                    break
                assert time.monotonic() < deadline, told
                time.sleep(0.02)
        time.sleep(chance.uniform(0, 4))
        victim = chance.choice([study.pid, *descendants(study.pid)])
        told.append(f"{'study' if victim == study.pid else 'cell'} at {time.monotonic():.2f}")
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
        if victim == study.pid:
            study.wait()
    if study is not None and study.wait() not in (
        0,
        2,
        -signal.SIGKILL,
    ):  # 2: a cell of it was killed
        raise AssertionError(f"{study.returncode} {told}")
    done = run(call)
    assert done.returncode == 0, (told, done.stderr)
    for name in SAME:
        assert filecmp.cmp(finished / name, out / name, shallow=False), (name, told)
    assert report_of(out) == report_of(finished), told


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_ctrl_c_saves_and_says_how_to_go_on(tiny_pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "stopped"
    call = command(tiny_pack, out, "--steps", "2000", "--processes", "1")
    study = subprocess.Popen(call, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not list(out.glob("cells/*/*/checkpoint.safetensors")):
        assert study.poll() is None
        time.sleep(0.02)
    os.killpg(study.pid, signal.SIGINT)  # what a terminal does
    _, errors = study.communicate(timeout=60)
    assert study.returncode == 130
    assert "the same command goes on" in errors
    assert "Traceback" not in errors


def test_seeds_can_be_added(finished: Path, tiny_pack: Path, tmp_path: Path) -> None:
    import shutil

    out = tmp_path / "more"
    shutil.copytree(finished, out)
    before = (out / "cells/full/seed-0/rows.parquet").read_bytes()
    done = run(command(tiny_pack, out, "--seeds", "2"))
    assert done.returncode == 0, done.stderr
    assert (out / "cells/full/seed-0/rows.parquet").read_bytes() == before
    assert (out / "cells/full/seed-1/rows.parquet").is_file()
    assert "one run per configuration" not in (out / "table.md").read_text()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--steps", "7"], ["steps", "--out"]),
        (["--set", "losses.metric_silog.weight=2"], ["metric_silog.weight", "--out"]),
    ],
)
def test_another_study_is_refused_in_its_folder(
    finished: Path, tiny_pack: Path, more: list[str], words: list[str]
) -> None:
    table = (finished / "table.csv").read_bytes()
    refused = run(command(tiny_pack, finished, *more))
    assert refused.returncode == 2
    for word in words:
        assert word in refused.stderr
    assert (finished / "table.csv").read_bytes() == table
