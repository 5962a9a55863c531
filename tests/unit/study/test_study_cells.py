"""What the folder of a study and of a cell say: which is done, which failed, what may be added."""

import hashlib
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest
from named_data import NamedData

from thermodepth.checksums import read_record, write_record
from thermodepth.errors import DataError, DivergedError, SettingsError, StudyError
from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.study import cell as cells
from thermodepth.study.cell import FORMAT, ROWS, CellKey, cell_is_done, compute_cell
from thermodepth.study.cell_facts import FACTS, known_seconds
from thermodepth.study.cell_job import CellJob, CellNews
from thermodepth.study.design import Arm, Study
from thermodepth.study.failure import FAILED, killed, read_failure, write_failure
from thermodepth.study.folder import StudyFolder, note_labels, open_study, prepared_job
from thermodepth.study.gradients.arms import arms_of
from thermodepth.study.inputs import CellInputs, label_key
from thermodepth.study.run import cell_keys, collect_rows, run_study, study_state
from thermodepth.teacher import LabelStore
from thermodepth.training.run_folder import note_seconds
from thermodepth.training.settings import TrainingSettings
from thermodepth.types import Geometry

FULL = Arm(name="full", title="All")
BARE = Arm(name="bare", title="None", edits={"losses.groups.smooth": False})


@pytest.fixture
def make_study():
    def make(*arms, seeds=(0,), settings=None):
        return Study(
            name="s",
            title="S",
            settings=settings or TrainingSettings(),
            arms=arms or (FULL, BARE),
            reference="full",
            seeds=seeds,
        )

    return make


@pytest.fixture
def labels(tmp_path):
    return LabelStore(tmp_path / "study" / "labels", "teacher", "0123", Geometry.AFFINE_INVERSE)


def inputs_of(study, labels, dataset=None):
    """What every arm is trained on."""
    dataset = dataset or NamedData()
    return {arm.name: CellInputs(dataset=dataset, labels=labels) for arm in study.arms}


@pytest.fixture
def job(tmp_path, labels):
    return CellJob(
        study="s",
        name="full/seed-0",
        arm="full",
        seed=0,
        settings=TrainingSettings(),
        scored_on="synthetic",
        scored_split="test",
        folder=tmp_path / "study" / "cells" / "full" / "seed-0",
        labels=labels,
        working_folder="",
    )


@pytest.fixture
def other_job(job):
    settings = job.settings.edit(BARE.edits)
    folder = job.folder.parents[1] / "bare" / "seed-0"
    return replace(job, name="bare/seed-0", arm="bare", settings=settings, folder=folder)


@pytest.fixture(autouse=True)
def trained(monkeypatch):
    """A training that does nothing, or fails for the cells in `fail`."""
    state = SimpleNamespace(fail={}, names=[])

    def train(_, out, **__):
        name = "/".join(out.parts[-2:])
        state.names.append(name)
        if name in state.fail:
            raise state.fail[name]
        return out / "model"

    monkeypatch.setattr(cells, "open_dataset", lambda _: NamedData())
    monkeypatch.setattr(cells, "train_in_held_folder", train)
    return state


@pytest.fixture(autouse=True)
def scored(monkeypatch):
    """The names of the cells that were scored, which is not done here."""
    names = []
    monkeypatch.setattr(cells, "score_cell", lambda job, *_, **__: names.append(job.name))
    return names


def silent(news):
    del news


def pretend_done(folder, key, **changed):
    folder.mkdir(parents=True, exist_ok=True)
    facts = {
        "identity": key.run,
        "labels": key.labels,
        "fingerprint": key.fingerprint,
        "format": FORMAT,
    }
    (folder / FACTS).write_text(json.dumps(facts | changed))
    (folder / ROWS).write_bytes(b"never read")


# --- one cell ------------------------------------------------------------------------------------


KEY = CellKey(run="r", labels="teacher/g", protocol="p-1")


