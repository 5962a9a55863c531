"""docs/statistics.md: its example runs, its table is its script's, and no torch is loaded."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from thermodepth import statistics

DOCS = Path(__file__).resolve().parents[3] / "docs"


def test_the_example_of_the_page_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(
        r"```python\n(.*?)```", (DOCS / "statistics.md").read_text("utf-8"), re.DOTALL
    )
    exec(code, {})
    said = capsys.readouterr().out
    assert said.startswith("no-a − full, RMSE: +5.6 %")  # .2 of 3.56
    assert said.endswith("3 seeds, 3 recordings), p < .001 after Holm over 1: worse.\n")


def test_the_table_of_the_page_is_that_of_its_script(load_tool):
    """The first column of the first table; the others cost seconds and come from the same numbers."""
    script = load_tool("coverage")
    found = script.coverage(script.SETTINGS[0], number=0)
    page = (DOCS / "statistics.md").read_text("utf-8")
    for name, share in found.items():
        line = next(line for line in page.splitlines() if line.startswith(f"| {name} |"))
        # Random streams may change with numpy: twice the error of 4000 studies, and the rounding.
        assert float(line.split("|")[2].strip(" *")) == pytest.approx(share, abs=0.02)
    assert 0.92 <= found["**seeds crossed with recordings (here)**"] <= 0.98
    assert found["mean over seeds, images independent"] < 0.6


def test_our_interval_covers_what_it_says_in_every_column_of_the_page():
    page = (DOCS / "statistics.md").read_text("utf-8")
    ours = [line for line in page.splitlines() if line.startswith("| **seeds crossed with")]
    shares = [[float(cell.strip(" *")) for cell in line.split("|")[2:-1]] for line in ours]
    assert [len(each) for each in shares] == [5, 6]  # equal recordings, and unequal ones
    assert all(0.93 <= share <= 0.98 for each in shares for share in each)


def run(code, folder="."):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder
    )
    return done.stdout


def test_the_statistics_load_numpy_and_nothing_heavy():
    """Every module of them, without reading a file."""
    code = (
        "import importlib, pkgutil, sys\n"
        "import thermodepth.statistics as room\n"
        "print('numpy' in sys.modules)\n"
        "for each in pkgutil.walk_packages(room.__path__, f'{room.__name__}.'):\n"
        "    importlib.import_module(each.name)\n"
        "heavy = {'torch', 'pyarrow', 'rich', 'PIL', 'pydantic', 'scipy', 'cv2', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)), 'thermodepth.training' in sys.modules)\n"
    )
    assert run(code) == "False\n[] False\n"


def test_the_example_of_the_room_analyses_a_table(tmp_path):
    """Five lines, on a table in which leaving out `a` costs 5 percent."""
    rows = ["arm,seed,image,cluster,metric,value"]
    rows += [
        f"{arm},{seed},i{image},drive{image // 4},rmse,{4 + 0.01 * image + change + 0.01 * seed}"
        for arm, change in (("full", 0.0), ("no-a", 0.2))
        for seed in range(3)
        for image in range(12)
    ]
    (tmp_path / "table.csv").write_text("\n".join(rows))
    lines = [
        line.removeprefix("    ")
        for line in (statistics.__doc__ or "").splitlines()
        if line.startswith("    ")
    ]
    assert len(lines) == 5
    printed = run("\n".join(lines), tmp_path)
    assert printed.startswith("no-a − full, rmse: +4.9 % [") or "RMSE: +4.9 % [" in printed
    assert printed.rstrip().endswith("worse.")


def test_every_public_name_is_there():
    assert set(statistics.__all__) == set(statistics._HOME)
    for name in statistics.__all__:
        assert getattr(statistics, name).__name__ == name


def test_the_table_of_equal_arms_is_that_of_its_script(load_tool):
    """The cell of three seeds that make .7 of the noise, where comparisons that stand alone are worst off."""
    script = load_tool("equal_arms")
    row, column = script.SHARES.index(0.7), list(script.SIZES).index("S=3, G=30")
    seeds, lengths = script.SIZES["S=3, G=30"]
    found = script.findings(seeds, lengths, 0.7, number=len(script.SIZES) * row + column)
    page = (DOCS / "statistics.md").read_text("utf-8")
    (line,) = [line for line in page.splitlines() if line.startswith("| 0.7 |") and "→" in line]
    told = [float(text) for text in re.findall(r"\.\d+", line.split("|")[column + 2])]
    assert told == pytest.approx(found, abs=0.008)
    assert found[1] <= 0.05 < found[0]
