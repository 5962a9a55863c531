"""`thermodepth study gradients` as a person types it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Thermodepth = Callable[..., tuple[int, str, str]]

A, B = "structure_ssi", "metric_silog"


def write_cell(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "gradients.csv").write_text(
        "step,term,loss,weighted_loss,norm,norm_share\n"
        + "".join(f"{n},{A},2,1,0.5,0.25\n{n},{B},3,3,1.5,0.75\n" for n in range(1, 41))
    )
    (folder / "cosines.csv").write_text(
        "step,parameters,term_a,term_b,cosine,magnitude_similarity\n"
        + "".join(f"{n},block,{A},{B},{0.1 * (-1) ** n},0.6\n" for n in range(1, 41))
    )
    (folder / "run.json").write_text("{}")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Three arms, two of them with diagnostics."""
    folder = tmp_path / "study"
    write_cell(folder / "cells/full/seed-0")
    write_cell(folder / "cells/no-smooth/seed-0")
    (folder / "cells/no-silog/seed-0").mkdir(parents=True)
    (folder / "cells/no-silog/seed-0/run.json").write_text("{}")
    arms = [{"name": n, "title": n.title()} for n in ("no-smooth", "full", "no-silog")]
    (folder / "study.json").write_text(json.dumps({"study": {"reference": "full", "arms": arms}}))
    return folder


def test_a_study_is_printed_and_written(thermodepth: Thermodepth, study: Path) -> None:
    code, out, err = thermodepth("study", "gradients", study)
    assert code == 0, err
    first, _, rest = out.partition("Gradient shares, No-Smooth")
    assert "Gradient shares, Full" in first
    assert "Gradient cosines at the last shared block, Full" in first
    assert "Gradient cosines" not in rest
    assert "--arm NAME" in rest
    assert out.count("never a verdict") == 1
    for arm in ("full", "no-smooth"):
        assert (study / "gradients" / arm / "gradient_shares.svg").is_file()
        assert (study / "gradients" / arm / "gradient_cosines_block.csv").is_file()
    assert not (study / "gradients/no-silog").exists()


def test_named_arms_are_printed_in_full(thermodepth: Thermodepth, study: Path) -> None:
    code, out, err = thermodepth(
        "study", "gradients", study, "--arm", "no-smooth", "--out", "found"
    )
    assert code == 0, err
    assert "Gradient cosines at the last shared block, No-Smooth" in out
    assert "Full" not in out
    assert (study.parent / "found/no-smooth/gradient_shares.md").is_file()
    assert not (study / "gradients").exists()


def test_a_single_run_is_its_own_folder(thermodepth: Thermodepth, study: Path) -> None:
    run = study / "cells/full/seed-0"
    code, out, err = thermodepth("study", "gradients", run)
    assert code == 0, err
    assert "Gradient shares, full/seed-0" in out
    assert (run / "gradients/gradient_shares.svg").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], ["nowhere: no such folder"]),
        (["study/study.json"], ["no such folder"]),
        (["empty"], ["empty: neither a study's folder", "runtime.diagnostics.on=true"]),
        (["study/cells/no-silog/seed-0"], ["trained without runtime.diagnostics.on=true"]),
        (["unwatched"], ["no cell was trained", "--set runtime.diagnostics.on=true"]),
        (["study", "--arm", "no-smoth"], ["unknown arm 'no-smoth'", "did you mean 'no-smooth'"]),
        (["study", "--arm", "no-silog"], ["no cell of arm 'no-silog'"]),
        (["study/cells/full/seed-0", "--arm", "full"], ["--arm full", "has no arms"]),
        (["study", "--out", "study/study.json"], ["is a file, expected a folder"]),
    ],
)
def test_a_mistake_is_one_line(
    thermodepth: Thermodepth, study: Path, words: list[str], said: list[str]
) -> None:
    (study.parent / "empty").mkdir()
    unwatched = study.parent / "unwatched"
    (unwatched / "cells/full/seed-0").mkdir(parents=True)
    (unwatched / "study.json").write_bytes((study / "study.json").read_bytes())
    code, out, err = thermodepth("study", "gradients", *words)
    assert code == 2
    assert not out
    for word in said:
        assert word in err
    assert len(err.splitlines()) == 1


def test_help_loads_no_torch() -> None:
    code = (
        "import sys\nfrom thermodepth import cli\n"
        "sys.argv = ['thermodepth', 'study', 'gradients', '--help']\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    pass\n"
        "print('torch' in sys.modules, 'numpy' in sys.modules, file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--every-look" in run.stdout
    assert run.stderr.split() == ["False", "False"]
