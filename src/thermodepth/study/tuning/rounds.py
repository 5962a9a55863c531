"""The search run: its study, then the grids that go on, until none does.

Every round is the same study with more arms, in one folder, so what is done is never done again; the same
cells give the same choices, so the same command after a stop comes to the same grids.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from thermodepth.study.design import Study
from thermodepth.study.failure import DIVERGED
from thermodepth.study.results.training_logs import Curve, read_curve
from thermodepth.study.run import StudyState, collect_rows
from thermodepth.study.tuning.findings import LevelChoices, level_choices
from thermodepth.study.tuning.search import WeightGrid, WeightSearch
from thermodepth.training.log import FILE as LOG_FILE

RunStudy = Callable[[Study], StudyState | None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SearchState:
    """How far a search came."""

    search: WeightSearch  # as far as its grids went
    study: Study
    state: StudyState | None  # None where cells were only printed
    choices: LevelChoices | None  # None while a level may still come to a result


def run_search(search: WeightSearch, run: RunStudy, tell: Callable[[str], None]) -> SearchState:
    """Run the study of a search, extend its grids and run again, as long as one goes on.

    Args:
        search: settings resolved against the data set.
        run: brings the cells of a study to their rows, as far as they can be.
        tell: hears, in a sentence, of every grid that goes on.

    Raises:
        DataError, StudyError: when a cell's rows or log are missing or damaged.
    """
    while True:
        study = search.study()
        state = run(study)
        if state is None or not is_settled(study, state):
            return SearchState(search=search, study=study, state=state, choices=None)
        rows = collect_rows(study, state.folder, state.done)
        choices = level_choices(rows, search, read_curves(state))
        larger = search.extended(choices.terms)
        if larger == search:
            return SearchState(search=search, study=study, state=state, choices=choices)
        for before, after in zip(search.grids, larger.grids, strict=True):
            if after != before:
                tell(_going_on(before, after))
        search = larger


def _going_on(before: WeightGrid, after: WeightGrid) -> str:
    form = f" with {after.form_words}" if after.form else ""
    return (
        f"{after.term}{form}: the lowest weight lies at the end of its grid, which goes on to "
        f"{after.weight(after.added[-1]):g} ({len(before.every_level)} weights so far)"
    )


def read_curves(state: StudyState) -> list[Curve]:
    """The logs of the cells that are done.

    Raises:
        StudyError: for a log that is missing or damaged.
    """
    return [
        read_curve(state.folder.cell(cell) / LOG_FILE, arm=cell.arm.name, seed=cell.seed)
        for cell in state.done
    ]


def is_settled(study: Study, state: StudyState) -> bool:
    """Whether every cell has rows or diverged, which is a result too, and none of the reference did."""
    if state.open or any(failure.kind != DIVERGED for _, failure in state.failed):
        return False
    return not any(cell.arm.name == study.reference for cell, _ in state.failed)
