"""`thermodepth study plan`: what a study would do, with nothing trained or written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

Thermodepth = Callable[..., tuple[int, str, str]]


def test_a_recipe_is_laid_out_and_nothing_is_written(
    thermodepth: Thermodepth, tiny_pack: Path, tmp_path: Path
) -> None:
    before = sorted(tmp_path.rglob("*"))
    data = ("--data", f"synthetic:{tiny_pack}")
    code, out, err = thermodepth("study", "plan", "paper-factorial", "--seeds", "5", *data)
    assert (code, err) == (0, "")
    assert "losses.groups.silog = false" in out
    assert "Declared: 6 questions on abs_rel, rmse, so Holm over 12; 11 claims." in out
    assert "Design: full factorial of consistency, smooth, silog." in out
    assert "at least 0.0625; six seeds can reach .05." in out
    assert "8 arms x 5 seeds x 600 steps = 40 cells, 0 of them done in runs/" in out
    assert sorted(tmp_path.rglob("*")) == before


def test_a_fraction_says_what_it_cannot_tell_apart(
    thermodepth: Thermodepth, tiny_pack: Path, tmp_path: Path
) -> None:
    lines = ['name = "five"', "[factors]"]
    lines += [
        f'{name} = {{ "losses.{term}.weight" = 0.0 }}'
        for name, term in (
            ("relative", "metric_relative"),
            ("silog", "metric_silog"),
            ("gradient", "structure_gradient"),
            ("smooth", "guided_smooth"),
            ("consistency", "gradient_consistency"),
        )
    ]
    (tmp_path / "five.toml").write_text("\n".join(lines))
    code, out, err = thermodepth("study", "plan", "five.toml", "--data", f"synthetic:{tiny_pack}")
    assert (code, err) == (0, "")
    assert "Design: half fraction of" in out
    assert re.search(r"\w+ x \w+: yes, if \w+ x \w+ x \w+ is nothing", out)
    assert "One seed: run-to-run noise stays unknown" in out


def test_cells_that_are_done_are_counted_and_the_rest_forecast(
    thermodepth: Thermodepth, tiny_pack: Path, tmp_path: Path
) -> None:
    cell = tmp_path / "s" / "cells" / "full" / "seed-0"
    cell.mkdir(parents=True)
    (cell / "rows.parquet").write_bytes(b"")
    (cell / "cell.json").write_text(json.dumps({"seconds": 1800.0}))
    data = ("--data", f"synthetic:{tiny_pack}", "--out", "s", "--twin")
    code, out, err = thermodepth("study", "plan", "paper", *data)
    assert (code, err) == (0, "")
    assert "full-twin" in out
    assert "6 arms x 1 seeds x 600 steps = 6 cells, 1 of them done in s" in out
    assert "A cell trained for 1800 s; the others would take 2.5 h, one at a time." in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("papr",), "did you mean 'paper'"),
        (("missing.toml",), "missing.toml"),
        (("paper", "--set", "losses.silo.weight=2"), "losses.silo"),
        (("paper", "--data", "mm5"), "mm5 needs a folder"),
    ],
)
def test_what_cannot_be_planned_is_said(
    thermodepth: Thermodepth, words: tuple[str, ...], message: str
) -> None:
    code, out, err = thermodepth("study", "plan", *words)
    assert (code, out) == (2, "")
    assert message in err
