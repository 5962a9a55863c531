"""A study of one's own, as a file: run to its report, with its claims judged."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from thermodepth.data import open_dataset

Thermodepth = Callable[..., tuple[int, str, str]]

STUDY = """
name = "two-terms"
title = "Two terms"
seeds = 2
settings.steps = 2

[settings.model]
weights = "none"
decoder_width = 16

[settings.data]
batch_size = 2
size = [64, 64]

[settings.teacher]
kind = "truth"

[factors]
smooth = { "losses.groups.smooth" = false }
consistency = { "losses.groups.consistency" = false }

[[claims]]
name = "smooth"
text = "Smoothing changes nothing after two steps."
question = "no-smooth"
metric = "abs_rel"
says = "stays"
at_least = 0.5
"""


def test_a_study_file_is_run_to_its_verdicts(
    thermodepth: Thermodepth, tiny_pack: Path, tmp_path: Path
) -> None:
    (tmp_path / "two.toml").write_text(STUDY)
    call = ("study", "run", "two.toml", "--data", f"synthetic:{tiny_pack}", "--out", "s")
    code, out, err = thermodepth(*call)
    assert code == 0, err
    assert "4 arms x 2 seeds x 2 steps" in out
    page = (tmp_path / "s" / "report.html").read_text(encoding="utf-8")
    assert "Smoothing changes nothing after two steps." in page
    assert "Main effect of smooth" in page
    assert 'class="forest"' in page
    claims = (tmp_path / "s" / "claims.md").read_text(encoding="utf-8")
    assert "replicated" in claims
    methods = (tmp_path / "s" / "METHODS.md").read_text(encoding="utf-8")
    settings = json.loads((tmp_path / "s/cells/full/seed-0/settings.json").read_text())
    weights = load_file(tmp_path / "s/cells/full/seed-0/model/weights.safetensors")
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    numbers = sum(t.numel() for name, t in weights.items() if not name.endswith(buffers))
    for words in (
        "2 seeds (0, 1)",
        "64x64 pixels",
        f"{len(open_dataset(f'synthetic:{tiny_pack}').split('train').sample_ids)} in train",
        settings["model"]["encoder"],
        f"{numbers:,} parameters",
        "ground truth depth",
        "2 steps of 2 images",
        f"rate {settings['optimiser']['learning_rate']:g}",
        f"{settings['losses']['metric_silog']['weight']:g} metric_silog",
        "no-smooth: losses.groups.smooth True -> False",
        "truth as read, 0.3 < d < 80 m",
        f"{torch.backends.cpu.get_cpu_capability()}",
        f"torch {torch.__version__}",
        "Jang",
    ):
        assert words in methods, words
    assert not re.search(r"[0-9a-f]{12}", methods)
    code, out, err = thermodepth("study", "analyze", "s")
    assert code == 0, err
    assert "Interaction of" in out


DOSES = """
name = "weight"
title = "How much consistency?"
seeds = 2
design = "dose-response"
twin = true
budget_hours = 0.00001
settings.steps = 2

[doses.consistency]
setting = "losses.gradient_consistency.weight"
levels = [0, 1, 3]
"""


def test_doses_a_twin_and_a_budget_come_out_in_the_report(
    thermodepth: Thermodepth, tiny_pack: Path, tmp_path: Path
) -> None:
    small = STUDY[STUDY.index("[settings.model]") : STUDY.index("[factors]")]
    (tmp_path / "weight.toml").write_text(DOSES + small)
    call = ("study", "run", "weight.toml", "--data", f"synthetic:{tiny_pack}", "--out", "s")
    code, out, err = thermodepth(*call)
    assert code == 0, err  # a budget that is spent is no failure
    assert "seed 1: not begun, beyond the budget" in " ".join(out.split())
    assert [p.name for p in sorted((tmp_path / "s" / "cells").glob("*/*"))] == ["seed-0"] * 4
    code, out, err = thermodepth(*call, "--budget-hours", "1")
    assert code == 0, err
    assert "not begun" not in out
    page = (tmp_path / "s" / "report.html").read_text(encoding="utf-8")
    assert "Dose curves" in page
    assert (
        "gives the same numbers to the last bit" in page
    )  # one thread repeats a training bit for bit
    twin, full = (tmp_path / "s" / "cells" / arm / "seed-0" for arm in ("full-twin", "full"))
    weights = [next((cell / "model").glob("*.safetensors")).read_bytes() for cell in (twin, full)]
    assert weights[0] == weights[1]
    methods = (tmp_path / "s" / "METHODS.md").read_text(encoding="utf-8")
    assert "We trained 3 configurations" in methods
    assert "times the weight; no level can be told from it" in methods


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nmae = 'x'", ["two.toml", "nmae", "did you mean 'name'"]),
        ("name = 'x'\n[factors]\na = {'losses.gruops.smooth' = false}", ["gruops", "groups"]),
        ("name = ", ["two.toml", "TOML"]),
    ],
)
def test_a_wrong_file_is_one_line(
    thermodepth: Thermodepth, tmp_path: Path, text: str, words: list[str]
) -> None:
    (tmp_path / "two.toml").write_text(text)
    code, _, err = thermodepth("study", "run", "two.toml")
    assert code == 2
    assert err.count("\n") == 1, err
    for word in words:
        assert word in err
    code, _, err = thermodepth("study", "run", "three.toml")
    assert code == 2
    assert "three.toml" in err