def test_a_cell_is_done_with_its_fingerprint_and_its_rows_only(tmp_path):
    assert not cell_is_done(tmp_path, KEY)
    pretend_done(tmp_path, KEY)
    assert cell_is_done(tmp_path, KEY)
    (tmp_path / ROWS).unlink()
    assert not cell_is_done(tmp_path, KEY)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_rows_whose_facts_are_damaged_are_made_again(tmp_path, text):
    pretend_done(tmp_path, KEY)
    (tmp_path / FACTS).write_text(text)
    if text == "{}":  # facts of nothing are facts of something else
        with pytest.raises(StudyError, match="labels: None there"):
            cell_is_done(tmp_path, KEY)
    else:
        assert not cell_is_done(tmp_path, KEY)


def test_a_cell_scored_under_another_protocol_is_scored_again(tmp_path):
    pretend_done(tmp_path, KEY)
    assert not cell_is_done(tmp_path, CellKey(run="r", labels="teacher/g", protocol="p-2"))
    # As versions without fingerprints left it.
    (tmp_path / FACTS).write_text(json.dumps({"identity": "r", "labels": "teacher/g"}))
    assert not cell_is_done(tmp_path, KEY)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"identity": "other"}, "run: other there, r now"),
        ({"labels": "rgb/g", "identity": "other"}, "labels: rgb/g there, teacher/g now"),
        ({"format": FORMAT - 1}, f"format: {FORMAT - 1} there, {FORMAT} now"),
    ],
)
def test_a_cell_of_something_else_is_refused_with_the_difference(tmp_path, changed, words):
    pretend_done(tmp_path, KEY, fingerprint="x", **changed)
    with pytest.raises(StudyError, match=words) as told:
        cell_is_done(tmp_path, KEY)
    assert str(tmp_path) in str(told.value)
    assert (tmp_path / ROWS).is_file()


@pytest.mark.parametrize(
    ("error", "kind", "step", "line", "ours"),
    [
        (
            DivergedError("step 412: term is nan"),
            "diverged",
            412,
            "diverged at step 412: term is nan",
            False,
        ),
        (SettingsError("no such weights"), "failed", None, "failed: no such weights", False),
        (KeyError("x"), "failed", None, "failed: KeyError: 'x'", True),
    ],
)
def test_what_goes_wrong_is_written_and_told_and_gone_with_the_next_try(
    job, trained, scored, monkeypatch, error, kind, step, line, ours
):
    trained.fail[job.name] = error
    heard = []
    if ours:  # keeps its traceback
        with pytest.raises(type(error)):
            compute_cell(job, heard.append)
    else:
        assert compute_cell(job, heard.append) is error
    assert [(news.stage, news.message) for news in heard] == [("failed", line)]
    failure = read_failure(job.folder)
    assert (failure.kind, failure.step, failure.line()) == (kind, step, line)
    assert failure.when.endswith("Z")
    assert scored == []
    trained.fail.clear()
    monkeypatch.setattr(
        cells, "score_cell", lambda job, *_, **__: scored.append((job.folder / FAILED).exists())
    )
    assert compute_cell(job, heard.append) is None
    assert scored == [False]
    assert read_failure(job.folder) is None
    assert heard[-1].stage == "done"


def test_being_stopped_is_no_failure(job, trained, scored):
    trained.fail[job.name] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        compute_cell(job, silent)
    assert read_failure(job.folder) is None
    assert scored == []


def test_a_cell_that_another_process_computes_is_left_alone(job, other_job, scored, monkeypatch):
    monkeypatch.setattr(cells, "PATIENCE_S", 0.0)
    heard = []
    with cells.only_process(job.folder):
        error = compute_cell(job, heard.append)
        assert compute_cell(other_job, heard.append) is None
    assert "in progress elsewhere, another process holds it" in str(error)
    assert read_failure(job.folder) is None
    assert scored == [other_job.name]  # which was free
    assert [(news.name, news.stage) for news in heard] == [
        (job.name, "elsewhere"),
        (other_job.name, "done"),
    ]


@pytest.fixture
def real_key(job, monkeypatch):
    """Of the job, over a data set that can be named."""
    monkeypatch.setattr(cells, "open_dataset", lambda _: NamedData())
    return cells.key_of(job, NamedData(), NamedData())


