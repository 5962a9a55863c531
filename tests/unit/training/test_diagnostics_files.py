"""Files of diagnostics that are cut back to what a checkpoint knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from thermodepth.errors import DataError
from thermodepth.training.diagnostics.files import (
    COSINE_COLUMNS,
    LineFile,
    conflict_steps,
    drop_conflict_maps,
    read_lines,
)


def test_a_resumed_file_forgets_what_its_checkpoint_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    file = LineFile(path, ("step", "value"), first_step=0)
    assert not path.exists()
    file.add([(2, 1 / 3), (2, None), (4, 1e-9)])
    file.add([(6, 2.0)])
    whole = path.read_text()
    assert whole == "step,value\n2,0.333333\n2,\n4,1e-09\n6,2\n"
    path.write_text(whole + "8,3\n8")  # torn by a kill
    resumed = LineFile(path, ("step", "value"), first_step=4)
    assert path.read_text() == "step,value\n2,0.333333\n2,\n4,1e-09\n"
    resumed.add([(6, 2.0)])
    assert path.read_text() == whole
    LineFile(path, ("step", "value"), first_step=0)
    assert path.read_text() == "step,value\n"


@pytest.mark.parametrize(
    "text", ["a,b\n1,2\n", "step,value\n1\n", "step,value\nx,2\n", "step,value\n1,2,3\n"]
)
def test_another_file_in_the_place_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "cosines.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=r"cosines\.csv, line 2: .* runtime\.diagnostics\.on=false"):
        LineFile(path, ("step", "value"), first_step=0)
    with pytest.raises(DataError, match=r"cannot be read"):
        read_lines(tmp_path / "missing.csv", COSINE_COLUMNS)


def test_maps_of_a_stretch_that_is_run_again_are_removed(tmp_path: Path) -> None:
    (tmp_path / "conflict").mkdir()
    for name in ("step-5.npz", "step-10.npz", "step-15.npz", "other.npz"):
        (tmp_path / "conflict" / name).touch()
    assert conflict_steps(tmp_path) == [5, 10, 15]
    drop_conflict_maps(tmp_path, first_step=10)
    assert conflict_steps(tmp_path) == [5, 10]
    assert (tmp_path / "conflict" / "other.npz").exists()
