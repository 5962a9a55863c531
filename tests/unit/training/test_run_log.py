"""log.csv: growing columns, and no trace of a stretch that is run again."""

from __future__ import annotations

from pathlib import Path

import pytest

from thermodepth.errors import DataError
from thermodepth.training.log import FILE, RunLog


def lines(folder: Path) -> list[str]:
    return (folder / FILE).read_text().splitlines()


def test_one_line_each_and_six_digits(tmp_path: Path) -> None:
    log = RunLog(tmp_path, first_step=0, tensorboard=False)
    log.write(20, {"total": 1.23456789, "silog": 1e-9})
    log.write(40, {"total": 100000.0, "silog": 0.5})
    log.close()
    assert lines(tmp_path) == ["step,total,silog", "20,1.23457,1e-09", "40,100000,0.5"]


def test_a_term_that_starts_later_gets_a_column(tmp_path: Path) -> None:
    log = RunLog(tmp_path, first_step=0, tensorboard=False)
    log.write(1, {"total": 1.0})
    log.write(2, {"total": 2.0, "smooth": 0.5})
    log.write(3, {"total": 3.0})  # and may be absent again
    assert lines(tmp_path) == ["step,total,smooth", "1,1,", "2,2,0.5", "3,3,"]


def test_a_resumed_run_drops_what_its_checkpoint_does_not_know(tmp_path: Path) -> None:
    log = RunLog(tmp_path, first_step=0, tensorboard=False)
    for step in (2, 4, 6, 8):
        log.write(step, {"total": float(step)})
    whole = lines(tmp_path)
    resumed = RunLog(tmp_path, first_step=4, tensorboard=False)
    assert lines(tmp_path) == whole[:3]
    for step in (6, 8):
        resumed.write(step, {"total": float(step)})
    assert lines(tmp_path) == whole


def test_a_run_that_begins_again_forgets_its_lines(tmp_path: Path) -> None:
    RunLog(tmp_path, first_step=0, tensorboard=False).write(2, {"total": 9.0})
    again = RunLog(tmp_path, first_step=0, tensorboard=False)
    again.write(2, {"other": 1.0})
    assert lines(tmp_path) == ["step,other", "2,1"]


@pytest.mark.parametrize("torn", ["1", "12", "120,0.", "120,0.7,"])
def test_a_line_that_was_cut_off_is_no_line(torn: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("step,total,smooth\n100,1,2\n" + torn)
    RunLog(tmp_path, first_step=200, tensorboard=False)
    assert lines(tmp_path) == ["step,total,smooth", "100,1,2"]


def test_tensorboard_gets_the_same_values(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    log = RunLog(tmp_path, first_step=0, tensorboard=True)
    log.write(20, {"total": 1.5})
    log.close()
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    (event,) = events.Scalars("total")
    assert (event.step, event.value) == (20, 1.5)


@pytest.mark.parametrize(
    "text",
    ["a,b\n1,2\n", "step,total\nx,1\n", "step,total\n1,2,3\n", "step,total\n1\n", "step\n-1\n"],
)
def test_a_log_that_is_none_is_named_with_the_remedy(text: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(DataError, match=r"log\.csv, line 2: not of a training log; delete it"):
        RunLog(tmp_path, first_step=3, tensorboard=False)
