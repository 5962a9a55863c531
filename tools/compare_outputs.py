"""Do two checkouts write the same? `python tools/compare_outputs.py BEFORE AFTER [--work FOLDER]`.

Every output below is written by both, each in processes of its own that import that checkout alone, and every
file that differs is listed with its first differing lines. Exit code 0: all equal; 1: something differs.

    paper       the paper's arms and a twin on the shipped pack, two seeds, with gradient diagnostics
    factorial   a factorial study on a folder in MM5's layout, made on the spot
    doses       a dose-response study on the same
    analyze     `study analyze` on a CSV and on the paper study's folder, `study gradients`, `study plan`
    audit       `study audit` on the paper's own table
    evaluate    a shipped model on the pack, with page and tables
    maps        depth maps of another tool
    help        `--help` of every command, as far as they list each other

Cells are trained once, by BEFORE, and lie in the work folder from then on (delete it to train anew). Each
checkout gets a copy of them under the same path and writes its tables, figures and pages; then the results
are moved aside. What a clean BEFORE wrote is used again as long as its revision is the same. Two calls with
one work folder wait for each other. Words that change on purpose stand in a file, `--expected FILE`, as lines
of `old => new`.
"""

from __future__ import annotations

import argparse
import csv
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from folder_difference import compare_folders, read_rewordings

#: Two steps on small frames by a narrow network: what is compared is what is written of the cells.
SETTINGS = {
    "data.size": "[32,48]",
    "data.batch_size": "2",
    "model.weights": "none",
    "model.decoder_width": "8",
    "runtime.log_every": "1",
    "runtime.diagnostics.on": "true",
    "runtime.diagnostics.share_every": "1",
    "runtime.diagnostics.cosine_every": "1",
}
DOSES = """
name = "doses"
title = "How much smoothness?"
recipe = "thermal"
design = "dose-response"

[doses.smooth]
setting = "losses.structure_smooth.weight"
levels = [0, 1, 3]
"""
MM5_NUMBERS = (*range(1, 9), *range(107, 119), *range(262, 265))


