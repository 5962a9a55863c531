"""`thermodepth study audit` as a person types it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

Thermodepth = Callable[..., tuple[int, str, str]]


def test_without_an_argument_it_audits_the_papers_table(thermodepth: Thermodepth) -> None:
    code, out, err = thermodepth("study", "audit")
    assert code == 0, err
    assert "5 arms, one run each; factors SiLog, Smooth, Consistency" in out
    effects = [line.split() for line in out.splitlines() if line.startswith("Smooth")]
    assert [word for line in effects for word in line if word in ("−0.0097", "+0.0234")] == [
        "−0.0097",
        "+0.0234",
    ]
    assert "within published seed noise" in out
    for setting in ("(0, 0, 1)", "(0, 1, 0)", "(0, 0, 0)"):
        assert setting in out


def test_out_takes_every_table(thermodepth: Thermodepth, tmp_path: Path) -> None:
    code, _, err = thermodepth("study", "audit", "--noise", "RMSE=0.004", "--out", "audit")
    assert code == 0, err
    folder = tmp_path / "audit"
    stems = {path.stem for path in folder.iterdir()}
    assert stems == {"audit", "differences_abs_rel", "differences_rmse", "effects_abs_rel",
                     "effects_rmse", "missing", "reach"}  # fmt: skip
    assert len(list(folder.iterdir())) == 3 * 6 + 1
    with (folder / "effects_rmse.csv").open(encoding="utf-8", newline="") as stream:
        values = {(r["Effect of"], r["kind"]): float(r["Δ"]) for r in csv.DictReader(stream)}
    assert values["Smooth", "main"] == -0.0097
    assert values["Smooth × Consistency", "interaction"] == 0.0234
    assert "larger than" in (folder / "audit.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none.csv"], "none.csv: cannot be read"),
        (["bad.csv"], "bad.csv: line 3, column 'RMSE': 'x' is not a number"),
        (["--noise", "RMES=1"], "unknown metric 'RMES'; did you mean 'RMSE'?"),
        (["--reference", "all"], "unknown reference arm 'all'"),
        (["--correlation", "1"], "expected 0 <= r < 1"),
        (["--out", "bad.csv"], "is a file, expected a folder"),
    ],
)
def test_a_mistake_is_one_line(
    thermodepth: Thermodepth, tmp_path: Path, words: list[str], said: str
) -> None:
    (tmp_path / "bad.csv").write_text("arm,A,RMSE\nall,1,0.1\nno,0,x\n")
    code, out, err = thermodepth("study", "audit", *words)
    assert code == 2
    assert not out
    assert said in err
    assert len(err.splitlines()) == 1
