"""Weights searched on the validation split, and a study that is trained with them."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from thermodepth.study.cell import compute_cell
from thermodepth.study.cell_job import CellJob, Tell
from thermodepth.study.executors import registry

Thermodepth = Callable[..., tuple[int, str, str]]

BASE = """
name = "small"
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
"""


class ThisProcess:
    """Computes cells one after another, and knows which; is stopped before the third of the first call."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.stops = True

    def run(self, jobs: Sequence[CellJob], tell: Tell) -> None:
        for job in jobs:
            if self.stops and len(self.names) == 2:
                self.stops = False
                raise KeyboardInterrupt
            self.names.append(job.name)
            compute_cell(job, tell)


@pytest.fixture
def executor(monkeypatch: pytest.MonkeyPatch) -> ThisProcess:
    executor = ThisProcess()
    monkeypatch.setattr(registry, "make_executor", lambda _: executor)
    return executor


def test_weights_are_searched_on_validation_frames_and_used_by_a_study(
    thermodepth: Thermodepth, tiny_pack: Path, tmp_path: Path, executor: ThisProcess
) -> None:
    (tmp_path / "small.toml").write_text(BASE)
    data = ("--data", f"synthetic:{tiny_pack}")
    call = ("study", "tune", "small.toml", *data, "--terms", "metric_silog")
    call = (*call, "--levels", "0,1", "--most-added", "0", "--out", "t")
    assert thermodepth(*call)[0] == 130
    code, out, err = thermodepth(*call)
    assert code == 0, err
    assert sorted(executor.names) == [
        f"{arm}/seed-{seed}" for arm in ("full", "no-metric-silog") for seed in (0, 1)
    ]
    assert "Weights searched on the split 'val'" in out
    folder = tmp_path / "t"
    store = json.loads((folder / "cells/full/seed-0/predictions/store.json").read_text())
    assert store["about"]["split"] == "val"
    tuned = tomllib.loads((folder / "tuned.toml").read_text(encoding="utf-8"))
    assert (tuned["split"], tuned["frames"], tuned["seeds"]) == ("val", 2, [0, 1])
    assert [term["name"] for term in tuned["terms"]] == ["metric_silog"]
    methods = (folder / "METHODS.md").read_text(encoding="utf-8")
    assert "Weights were searched on the validation split" in methods
    assert "trained on 'train', scored on 'val' (2 frames" in methods
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "on 2 frames of the split &#x27;val&#x27;" in page
    assert 'id="tuning"' in page
    assert 'class="dose"' in page
    assert "test frames" not in page.partition('id="methods"')[0].partition('id="effects"')[
        0
    ].replace("test frames tell what it is worth", "")
    for stem in ("tuning", "tuning_metric_silog"):
        assert {p.suffix for p in folder.glob(f"{stem}.*")} == {".md", ".csv", ".tex"}

    study = ("study", "run", "small.toml", *data, "--tuned", "t", "--seeds", "1", "--out", "s")
    code, out, err = thermodepth(*study)
    assert code == 0, err
    settings = json.loads((tmp_path / "s/cells/full/seed-0/settings.json").read_text())
    for term in tuned["terms"]:
        assert settings["losses"][term["name"]]["weight"] == term["weight"]
    methods = (tmp_path / "s" / "METHODS.md").read_text(encoding="utf-8")
    assert "Weights were searched on the validation split" in methods
    assert "Of the search 'tune-small' this study has" in methods
    assert "All else is as in the search." in methods
    assert "scored on 'test'" in methods

    code, _, err = thermodepth(*study, "--set", "losses.metric_silog.weight=7")
    assert code == 2
    assert "losses.metric_silog.weight = 7.0" in err or "losses.metric_silog.weight = 7" in err


def test_a_study_file_names_the_chosen_weights_from_where_it_lies(
    thermodepth: Thermodepth, tiny_pack: Path, tmp_path: Path
) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "s.toml").write_text('tuned = "none.toml"\n' + BASE)
    code, _, err = thermodepth(
        "study", "plan", "studies/s.toml", "--data", f"synthetic:{tiny_pack}"
    )
    assert code == 2
    assert str(tmp_path / "studies" / "none.toml") in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--split", "test"), "none to test with"),
        (("--split", "valid"), "did you mean 'val'"),
        (("--split", "train"), "the recipe trains on it"),
        (("--terms", "silog"), "did you mean 'metric_silog'"),
        (("--levels", "0,a"), "expected numbers with commas"),
        (("--levels", "0,3"), "with 1, the recipe's own weight"),
        (("--set", "seed=3"), "seed"),
        (("--set", "data.split=test"), "are test frames"),
        (("--set", "data.split=val"), "the recipe trains on it"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_anything_is_made(
    thermodepth: Thermodepth,
    tiny_pack: Path,
    tmp_path: Path,
    words: tuple[str, ...],
    message: str,
) -> None:
    call = ("study", "tune", "thermal", "--data", f"synthetic:{tiny_pack}", "--out", "t", *words)
    code, _, err = thermodepth(*call)
    assert code == 2
    assert message in " ".join(err.split())
    assert not (tmp_path / "t").exists()


def test_an_unknown_recipe_is_refused_with_the_nearest(thermodepth: Thermodepth) -> None:
    code, _, err = thermodepth("study", "tune", "therml")
    assert code == 2
    assert "did you mean 'thermal'" in err
