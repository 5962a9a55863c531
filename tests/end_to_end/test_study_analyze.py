"""`thermodepth study analyze` on anybody's table."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Thermodepth = Callable[..., tuple[int, str, str]]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two methods, four seeds, twelve images of three drives; "ours" is 0.1 better and wins everywhere."""
    random = np.random.default_rng(0)
    path = tmp_path / "rows.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["arm", "seed", "image", "cluster", "metric", "value"])
        for arm, gain in (("base", 0.0), ("ours", 0.1)):
            for seed in range(4):
                for image in range(12):
                    noise = random.normal(0, 0.002)
                    value = 1.0 + 0.05 * image - gain + noise
                    writer.writerow([arm, seed, f"i{image}", f"d{image // 4}", "error", value])
                    writer.writerow([arm, seed, f"i{image}", f"d{image // 4}", "score", 5 - value])
    return path


def test_a_table_of_another_tool(thermodepth: Thermodepth, results: Path) -> None:
    call = ("study", "analyze", results, "--reference", "base", "--higher", "score")
    code, out, err = thermodepth(*call, "--out", "found")
    assert code == 0, err
    lines = [line for line in out.splitlines() if line.startswith("ours − base")]
    assert len(lines) == 2
    assert all("better" in line for line in lines)
    for name in ("effects.csv", "effects.md", "effects.tex", "scopes.csv", "METHODS.md"):
        assert (results.parent / "found" / name).is_file()


def test_a_metric_whose_direction_nobody_said_has_no_verdict(
    thermodepth: Thermodepth, results: Path
) -> None:
    code, out, err = thermodepth("study", "analyze", results, "--reference", "base")
    assert code == 0, err
    error, score = [line for line in out.splitlines() if line.startswith("ours − base")]
    assert "better" in error
    assert "descriptive" in score
    assert "No verdict on score: nobody said which way is better; --lower or --higher" in out
    code, out, err = thermodepth(
        "study", "analyze", results, "--reference", "base", "--lower", "score"
    )
    assert "worse" in next(line for line in out.splitlines() if "score" in line)
    assert "No verdict" not in out


CASES = Path(__file__).parents[3] / "shared" / "cases"


@pytest.mark.skipif(not CASES.is_dir(), reason="needs inputs that are not part of the project")
def test_tables_that_were_read_wrongly(thermodepth: Thermodepth) -> None:
    code, out, _ = thermodepth("study", "analyze", CASES / "analyze_d1.csv", "--reference", "full")
    line = next(line for line in out.splitlines() if line.startswith("no-silog") and " d1 " in line)
    assert (code, "worse" in line) == (0, True)
    assert "Better when higher: d1 (as δ<1.25)" in out
    code, out, _ = thermodepth("study", "analyze", CASES / "analyze_pandas_index.csv")
    assert code == 0
    assert "Left out: column '', row numbers." in out


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (["--lower", "score", "--higher", "score"], ["--lower and --higher both name 'score'"]),
        (["--lower", "scor"], ["scor", "did you mean 'score'"]),
        (["--primary", "score"], ["primary metric score", "lower or higher"]),
        (["--reference", "bass"], ["bass", "did you mean 'base'"]),
        (["--metrics", "errr"], ["errr", "did you mean 'error'"]),
        (["--primary", "nothing"], ["nothing", "error, score"]),
        (["--claims", "mine"], ["mine", "paper"]),
        (["--smallest-effect", "-1"], ["smallest effect -1"]),
    ],
)
def test_wrong_words(
    thermodepth: Thermodepth, results: Path, edit: list[str], words: list[str]
) -> None:
    code, _, err = thermodepth("study", "analyze", results, *edit)
    assert code == 2
    for word in words:
        assert word in err


def test_a_missing_cell_is_an_error_that_names_it(thermodepth: Thermodepth, results: Path) -> None:
    lines = results.read_text().splitlines()
    kept = [line for line in lines if not line.startswith("ours,2,i3,")]
    results.write_text("\n".join(kept) + "\n")
    code, _, err = thermodepth("study", "analyze", results)
    assert code == 2
    assert "i3" in err
    assert "seed 2" in err


def test_no_torch_is_loaded(results: Path) -> None:
    code = (
        "import sys\nfrom thermodepth import cli\n"
        f"sys.argv = ['thermodepth', 'study', 'analyze', {str(results)!r}]\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    pass\n"
        "print('torch' in sys.modules, file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stderr.strip().endswith("False")


def test_a_table_of_runs_gets_intervals_over_seeds_and_says_so(
    thermodepth: Thermodepth, tmp_path: Path
) -> None:
    path = tmp_path / "wandb_export.csv"
    lines = ["Name,State,Created,Runtime,seed,val/abs_rel,score"]
    for arm, base in (("base", 0.3), ("ours", 0.2)):
        for seed in range(4):
            value = base + 0.001 * (seed * (7 if arm == "ours" else 3) % 5)
            lines.append(f"{arm}-{seed},finished,2025-11-13,9,{seed},{value},{1 - value}")
    path.write_text("\n".join(lines))
    code, _, err = thermodepth("study", "analyze", path)
    assert code == 2
    assert "nothing tells the arm of each run" in err
    path.write_text(path.read_text().replace("base-", "base-seed").replace("ours-", "ours-seed"))
    code, out, err = thermodepth("study", "analyze", path, "--higher", "score", "--out", "found")
    assert code == 0, err
    abs_rel, score = [line for line in out.splitlines() if line.startswith("ours − base")]
    assert "[−34.5, −31.9]" in abs_rel  # percent, t over four seeds
    assert "cannot tell" in abs_rel
    assert "descriptive" not in score
    words = " ".join(out.split())
    assert (
        "Recognised as W&B's table of runs: 8 runs that ended; arms from the runs' names" in words
    )
    assert "One number a run: intervals are over seeds, and nothing is called better" in words
    assert "Every image is taken as a recording" not in words
    methods = (tmp_path / "found" / "METHODS.md").read_text()
    assert "Of every run one number a metric was logged" in methods
    assert "allows for seeds alone" in methods


def test_columns_of_runs_are_refused_for_other_tables(
    thermodepth: Thermodepth, results: Path
) -> None:
    code, _, err = thermodepth("study", "analyze", results, "--arm-column", "arm")
    assert code == 2
    assert "--arm-column: " in err