def test_a_cell_that_another_process_finished_meanwhile_is_left_alone(
    job, real_key, trained, scored
):
    pretend_done(job.folder, real_key)
    before = {path.name: path.read_bytes() for path in job.folder.iterdir()}
    write_failure(job.folder, killed("its process is gone"))
    heard = []
    assert compute_cell(job, heard.append) is None
    assert [(news.name, news.stage) for news in heard] == [(job.name, "done")]
    assert trained.names == scored == []
    left = {path.name: path.read_bytes() for path in job.folder.iterdir() if path.name != ".lock"}
    assert left == before


def test_processes_of_one_cell_meet_where_its_training_begins_also_when_it_is_done(
    job, real_key, trained, scored, monkeypatch
):
    """The others are there already, and would wait for the first for ever."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    pretend_done(job.folder, real_key)
    assert compute_cell(job, silent) is None
    assert trained.names == [job.name]
    assert scored == []
    assert (job.folder / ROWS).is_file()


def test_rows_of_another_scoring_are_gone_before_the_new_ones_come(
    job, real_key, scored, monkeypatch
):
    pretend_done(job.folder, replace(real_key, protocol="p-2"))
    there = []
    monkeypatch.setattr(
        cells, "score_cell", lambda job, *_, **__: there.append((job.folder / ROWS).exists())
    )
    assert compute_cell(job, silent) is None
    assert there == [False]
    assert scored == []


def test_rows_of_something_else_are_refused_and_kept(job, real_key, trained):
    pretend_done(job.folder, replace(real_key, run="other"))
    assert "holds results of other settings" in str(compute_cell(job, silent))
    assert trained.names == []
    assert (job.folder / ROWS).is_file()


def test_beside_the_first_process_of_a_cell_the_others_neither_lock_nor_score(
    job, trained, scored, monkeypatch
):
    monkeypatch.setenv("RANK", "1")
    with cells.only_process(job.folder):
        assert compute_cell(job, silent) is None
    assert trained.names == ["full/seed-0"]
    assert scored == []
    trained.fail[job.name] = SettingsError("no such weights")
    with pytest.raises(SettingsError, match="no such weights"):
        compute_cell(job, silent)


# --- seconds -------------------------------------------------------------------------------------


def test_the_seconds_of_a_cell_are_those_of_all_its_stretches(job, other_job, monkeypatch):
    told = []
    monkeypatch.setattr(
        cells, "score_cell", lambda job, *_, seconds, **__: told.append((job.name, seconds))
    )
    job.folder.mkdir(parents=True)
    note_seconds(job.folder, 15.5)
    for each in (job, other_job):
        compute_cell(each, silent)
    assert told == [(job.name, 15.5), (other_job.name, 0.0)]  # of which nobody noted any


@pytest.mark.parametrize(
    ("noted", "fact", "seconds"),
    [
        ('{"seconds": 4}', "9.5", 4.0),
        (None, "9.5", 9.5),  # as earlier versions left it
        ("{", "9.5", 9.5),
        (None, "true", None),
        ('{"seconds": NaN}', "-1", None),
        (None, "1e999", None),
        (None, '"long"', None),
    ],
)
def test_the_seconds_of_a_training_are_known_or_not(tmp_path, noted, fact, seconds):
    assert known_seconds(tmp_path) is None
    if noted is not None:
        (tmp_path / "seconds.json").write_text(noted)
    (tmp_path / FACTS).write_text(f'{{"seconds": {fact}}}')
    assert known_seconds(tmp_path) == seconds


@pytest.mark.parametrize("text", ["", "[]", '{"kind": 3, "step": "x"}'])
def test_a_damaged_record_of_a_failure_is_a_failure(tmp_path, text):
    (tmp_path / FAILED).write_text(text)
    failure = read_failure(tmp_path)
    assert (failure.kind, failure.step) == ("failed", None)


@pytest.mark.parametrize(
    ("errors", "kind", "words"),
    [
        ({}, None, ""),
        ({"full/seed-0": DivergedError("step 4: nan")}, DivergedError, "^step 4: nan$"),
        (
            {
                "full/seed-0": DivergedError("step 4: nan"),
                "bare/seed-0": DivergedError("step 5: inf"),
            },
            DivergedError,
            r"2 of 2 cells failed.*\n  full/seed-0: step 4: nan\n  bare/seed-0: step 5: inf$",
        ),
        (
            {"full/seed-0": DivergedError("step 4: nan"), "bare/seed-0": StudyError("no room")},
            StudyError,
            "bare/seed-0: no room$",
        ),
    ],
)
def test_the_command_of_cells_ends_as_they_did(
    job, other_job, monkeypatch, capsys, errors, kind, words
):
    from thermodepth.cli.study.cell import cell

    jobs = {j.name: j for j in (job, other_job)}

    def compute(job, tell, *, gpus):
        assert gpus == 1
        tell(CellNews(name=job.name, stage="failed" if job.name in errors else "done"))
        return errors.get(job.name)

    monkeypatch.setattr("thermodepth.study.folder.prepared_job", lambda _, name: jobs[name])
    monkeypatch.setattr("thermodepth.study.executors.launch.enter_working_folder", lambda _: None)
    monkeypatch.setattr("thermodepth.study.executors.launch.compute", compute)
    names = [job.name, other_job.name, job.name]  # twice is once
    with pytest.raises(kind, match=words) if kind else nullcontext():
        cell(job.study_folder, names)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"{n}: {'failed' if n in errors else 'done'}" for n in jobs]


# --- the study's folder --------------------------------------------------------------------------


def record(folder):
    return read_record(folder / "study.json")


def test_seeds_and_arms_can_be_added_and_none_is_forgotten(make_study, tmp_path):
    open_study(make_study(FULL), tmp_path, NamedData())
    open_study(make_study(FULL, BARE, seeds=(0, 2)), tmp_path, NamedData())
    open_study(make_study(FULL, seeds=(1,)), tmp_path, NamedData())
    now = record(tmp_path)
    assert now["seeds"] == [0, 1, 2]
    assert [arm["name"] for arm in now["study"]["arms"]] == ["full", "bare"]


def test_nothing_is_lost_of_seeds_that_are_added_at_once(make_study, tmp_path):
    for attempt in range(10):
        out, together = tmp_path / str(attempt), threading.Barrier(3)

        def add(seed, out=out, together=together):
            together.wait()
            open_study(make_study(seeds=(0, seed)), out, NamedData())

        with ThreadPoolExecutor(3) as pool:  # the folder is new, too
            list(pool.map(add, (1, 2, 3)))
        assert record(out)["seeds"] == [0, 1, 2, 3]


def test_a_folder_of_something_else_is_left_as_it_is(make_study, tmp_path):
    (tmp_path / "thesis.txt").write_text("")
    for _ in range(2):
        with pytest.raises(StudyError, match="not empty and no study of ours"):
            open_study(make_study(), tmp_path, NamedData())
        assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    (tmp_path / ".lock").write_text("")  # as in the folder of a single run
    with pytest.raises(StudyError, match="not empty and no study of ours"):
        open_study(make_study(), tmp_path, NamedData())
    with pytest.raises(StudyError, match="not empty and no study of ours"):
        open_study(make_study(), tmp_path / "thesis.txt", NamedData())


@pytest.mark.parametrize("name", ["..", "../..", "/tmp/x", "", "a/b", "Full", "-a", "full\n"])
def test_an_arm_that_is_no_folder_s_name_is_refused(make_study, tmp_path, name):
    open_study(make_study(), tmp_path, NamedData())
    told = record(tmp_path)
    told["study"]["arms"][1]["name"] = name
    (tmp_path / "study.json").write_text(json.dumps(told))
    words = (
        rf"study\.json: study\.arms\.1\.name.*{re.escape(repr(name))}, expected a-z, 0-9 and dash"
    )
    for call in (
        lambda: open_study(make_study(), tmp_path, NamedData()),
        lambda: prepared_job(tmp_path, f"{name}/seed-0"),
    ):
        with pytest.raises(StudyError, match=words):
            call()
    with pytest.raises(DataError, match=r"study\.json: arm name .*, expected a-z"):
        arms_of(tmp_path)


def test_titles_and_runtime_and_the_place_of_the_data_may_change(make_study, tmp_path):
    settings = TrainingSettings().edit({"data.source": "synthetic:here.zip"})
    open_study(make_study(settings=settings), tmp_path, NamedData())
    moved = settings.edit({"data.source": "synthetic:there.zip", "runtime.device": "cpu"})
    renamed = Arm(name="full", title="Everything")
    open_study(make_study(renamed, BARE, settings=moved), tmp_path, NamedData())
    assert record(tmp_path)["runtime"]["device"] == "cpu"


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        (
            {"losses.groups.silog": False},
            "arm bare: losses.groups.silog unedited there, false now",
        ),
        (
            {"losses.groups.smooth": True, "losses.groups.silog": False},
            "arm bare: losses.groups.silog unedited there, false now",
        ),
        (
            {**BARE.edits, "losses.groups.silog": False},
            "arm bare: losses.groups.silog unedited there, false now",
        ),
    ],
)
def test_an_arm_of_the_same_name_with_other_edits_is_refused(make_study, tmp_path, edits, words):
    open_study(make_study(), tmp_path, NamedData())
    open_study(make_study(FULL), tmp_path, NamedData())  # still known when it was left out
    before = record(tmp_path)
    other = make_study(FULL, Arm(name="bare", title="None", edits=edits))
    with pytest.raises(StudyError, match=rf"holds another study \(.*{words}\)"):
        open_study(other, tmp_path, NamedData())
    assert record(tmp_path) == before


def test_other_settings_are_refused_with_their_path(make_study, tmp_path):
    open_study(make_study(), tmp_path, NamedData())
    other = make_study(settings=TrainingSettings().edit({"steps": 7}))
    with pytest.raises(StudyError, match=r"steps: 600 there, 7 now"):
        open_study(other, tmp_path, NamedData())


def test_a_folder_from_before_arms_could_be_added_is_known(make_study, tmp_path):
    study = make_study()
    (tmp_path / "study.json").write_text(
        json.dumps(
            {
                "identity": study.identity("0123"),
                "data": "synthetic",
                "data_fingerprint": "0123",
                "seeds": [0],
                "study": dict(study.describe()),
            }
        )
    )
    assert open_study(study, tmp_path, NamedData()) == StudyFolder(path=tmp_path)


def test_a_prepared_cell_is_the_planned_one(make_study, labels, tmp_path):
    out = tmp_path / "study"
    study = make_study(seeds=(0, 3), settings=TrainingSettings().edit({"runtime.log_every": 7}))
    (out / "labels").rename(tmp_path / "labels")
    out.rmdir()
    folder = open_study(study, out, NamedData())
    with pytest.raises(StudyError, match="not prepared yet"):
        prepared_job(out, "bare/seed-3")
    (tmp_path / "labels").rename(out / "labels")
    note_labels(folder, {label_key(study.settings): labels})
    open_study(study, out, NamedData())  # again: its labels are not forgotten
    made = prepared_job(out, "bare/seed-3")
    cell = next(cell for cell in study.cells() if cell.name == "bare/seed-3")
    assert made.settings == study.settings_of(cell)
    assert made.folder == folder.cell(cell)
    assert made.study_folder == out
    assert made.labels.folder == labels.folder
    assert (made.study, made.arm, made.seed, made.scored_on) == ("s", "bare", 3, "synthetic")
    assert made.scored_split == "test"
    with pytest.raises(StudyError, match="unknown arm 'bar'; did you mean 'bare'"):
        prepared_job(out, "bar/seed-3")
    for name in ("bare/seed-1", "bare", "bare/seed-x", "bare/seed-3/../seed-0"):
        with pytest.raises(StudyError, match="expected ARM/seed-N with N of 0, 3"):
            prepared_job(out, name)


def test_what_became_of_every_cell_is_told_and_decides_the_error(make_study, labels, tmp_path):
    study, folder = make_study(seeds=(0, 1)), StudyFolder(path=tmp_path)
    keys = cell_keys(study, NamedData(), inputs_of(study, labels))
    first, diverged, *rest = study.cells()
    pretend_done(folder.cell(first), keys[first.name])
    (folder.cell(diverged)).mkdir(parents=True)
    failure = {"kind": "diverged", "message": "nan", "step": 4, "when": ""}
    (folder.cell(diverged) / FAILED).write_text(json.dumps(failure))
    reasons = {rest[0].name: cells.ELSEWHERE}
    state = study_state(study, folder, keys, reasons=reasons)
    assert state.done == (first,)
    assert state.missing_lines() == [
        "bare/seed-0: diverged at step 4: nan",
        "full/seed-1: in progress elsewhere",
        "bare/seed-1: not computed",
    ]
    with pytest.raises(
        StudyError, match=r"2 of 4 cells failed, 1 of 4 cells in progress elsewhere;"
    ):
        state.require_complete()
    waiting = replace(state, failed=(), open=state.open[:1])
    with pytest.raises(
        StudyError, match=r"^1 of 2 cells in progress elsewhere; what is done is kept"
    ):
        waiting.require_complete()
    for cell in rest:
        pretend_done(folder.cell(cell), keys[cell.name])
    state = study_state(study, folder, keys, reasons={})
    with pytest.raises(DivergedError, match=r"1 of 4 cells diverged.*\n  bare/seed-0: diverged"):
        state.require_complete()
    pretend_done(folder.cell(diverged), keys[diverged.name])
    state = study_state(study, folder, keys, reasons={})
    assert state.complete
    state.require_complete()


def test_the_key_changes_with_whatever_decides_the_numbers(make_study, labels):
    study = make_study(seeds=(0, 1))
    keys = cell_keys(study, NamedData(), inputs_of(study, labels))
    assert len({key.fingerprint for key in keys.values()}) == 4
    key = keys["full/seed-0"]
    assert key == cell_keys(study, NamedData(), inputs_of(study, labels))["full/seed-0"]
    elsewhere = make_study(settings=study.settings.edit({"runtime.device": "cpu"}))
    assert cell_keys(elsewhere, NamedData(), inputs_of(elsewhere, labels))["full/seed-0"] == key
    changed = NamedData("4567")
    other = cell_keys(study, changed, inputs_of(study, labels, changed))["full/seed-0"]
    assert other.fingerprint != key.fingerprint
    assert study.identity("0123") != study.identity("4567")
    assert study.identity("0123") == replace(study, seeds=(5,)).identity("0123")
    protocol = named_protocol("synthetic").protocol_id()
    assert CellKey(run=key.run, labels=key.labels, protocol=protocol).fingerprint != key.fingerprint


class Forgetful:
    """Computes nothing."""

    def __init__(self):
        self.jobs = []

    def run(self, jobs, tell):
        del tell
        self.jobs += [job.name for job in jobs]


def test_of_a_thousand_cells_only_those_are_sent_that_are_missing(
    make_study, labels, tmp_path, monkeypatch
):
    from thermodepth.study import run

    names = ("full", "a", "b", "c", "d")
    arms = [
        Arm(name=name, title=name, edits={"losses.metric_silog.weight": 1 + number})
        for number, name in enumerate(names)
    ]
    study, out = make_study(*arms, seeds=tuple(range(200))), tmp_path / "study"
    monkeypatch.setattr(run, "open_datasets", lambda *_: {})
    monkeypatch.setattr(run, "make_all_labels", lambda *_, **__: inputs_of(study, labels))
    monkeypatch.setattr(run, "score_baselines", lambda *_: None)
    monkeypatch.setattr(run, "note_teachers", lambda *_: None)  # there is no frame to read
    (out / "study.json").write_text("{}")  # made by the label store's fixture, so not empty
    (out / "study.json").unlink()
    (out / "labels").rename(tmp_path / "labels")
    out.rmdir()
    folder = open_study(study, out, NamedData())
    keys = cell_keys(study, NamedData(), inputs_of(study, labels))
    *done, last = study.cells()
    for cell in done:
        pretend_done(folder.cell(cell), keys[cell.name])
    executor = Forgetful()
    state = run_study(
        study, out, dataset=NamedData(), executor=executor, tell=print, tell_labels=print
    )
    assert executor.jobs == [last.name]
    assert len(state.done) == 999


def test_rows_are_collected_of_the_cells_that_are_named(make_study, tmp_path, make_rows):
    from thermodepth.evaluation.rows.rows import write_rows
    from thermodepth.evaluation.scoring.baselines import BASELINES

    study, folder = make_study(), StudyFolder(path=tmp_path)
    values = {"a": 0.1}
    for cell in study.cells():
        write_rows(make_rows({cell.arm.name: {0: values}}), folder.cell(cell) / ROWS)
    for arm in BASELINES:
        write_rows(make_rows({arm: {0: values}}), folder.baseline(arm))
    rows = collect_rows(study, folder, study.cells()[:1])
    assert set(rows["arm"].to_pylist()) == {"full", *BASELINES}
    assert "bare" in collect_rows(study, folder)["arm"].to_pylist()


@pytest.mark.parametrize("labels", ["..", "../../elsewhere", "/etc", "a\\b"])
def test_the_labels_of_a_record_stay_in_the_studys_folder(make_study, tmp_path, labels):
    folder = open_study(make_study(), tmp_path / "s", NamedData())
    tree = read_record(folder.record)
    folder.record.write_text(json.dumps({**tree, "labels": labels}))
    with pytest.raises(StudyError, match="expected the name of one folder"):
        prepared_job(tmp_path / "s", "full/seed-0")


def test_a_folder_of_before_labels_were_kept_apart_is_read(make_study, labels, tmp_path):
    taught = Arm(name="taught", title="T", edits={"teacher.kind": "truth"})
    study = make_study(FULL, BARE, taught)
    folder = open_study(study, tmp_path / "s", NamedData())
    (tmp_path / "s" / "labels").symlink_to(labels.folder.parent)
    tree = read_record(folder.record)
    write_record(folder.record, {**tree, "labels": labels.folder.name})
    assert prepared_job(tmp_path / "s", "bare/seed-0").labels.folder.name == labels.folder.name
    with pytest.raises(StudyError, match="not prepared yet for taught/seed-0"):
        prepared_job(tmp_path / "s", "taught/seed-0")
    note_labels(folder, {label_key(study.settings): labels})
    assert prepared_job(tmp_path / "s", "bare/seed-0").labels.folder.name == labels.folder.name


def test_cells_that_are_done_stay_done_where_they_are_scored_on_what_they_were_trained_on(
    make_study, labels
):
    """The fingerprint of cells before arms could edit their data, written out."""
    key = cell_keys(make_study(), NamedData(), inputs_of(make_study(), labels))["full/seed-0"]
    parts = {"run": key.run, "protocol": key.protocol, "format": FORMAT}
    text = json.dumps(parts, sort_keys=True)
    assert key.fingerprint == hashlib.sha256(text.encode()).hexdigest()[:16]
    elsewhere = inputs_of(make_study(), labels, NamedData("4567"))
    other = cell_keys(make_study(), NamedData(), elsewhere)["full/seed-0"]
    assert (key.scored, other.scored) == ("", "0123")
    assert replace(other, scored="89ab").fingerprint != other.fingerprint


@pytest.mark.parametrize("which", ["cell", "baseline"])
def test_rows_that_a_disk_changed_are_named_with_the_remedy(make_study, tmp_path, make_rows, which):
    from thermodepth.evaluation.rows.rows import write_rows

    study, folder = make_study(), StudyFolder(path=tmp_path)
    for cell in study.cells():
        write_rows(make_rows({cell.arm.name: {0: {"a": 0.1}}}), folder.cell(cell) / ROWS)
    for arm in ("constant depth", "mean-depth map"):
        write_rows(make_rows({arm: {0: {"a": 0.1}}}), folder.baseline(arm))
    path = folder.baseline("constant depth")
    if which == "cell":
        path = folder.cell(study.cells()[0]) / ROWS
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"{path.name}: damaged.* delete this file and run again"):
        collect_rows(study, folder)


def test_a_cell_whose_facts_a_disk_changed_is_scored_again(tmp_path):
    pretend_done(tmp_path, KEY)
    write_record(tmp_path / FACTS, {"fingerprint": KEY.fingerprint, "identity": KEY.run})
    assert cell_is_done(tmp_path, KEY)
    text = (tmp_path / FACTS).read_text()
    (tmp_path / FACTS).write_text(text.replace(KEY.fingerprint, "0" * 16))
    assert not cell_is_done(tmp_path, KEY)
