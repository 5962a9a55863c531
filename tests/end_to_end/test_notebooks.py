"""Notebooks of the docs run from top to bottom, and are stored without outputs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
FIRST = ROOT / "docs" / "notebooks" / "first_depth.ipynb"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_it_is_stored_without_outputs_and_in_one_way_of_writing(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    notebook = json.loads(text)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook["cells"]:
        assert cell["metadata"] == {}
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None), cell["id"]
        assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    assert text == json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def test_first_depth_runs_and_shows_what_it_says(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "end_to_end" / "run_notebook.py"), str(FIRST)],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "agg", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outputs = json.loads(done.stdout)
    displays = {display.partition("(")[0]: html for _, display, html in outputs}
    assert "<table>" in displays["Predictor"]
    assert "data:image/png;base64," in displays["Depth"]
    printed = "".join(text for text, _, _ in outputs)
    assert re.search(r"median \d+\.\d m", printed)
    assert "points: the lens of this frame is not known" in printed
    assert "pixels lie beyond 65.535 m" in printed
    assert "truth within the interval at" in printed
    scores = {
        line.split("|")[1].strip(): float(line.split("|")[2])
        for line in printed.splitlines()
        if line.startswith("| ") and re.search(r"\| \d+\.\d{4} \|", line)
    }
    assert set(scores) == {"mean-depth map", "row ramp", "thermal-any"}
    assert min(scores, key=scores.__getitem__) == "thermal-any"
