"""Running a study without any training: baselines that are kept or made again, cells that are left."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from named_data import NamedData

from thermodepth.study import run
from thermodepth.study.cell import ROWS
from thermodepth.study.cell_facts import FACTS
from thermodepth.study.design import Arm, Study
from thermodepth.study.folder import StudyFolder
from thermodepth.study.inputs import CellInputs
from thermodepth.study.run import run_study, score_baselines
from thermodepth.training.settings import TrainingSettings


@pytest.fixture
def study():
    return Study(
        name="s",
        title="S",
        settings=TrainingSettings(),
        arms=(
            Arm(name="full", title="All"),
            Arm(name="bare", title="None", edits={"losses.groups.smooth": False}),
        ),
        reference="full",
        seeds=(0, 1),
    )


def test_baselines_are_scored_again_for_other_data_and_for_nothing_else(
    study, tmp_path, monkeypatch
):
    scored = []
    monkeypatch.setattr(run, "BASELINES", ("flat",))
    monkeypatch.setattr(run, "evenly", lambda _: ())
    monkeypatch.setattr(run, "fit_baselines", lambda *_, **__: {"flat": None})
    monkeypatch.setattr(run, "samples_of", lambda _: ())
    monkeypatch.setattr(run, "score_frames", lambda *_, **__: SimpleNamespace(rows="rows"))

    def write(rows, path):
        scored.append(rows)
        path.write_text(rows)

    monkeypatch.setattr(run, "write_rows", write)
    folder = StudyFolder(path=tmp_path)
    (tmp_path / "baselines").mkdir()
    for data, times in (
        (NamedData(), 1),
        (NamedData(), 1),
        (NamedData("4567"), 2),
        (NamedData("4567"), 2),
    ):
        score_baselines(study, folder, data)
        assert len(scored) == times


class Vandal:
    """Computes nothing, and takes away the rows of a cell that was done."""

    def __init__(self, cell_folder):
        self.cell_folder = cell_folder

    def run(self, jobs, tell):
        del jobs, tell
        (self.cell_folder / ROWS).unlink()


@pytest.mark.parametrize("budget", [None, 8.0])
def test_only_a_budget_leaves_cells_for_later(study, tmp_path, monkeypatch, budget):
    folder = StudyFolder(path=tmp_path)
    first, *rest = study.cells()
    inputs = {arm.name: CellInputs(dataset=NamedData(), labels=None) for arm in study.arms}
    monkeypatch.setattr(run, "open_datasets", lambda *_: {})
    monkeypatch.setattr(run, "make_all_labels", lambda *_, **__: inputs)
    monkeypatch.setattr(run, "note_labels", lambda *_: None)
    monkeypatch.setattr(run, "note_teachers", lambda *_: None)
    monkeypatch.setattr(run, "open_study", lambda *_: folder)
    monkeypatch.setattr(run, "score_baselines", lambda *_: None)
    monkeypatch.setattr(run, "cell_keys", lambda *_: {cell.name: None for cell in study.cells()})
    monkeypatch.setattr(run, "cell_is_done", lambda place, _: (place / ROWS).is_file())
    folder.cell(first).mkdir(parents=True)
    (folder.cell(first) / FACTS).write_text('{"seconds": 1}')
    (folder.cell(first) / ROWS).write_bytes(b"never read")
    if budget is None:  # the cells of seed 1 alone are missing
        folder.cell(rest[0]).mkdir(parents=True)
        (folder.cell(rest[0]) / ROWS).write_bytes(b"never read")
    state = run_study(
        replace(study, budget_hours=budget),
        tmp_path,
        dataset=NamedData(),
        executor=Vandal(folder.cell(first)),
        tell=print,
        tell_labels=print,
    )
    names = [cell.name for cell, _ in state.open]
    if budget is None:
        assert state.not_begun == ()
        assert names == ["full/seed-0", "full/seed-1", "bare/seed-1"]
    else:
        assert [cell.name for cell in state.not_begun] == ["full/seed-1", "bare/seed-1"]
        assert names == ["full/seed-0", "bare/seed-0"]
