"""What machines and people do to a program: full disks, kills, pipes for files, names like markup."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from thermodepth.files import encode_png

Call = Callable[..., tuple[int, str, str]]
SMALL = ("--set", "model.weights=none", "--set", "model.decoder_width=16", "--set", "steps=2")
SMALL += ("--set", "teacher.kind=truth", "--set", "data.batch_size=2")


@contextmanager
def disk_of(most_bytes: int) -> Iterator[None]:
    """No file grows beyond so many bytes; whoever tries gets an OSError, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def frame(path: Path, seed: int = 0) -> Path:
    counts = 7000 + np.random.default_rng(seed).integers(0, 900, (64, 64))
    path.write_bytes(encode_png(counts.astype(np.uint16)))
    return path


def measurements(path: Path, *, arms: tuple[str, ...]) -> Path:
    rng = np.random.default_rng(0)
    lines = ["arm,seed,image,cluster,metric,value"]
    lines += [
        f'"{arm}",{seed},i{image},c{image // 3},rmse,{1 + 0.1 * rng.random():.4f}'
        for arm in arms
        for seed in range(2)
        for image in range(12)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


# --- a full disk -------------------------------------------------------------------------------------


EQUAL = """
name = "equal"
title = "Two arms"
seeds = 1
design = "list"
reference = "full"

[settings]
"model.weights" = "none"
"model.decoder_width" = 16
"teacher.kind" = "truth"
"data.batch_size" = 2
steps = 2

[[arms]]
name = "full"
title = "Full"

[[arms]]
name = "bare"
title = "TITLE"
edits = { "losses.structure_smooth.weight" = 0.0 }
"""


@pytest.mark.parametrize(
    ("words", "most_bytes"),
    [
        ("train --data synthetic:PACK --out run SMALL", 60),
        ("train --data synthetic:PACK --out run SMALL", 2500),  # the JSON files fit
        ("label --data synthetic:PACK --set teacher.kind=truth", 60),
        ("label --data synthetic:PACK --set teacher.kind=truth", 400),
        ("evaluate thermal-small --data synthetic:PACK --out scores --processes 1", 60),
        ("evaluate thermal-small --data synthetic:PACK --out scores --processes 1", 2500),
        ("predict frame.png --fov 54 --out maps", 60),
        ("data preview PACK --out sheet.png", 60),
        ("data check PACK --json report.json", 60),
        ("data render --out world --scenes 1/0/0 --size 64x64 --processes 1", 60),
        ("data render --out world --scenes 1/0/0 --size 64x64 --processes 1", 2500),
        ("data render --out world.zip --scenes 1/0/0 --size 64x64 --processes 1", 2500),
        ("study analyze measured.csv --out verdicts", 60),
        ("study run equal.toml --data synthetic:PACK --out study --processes 1", 60),
        ("study run equal.toml --data synthetic:PACK --out study --processes 1", 4000),
    ],
)
def test_a_full_disk_is_said_with_the_file(
    words: str, most_bytes: int, thermodepth: Call, tiny_pack: Path, tmp_path: Path
) -> None:
    frame(tmp_path / "frame.png")
    measurements(tmp_path / "measured.csv", arms=("full", "bare"))
    (tmp_path / "equal.toml").write_text(EQUAL)
    given = words.replace("PACK", str(tiny_pack)).replace("SMALL", " ".join(SMALL)).split()
    with disk_of(most_bytes):
        code, _, said = thermodepth(*given)
    assert code == 2, said
    assert "Traceback" not in said
    assert re.search(r"(^error|failed): .*: .*File too large", said, re.MULTILINE), said
    assert not list(tmp_path.rglob(".*.part"))


def test_a_full_disk_for_what_is_printed_is_said() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        done = subprocess.run(
            [sys.executable, "-m", "thermodepth", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 2
    assert done.stderr == "error: output: No space left on device\n"


# --- a kill ------------------------------------------------------------------------------------------


def descendants(process: int) -> set[int]:
    """The living processes below one."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "stat").read_text()
        except OSError:  # it has ended meanwhile
            continue
        state, parent = text.rpartition(")")[2].split()[:2]
        if state != "Z":
            parents[int(folder.name)] = int(parent)
    below: set[int] = set()
    while more := {p for p, parent in parents.items() if parent in below | {process}} - below:
        below |= more
    return below


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are found in /proc")
@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize(
    "words",
    [
        "data render --out world --scenes 400/0/0 --size 64x64 --processes 2",
        "evaluate thermal-small --data synthetic:PACK --split train --teacher none --processes 2",
    ],
)
def test_a_killed_program_leaves_no_workers(
    words: str, by: signal.Signals, tmp_path: Path, tiny_pack: Path
) -> None:
    program = subprocess.Popen(
        [sys.executable, "-m", "thermodepth", *words.replace("PACK", str(tiny_pack)).split()],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    workers: set[int] = set()
    while len(workers) < 2 and program.poll() is None:
        workers = {p for p in descendants(program.pid) if b"spawn_main" in command_of(p)}
        time.sleep(0.05)
    assert program.poll() is None, program.communicate()
    program.send_signal(by)
    _, said = program.communicate()
    if by is signal.SIGTERM:
        assert program.returncode == 130
        assert "Traceback" not in said
        assert "stopped" in said
    while any(command_of(p) for p in workers):  # without end, should one of them live on
        time.sleep(0.05)


def command_of(process: int) -> bytes:
    """Empty for one that has ended."""
    try:
        return (Path("/proc") / str(process) / "cmdline").read_bytes()
    except OSError:
        return b""


# --- pipes for files ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "predict PIPE.png --out maps",
        "predict PIPE.raw --y16 64x64 --out maps",
        "predict frame.png --model FOLDER --out maps",
        "study analyze PIPE.csv",
        "study analyze PIPE.parquet",
        "study audit PIPE.csv",
        "study run PIPE.toml",
        "study plan PIPE.toml",
        "study gradients FOLDER",
        "data info synthetic:PIPE.zip",
        "data info synthetic:FOLDER",
        "data info folder:PIPE.toml",
        "data check PIPE.zip",
        "data check FOLDER",
        "data calib PIPE.yaml",
        "data calib PIPE.npy",
        "data preview PIPE.zip",
        "data render --out world --rig PIPE.yaml",
        "evaluate FOLDER",
        "evaluate thermal-small --protocol PIPE.toml",
        "evaluate --predictions FOLDER --truth FOLDER --protocol range:1-10",
        "train --data synthetic:PIPE.zip --out run",
        "label --data synthetic:PIPE.zip",
        "label --set teacher.kind=onnx --set teacher.model=PIPE.onnx",
        "label --set teacher.kind=transformers --set teacher.model=FOLDER",
        # Devices, which never end.
        "predict /dev/zero --out maps",
        "predict frame.png --model /dev/zero --out maps",
        "study analyze /dev/zero",
        "study audit /dev/zero",
        "study run /dev/zero",
        "data info synthetic:/dev/zero",
        "data check /dev/zero",
        "data calib /dev/zero",
    ],
)
def test_a_pipe_for_a_file_is_refused(words: str, thermodepth: Call, tmp_path: Path) -> None:
    """Opened for reading it would wait for a writer, and no test of ours would ever end."""
    frame(tmp_path / "frame.png")
    folder = tmp_path / "folder"
    folder.mkdir()
    frame(folder / "a.png")
    for name in (
        "pack.json", "index.csv", "model.json", "weights.safetensors", "model.safetensors", "run.json",
        "settings.json", "store.json", "study.json", "gradients.csv", "train.txt", "config.json", "b.png",
        "calib.yaml", "times.csv",
    ):  # fmt: skip
        os.mkfifo(folder / name)
    for suffix in re.findall(r"PIPE(\.\w+)", words):
        os.mkfifo(tmp_path / f"pipe{suffix}")
    code, out, said = thermodepth(
        *words.replace("PIPE", "pipe").replace("FOLDER", "folder").split()
    )
    assert "Traceback" not in said
    assert code in (1, 2, 3), out + said


# --- names that look like markup -----------------------------------------------------------------------

ODD = "x[/red]y [bold]:smile:"


def test_names_are_printed_as_they_are(thermodepth: Call, tmp_path: Path, tiny_pack: Path) -> None:
    measured = measurements(tmp_path / f"{ODD}.csv".replace("/", "_"), arms=("full", ODD))
    code, out, said = thermodepth("study", "analyze", measured, "--out", tmp_path / "a[b]:smile:")
    assert code == 0, said
    assert ODD in out
    assert "a[b]:smile:" in out
    odd_frame = frame(tmp_path / "a[red]b:smile:.png")
    code, out, said = thermodepth("predict", odd_frame, "--fov", "54", "--out", "maps[bold]")
    assert code == 0, said
    assert "a[red]b:smile:.png" in out
    assert "maps[bold]" in out
    odd_pack = tmp_path / "p[dim]:smile:.zip"
    odd_pack.write_bytes(tiny_pack.read_bytes())
    for words in (
        ("data", "check", odd_pack),
        ("data", "preview", odd_pack, "--out", "sheet[u].png"),
        ("train", "--data", f"synthetic:{odd_pack}", "--out", "r[i]", *SMALL),
        (
            "evaluate",
            "r[i]",
            "--data",
            f"synthetic:{odd_pack}",
            "--out",
            "e[i]",
            "--teacher",
            "none",
        ),
    ):
        code, out, said = thermodepth(*words)
        assert code in (0, 3), said
        assert any(name in out for name in ("[dim]:smile:", "[u]", "[i]")), out
    code, out, said = thermodepth("data", "info", f"synthetic:{odd_pack}")
    assert code == 0, said
    assert "train" in out


def test_titles_of_arms_are_printed_as_they_are(
    thermodepth: Call, tmp_path: Path, tiny_pack: Path
) -> None:
    (tmp_path / "equal.toml").write_text(EQUAL.replace("TITLE", "b[/b] :smile: [red]"))
    code, out, said = thermodepth("study", "plan", "equal.toml", "--data", f"synthetic:{tiny_pack}")
    assert code == 0, said
    assert "b[/b] :smile: [red]" in out


def test_names_beside_bars_are_printed_as_they_are() -> None:
    from io import StringIO

    from rich.console import Console

    from thermodepth.cli import terminal

    bars = terminal.Bars()
    bars.step(ODD, 1, 2, note="[/dim] left")
    bars.line(ODD, "[/b]")
    text = StringIO()
    Console(file=text, width=200).print(bars._render())
    assert ODD in text.getvalue()
    assert "[/dim] left" in text.getvalue()


def test_no_other_console_reads_markup() -> None:
    import thermodepth

    for path in Path(thermodepth.__file__).parent.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        for call in re.findall(r"\b(?:Console|TextColumn)\(([^)]*)\)", source):
            assert "markup=False" in call, path
        assert not re.search(r"from_markup|render_str|\brich import print", source), path


def test_a_name_that_is_no_text_can_be_printed(tmp_path: Path, tiny_pack: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/a\xff.png"
    program = [sys.executable, "-m", "thermodepth", "data", "preview", tiny_pack, "--out", odd]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert b"a\\udcff.png" in done.stdout