@dataclass(slots=True)
class Writer:
    """Runs commands of one checkout in a folder, and keeps what they print as files."""

    checkout: Path
    folder: Path
    seconds: dict[str, float] = field(default_factory=dict)

    def command(self, name: str, *words: str) -> str:
        """Run `thermodepth WORDS`; its output, which also becomes `printed/NAME.txt`."""
        start = time.monotonic()
        run = subprocess.run(
            [sys.executable, "-m", "thermodepth", *words],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        self.seconds[name] = time.monotonic() - start
        path = self.folder / "printed" / f"{name}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            f"{run.stdout}---- stderr\n{run.stderr}---- exit code {run.returncode}\n",
            encoding="utf-8",
        )
        return run.stdout

    def check(self) -> None:
        """Raise SystemExit where the checkout is not what Python would import."""
        run = subprocess.run(
            [sys.executable, "-c", "import thermodepth; print(thermodepth.__file__)"],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if str(self.checkout / "src") not in run.stdout:
            raise SystemExit(f"{self.checkout}: not imported: {run.stdout}{run.stderr}")

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(self.checkout / "src"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "THERMODEPTH_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
            "COLUMNS": "120",
            "NO_COLOR": "1",
            "TERM": "dumb",
            "SOURCE_DATE_EPOCH": "0",
        }


def study_words(name: str, *more: str) -> list[str]:
    """`study run`, with the settings that all studies here share."""
    words = ["study", "run", name, *more, "--seeds", "2", "--steps", "2", "--processes", "1"]
    return [*words, *(w for key, value in SETTINGS.items() for w in ("--set", f"{key}={value}"))]


STUDIES = {
    "paper": study_words("paper", "--twin", "--out", "paper", "--set", "data.split=val"),
    "factorial": study_words(
        "paper-factorial", "--data", "mm5:mm5", "--out", "factorial", "--set", "teacher.kind=truth"
    ),
    "doses": study_words(
        "doses.toml", "--data", "mm5:mm5", "--out", "doses", "--set", "teacher.kind=truth"
    ),
}


def write_inputs(folder: Path) -> None:
    """What commands read: a folder in MM5's layout, maps with truth, a table of results, a study file."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[0:48, 0:64]
    listing = ["ID,Sequence,Category"]
    for number in MM5_NUMBERS:
        depth_mm = 700 + 8 * (48 - rows) + (columns // 16) * (30 + number % 7)
        depth_mm = depth_mm + random.integers(0, 6, depth_mm.shape)
        depth_mm[:3] = 0  # holes
        kelvin_64 = 19000 + 3 * rows + 40 * (columns // 16) + random.integers(0, 9, rows.shape)
        rgb = np.stack([rows * 4, columns * 3, 40 * (columns // 16)], axis=-1).astype(np.uint8)
        for name, image in (
            ("RGB", rgb),
            ("Thermal", kelvin_64.astype(np.uint16)),
            ("Depth", depth_mm.astype(np.uint16)),
        ):
            path = folder / "mm5" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
        listing.append(f"{number},scene-{number // 3},{('cups', 'books')[number % 2]}")
    (folder / "mm5" / "frames.csv").write_text("\n".join(listing) + "\n", encoding="utf-8")
    for number in range(4):
        depth_m = np.geomspace(30.0, 2.0, 60)[:, None] * np.linspace(0.9, 1.1, 80)
        depth_m[10:30, 10 + number : 30 + number] = 4.0
        stored = np.round(depth_m * 256).astype(np.uint16)
        stored[:8] = 0  # sky
        for name in ("truth", "maps"):
            (folder / name / f"s{number // 2}").mkdir(parents=True, exist_ok=True)
        frame = f"s{number // 2}/{number:03d}"
        Image.fromarray(stored).save(folder / "truth" / f"{frame}.png")
        noisy = stored / 256 * random.uniform(1.1, 1.3, stored.shape)
        np.save(folder / "maps" / f"{frame}.npy", noisy.astype(np.float32) + 1e-6)
    with (folder / "results.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["arm", "seed", "image", "cluster", "metric", "value"])
        for arm, gain in (("full", 0.0), ("no-a", 0.1), ("no-b", 0.02), ("no-a-no-b", 0.15)):
            for seed in range(3):
                for image in range(9):
                    value = 1 + 0.05 * image + gain + random.normal(0, 0.01)
                    for metric, number in (("abs_rel", value), ("score", 5 - value)):
                        writer.writerow(
                            [arm, seed, f"i{image}", f"d{image // 3}", metric, f"{number:.6f}"]
                        )
    (folder / "doses.toml").write_text(DOSES, encoding="utf-8")


def write_study(name: str) -> Callable[[Writer], None]:
    """Tables, figures and page of a study from its finished cells."""

    def write(writer: Writer) -> None:
        writer.command(f"{name}-run", *STUDIES[name])

    return write


def write_analyze(writer: Writer) -> None:
    table = ("study", "analyze", "results.csv")
    writer.command("analyze-csv", *table, "--higher", "score", "--out", "analyze-csv")
    writer.command("analyze-plain", *table, "--metrics", "abs_rel")
    writer.command(
        "analyze-study", "study", "analyze", "paper", "--claims", "paper", "--out", "analyze-study"
    )
    writer.command("gradients", "study", "gradients", "factorial", "--out", "gradients")
    writer.command("plan", "study", "plan", "paper-factorial", "--data", "mm5:mm5")


def write_audit(writer: Writer) -> None:
    writer.command("audit", "study", "audit", "--out", "audit")


def write_evaluate(writer: Writer) -> None:
    call = ("evaluate", "thermal-small", "--data", "synthetic", "--split", "val")
    writer.command("evaluate", *call, "--processes", "1", "--out", "evaluate")


def write_maps(writer: Writer) -> None:
    call = ("evaluate", "--predictions", "maps", "--truth", "truth", "--protocol", "range:0.5-80")
    writer.command(
        "maps", *call, "--intrinsics", "70,70,40,30", "--processes", "1", "--out", "evaluate-maps"
    )


def write_help(writer: Writer) -> None:
    """`--help` of the program and of every command that its own help lists."""
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        words = waiting.pop()
        text = writer.command("-".join(("help", *words)), *words, "--help")
        _, _, listing = text.partition("─ Commands ")
        waiting += [(*words, name) for name in re.findall(r"^│ ([a-z][a-z-]*)\s", listing, re.M)]


OUTPUTS: dict[str, Callable[[Writer], None]] = {
    **{name: write_study(name) for name in STUDIES},
    "analyze": write_analyze,
    "audit": write_audit,
    "evaluate": write_evaluate,
    "maps": write_maps,
    "help": write_help,
}
#: Studies whose folders an output reads.
NEEDS = {"analyze": ("paper", "factorial")}


def cells_of(name: str, before: Path, work: Path) -> Path:
    """A study's folder with finished cells, trained by BEFORE where they do not lie in the work folder."""
    key = hashlib.sha256("\n".join([*STUDIES[name], DOSES, str(work)]).encode()).hexdigest()[:12]
    folder = work / "cells" / f"{name}-{key}"
    if folder.is_dir():
        return folder
    note = work / "run" / "training.txt"  # one that was interrupted goes on
    if not (note.is_file() and note.read_text(encoding="utf-8") == key):
        fresh_run_folder(work)
        note.write_text(key, encoding="utf-8")
    print(f"{name}: training its cells once", flush=True)
    writer = Writer(before, work / "run")
    writer.command(f"{name}-run", *STUDIES[name])
    printed = (writer.folder / "printed" / f"{name}-run.txt").read_text(encoding="utf-8")
    if "---- exit code 0" not in printed:
        raise SystemExit(f"{name}: BEFORE cannot train it:\n{printed}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    (writer.folder / name).rename(folder)
    return folder


def fresh_run_folder(work: Path) -> Path:
    """The one folder that both checkouts run in, so that paths in what they write are equal; inputs only."""
    folder = work / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_inputs(folder)
    return folder


def written_by(
    checkout: Path, names: list[str], cells: dict[str, Path], target: Path, work: Path
) -> None:
    """All outputs of one checkout, in `target`."""
    writer = Writer(checkout, fresh_run_folder(work))
    writer.check()
    for study, folder in cells.items():
        shutil.copytree(folder, writer.folder / study)
    for name in names:
        OUTPUTS[name](writer)
    slowest = sorted(writer.seconds.items(), key=lambda item: -item[1])[:6]
    listing = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in slowest)
    print(f"{checkout}: {sum(writer.seconds.values()):.0f} s, most of it {listing}", flush=True)
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    writer.folder.rename(target)


def revision_of(checkout: Path) -> str | None:
    """The revision of a checkout whose source nobody changed since; None of any other."""

    def git(*words: str) -> str | None:
        run = subprocess.run(
            ["git", "-C", str(checkout), *words], capture_output=True, text=True, check=False
        )
        return run.stdout.strip() if run.returncode == 0 else None

    return git("rev-parse", "HEAD") if git("status", "--porcelain", "--", "src") == "" else None


def main() -> int:
    """Write, compare, list; 1 when a file differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--work", type=Path, default=Path("build/compare-outputs"))
    parser.add_argument("--expected", type=Path, help="lines of `old => new`")
    parser.add_argument("--only", default="", help=f"with commas, of {', '.join(OUTPUTS)}")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(OUTPUTS)
    if wrong := [name for name in names if name not in OUTPUTS]:
        parser.error(f"--only {wrong[0]}: expected some of {', '.join(OUTPUTS)}")
    before, after, work = (p.resolve() for p in (options.before, options.after, options.work))
    rewordings = read_rewordings(options.expected) if options.expected else []

    work.mkdir(parents=True, exist_ok=True)
    lock = (work / "lock").open("w")  # until this process ends
    fcntl.flock(lock, fcntl.LOCK_EX)
    needed = [study for study in STUDIES if any(study in (n, *NEEDS.get(n, ())) for n in names)]
    cells = {study: cells_of(study, before, work) for study in needed}
    revision = revision_of(before)
    key = hashlib.sha256(f"{revision} {names} {Path(__file__).read_text()}".encode()).hexdigest()
    old, new = work / f"before-{key[:12]}", work / "after"
    if revision is None or not old.is_dir():
        written_by(before, names, cells, old, work)
    written_by(after, names, cells, new, work)

    differences, used = compare_folders(
        old,
        new,
        rewordings=rewordings,
        before_replacements={str(before): "CHECKOUT"},
        after_replacements={str(after): "CHECKOUT"},
    )
    for difference in differences:
        print(difference.name)
        for line in difference.details:
            print(f"    {line}")
    for rewording in rewordings:
        if rewording not in used:
            print(f"expected, but BEFORE writes it nowhere: {rewording.old!r}")
    count = sum(path.is_file() for path in new.rglob("*"))
    print(f"{len(differences)} of {count} files differ; they lie in {old} and {new}")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
