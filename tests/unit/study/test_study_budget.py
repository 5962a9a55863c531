"""Hours of training that a study may spend: whole seeds, and none that would not fit."""

import json

import pytest

from thermodepth.study.cell import ROWS
from thermodepth.study.cell_facts import FACTS
from thermodepth.study.design import Arm, Study
from thermodepth.study.folder import StudyFolder
from thermodepth.study.run import StudyState, within_budget
from thermodepth.training.run_folder import finish_run, note_seconds
from thermodepth.training.settings import TrainingSettings

ARMS = (
    Arm(name="full", title="All"),
    Arm(name="bare", title="None", edits={"losses.groups.smooth": False}),
)


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
        place.mkdir(parents=True, exist_ok=True)
        facts = {"labels": "", "first_weights": "", "batches": "", "frames": 1, "skipped": []}
        (place / FACTS).write_text(json.dumps({**facts, "seconds": 3600.0 * hours}))
        (place / ROWS).write_bytes(b"never read")
        finish_run(place)


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


def test_a_cell_is_taken_to_last_as_those_of_its_arm(folder):
    """Arms may edit their steps: the short arm's hour says nothing of the long one's."""
    asked = study(7.0, seeds=(0, 1))
    for cell in asked.cells():
        if (cell.arm.name, cell.seed) != ("bare", 1):
            finish(folder, [cell], hours=1.0 if cell.arm.name == "full" else 3.0)
    assert (
        begun(asked, folder, hours=3.0) == []
    )  # 5 h spent, 3 h to come; the mean of all would fit
    assert begun(study(8.0, seeds=(0, 1)), folder, hours=3.0) == [1]


def test_half_a_seed_is_finished_if_it_fits(folder):
    asked = study(2.0, seeds=(0,))
    finish(folder, asked.cells()[:1], hours=1.0)
    assert begun(asked, folder, hours=1.0) == [0]


def spend(folder, cell, *, hours):
    """Of a training that was stopped or failed."""
    folder.cell(cell).mkdir(parents=True, exist_ok=True)
    note_seconds(folder.cell(cell), 3600.0 * hours)


def blocks(asked, folder, missing=None):
    """The seeds of the blocks, none of whose cells gets anywhere."""
    todo = asked.cells() if missing is None else missing
    return [block[0].seed for block in within_budget(asked, todo, folder)]


def test_while_nothing_is_known_the_first_seed_is_all_that_is_begun(folder):
    asked = study(8.0)
    assert blocks(asked, folder) == [0]  # and all its cells failed at once
    for cell in asked.cells()[:2]:
        spend(folder, cell, hours=1.0)  # until they failed: how long a whole one takes is not known
    assert blocks(asked, folder) == [0]


def test_hours_of_cells_that_failed_are_spent(folder):
    asked = study(4.0)
    full, bare, *_ = asked.cells()
    finish(folder, [full], hours=1.0)
    spend(folder, bare, hours=1.0)
    rest = [cell for cell in asked.cells() if cell.seed]
    assert blocks(asked, folder, rest) == [1, 2, 3]  # each fits as long as nobody spends more
    spend(folder, bare, hours=1.1)
    assert blocks(asked, folder, rest) == []  # 2.1 spent, 2 to come
    for cell in asked.cells():
        spend(folder, cell, hours=1.0)  # all of them stopped but the first
    assert blocks(asked, folder) == []  # 8 h are gone


def test_what_is_left_of_a_training_that_was_stopped_is_all_it_still_costs(folder):
    asked = study(4.0, seeds=(0, 1))
    finish(folder, asked.cells()[:2], hours=1.0)
    stopped = asked.cells()[2:]
    for cell in stopped:
        spend(folder, cell, hours=0.9)
    assert blocks(asked, folder, stopped) == [1]


def test_cells_that_are_only_scored_again_cost_nothing(folder):
    """Another protocol: four models are there, and the budget is used up to the last hour."""
    asked = study(4.0, seeds=(0, 1))
    finish(folder, asked.cells()[::2], hours=0.5)
    finish(folder, asked.cells()[1::2], hours=1.5)
    assert blocks(asked, folder) == [0, 1]


@pytest.mark.parametrize("damage", ["{", "", '{"seconds": NaN}', '{"seconds": -3600}'])
def test_a_damaged_cell_is_one_of_which_nothing_is_known(folder, damage):
    asked = study(4.0)
    finish(folder, asked.cells()[:2], hours=1.0)
    (folder.cell(asked.cells()[0]) / FACTS).write_text(damage)
    rest = [cell for cell in asked.cells() if cell.seed]
    assert blocks(asked, folder, rest) == [1, 2, 3]  # 1 h is known, and 2 to come


def test_seeds_beyond_the_budget_are_said_and_are_no_error(folder):
    cells = study(2.0).cells()
    state = StudyState(folder=folder, done=cells[:4], failed=(), open=(), not_begun=cells[4:])
    assert state.complete
    state.require_complete()
    assert state.missing_lines() == ["seeds 2, 3: not begun, beyond the budget"]


def test_a_seed_that_is_partly_there_is_not_called_not_begun(folder):
    cells = study(2.0).cells()
    state = StudyState(folder=folder, done=cells[:3], failed=(), open=(), not_begun=cells[3:])
    assert state.missing_lines() == [
        "bare/seed-1: not computed, beyond the budget",
        "seeds 2, 3: not begun, beyond the budget",
    ]
