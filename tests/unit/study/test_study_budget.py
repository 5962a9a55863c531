"""Hours of training that a study may spend: whole seeds, and none that would not fit."""

import json

import pytest

from thermodepth.study.cell import FACTS, ROWS
from thermodepth.study.design import Arm, Study
from thermodepth.study.folder import StudyFolder
from thermodepth.study.run import StudyState, within_budget
from thermodepth.training.settings import TrainingSettings

ARMS = (Arm(name="full", title="All"), Arm(name="bare", title="None"))


@pytest.fixture
def folder(tmp_path):
    return StudyFolder(path=tmp_path)


def study(hours, *, seeds=(0, 1, 2, 3)):
    return Study(
        name="s",
        title="S",
        settings=TrainingSettings(),
        arms=ARMS,
        reference="full",
        seeds=seeds,
        budget_hours=hours,
    )


def finish(folder, cells, *, hours):
    for cell in cells:
        place = folder.cell(cell)
        place.mkdir(parents=True)
        facts = {"labels": "", "first_weights": "", "batches": "", "frames": 1, "skipped": []}
        (place / FACTS).write_text(json.dumps({**facts, "seconds": 3600.0 * hours}))
        (place / ROWS).write_bytes(b"never read")


def begun(asked, folder, *, hours):
    """The seeds that are computed when every cell takes so long."""
    seeds = []
    missing = [cell for cell in asked.cells() if not (folder.cell(cell) / ROWS).is_file()]
    for block in within_budget(asked, missing, folder):
        assert len({cell.seed for cell in block}) <= 1 or asked.budget_hours is None
        finish(folder, block, hours=hours)
        seeds += sorted({cell.seed for cell in block})
    return seeds


@pytest.mark.parametrize(
    ("hours", "seeds"),
    [(8.0, [0, 1, 2, 3]), (7.9, [0, 1, 2]), (4.0, [0, 1]), (0.001, [0]), (None, [0, 1, 2, 3])],
)
def test_as_many_seeds_as_fit_and_the_first_in_any_case(folder, hours, seeds):
    """Two arms of an hour each: a seed takes two."""
    assert begun(study(hours), folder, hours=1.0) == seeds


def test_what_was_spent_before_counts(folder):
    asked = study(5.0)
    finish(folder, [cell for cell in asked.cells() if cell.seed == 0], hours=2.0)
    assert begun(asked, folder, hours=1.0) == []  # 4 h spent, and a seed would take as long again


def test_half_a_seed_is_finished_if_it_fits(folder):
    asked = study(2.0, seeds=(0,))
    finish(folder, asked.cells()[:1], hours=1.0)
    assert begun(asked, folder, hours=1.0) == [0]


def test_seeds_beyond_the_budget_are_said_and_are_no_error(folder):
    cells = study(2.0).cells()
    state = StudyState(folder=folder, done=cells[:4], failed=(), open=(), not_begun=cells[4:])
    assert state.complete
    state.require_complete()
    assert state.missing_lines() == ["seeds 2, 3: not begun, beyond the budget"]
