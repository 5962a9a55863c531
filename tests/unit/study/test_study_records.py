"""What lies in a study's folder is not believed: damage is told with its file and a way out."""

import json
from dataclasses import dataclass

import pytest

from thermodepth.errors import StudyError
from thermodepth.study.cell_facts import FACTS, cell_facts
from thermodepth.study.design import Arm, Study
from thermodepth.study.folder import StudyFolder, open_study
from thermodepth.study.pairing import check_pairing
from thermodepth.study.results.cells import environment_of
from thermodepth.training.settings import TrainingSettings

NO_OBJECTS = ["", "{", "[]", "null", '"x"', "[" * 100_000, '{"a":' * 900 + "1" + "}" * 900]
FACTS_OF_A_CELL = {
    "identity": "i",
    "labels": "l",
    "first_weights": "w",
    "batches": "b",
    "seconds": 1.5,
    "frames": 6,
    "skipped": ["f3"],
}
ENVIRONMENT = {
    "thermodepth": "1",
    "revision": None,
    "python": "3",
    "packages": {"numpy": "2"},
    "device": "cpu",
    "threads": 1,
}


@dataclass
class NamedData:
    spec: str = "synthetic:here.zip"
    print: str = "0123"

    def fingerprint(self) -> str:
        return self.print


@pytest.fixture
def study():
    arms = (
        Arm(name="full", title="All"),
        Arm(name="bare", title="None", edits={"losses.groups.smooth": False}),
    )
    return Study(
        name="s",
        title="S",
        settings=TrainingSettings(),
        arms=arms,
        reference="full",
        seeds=(0,),
    )


@pytest.mark.parametrize("text", NO_OBJECTS)
def test_a_study_whose_record_is_none(study, tmp_path, text):
    (tmp_path / "study.json").write_text(text)
    with pytest.raises(
        StudyError, match=r"study\.json: cannot be read as JSON .*; delete the folder to start"
    ):
        open_study(study, tmp_path, NamedData())


@pytest.mark.parametrize(
    "record", [{}, {"identity": 3, "study": []}, {"study": {"arms": {"a": 1}}}]
)
def test_a_record_of_something_else_is_another_study(study, tmp_path, record):
    (tmp_path / "study.json").write_text(json.dumps(record))
    with pytest.raises(StudyError, match=r"holds another study \("):
        open_study(study, tmp_path, NamedData())


def test_a_study_knows_its_own_folder(study, tmp_path):
    for _ in range(2):
        assert open_study(study, tmp_path / "s", NamedData()).path == tmp_path / "s"
    with pytest.raises(StudyError, match=r"holds another study \(its data changed\)"):
        open_study(study, tmp_path / "s", NamedData(print="4567"))


@pytest.mark.parametrize("text", NO_OBJECTS)
def test_a_cell_whose_facts_are_none(tmp_path, text):
    with pytest.raises(StudyError, match=r"cell\.json: cannot be read \(No such file.*delete"):
        cell_facts(tmp_path)
    (tmp_path / FACTS).write_text(text)
    with pytest.raises(
        StudyError, match=r"cell\.json: cannot be read as JSON .*; delete .* and run again"
    ):
        cell_facts(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("labels", None),
        ("first_weights", 1),
        ("batches", []),
        ("seconds", "long"),
        ("frames", 1.5),
        ("skipped", {}),
        ("skipped", ["f3", {"a": 1}]),
        ("seconds", float("nan")),
        ("seconds", float("inf")),
        ("seconds", -5),
        ("seconds", True),
        ("seconds", 10**400),
        ("frames", True),
    ],
)
def test_a_fact_of_another_kind_or_missing(tmp_path, name, value):
    whole = dict(FACTS_OF_A_CELL)
    (tmp_path / FACTS).write_text(json.dumps(whole))
    assert cell_facts(tmp_path) == whole
    (tmp_path / FACTS).write_text(json.dumps(whole | {name: value}))
    with pytest.raises(StudyError, match=rf"cell\.json: damaged, {name} is "):
        cell_facts(tmp_path)
    del whole[name]
    (tmp_path / FACTS).write_text(json.dumps(whole))
    with pytest.raises(StudyError, match=rf"cell\.json: damaged, {name} is None; delete"):
        cell_facts(tmp_path)


def test_arms_that_did_not_begin_alike_are_told(study, tmp_path):
    folder = StudyFolder(path=tmp_path)
    for cell, weights in zip(study.cells(), ("w", "other"), strict=True):
        folder.cell(cell).mkdir(parents=True)
        facts = FACTS_OF_A_CELL | {"first_weights": weights}
        (folder.cell(cell) / FACTS).write_text(json.dumps(facts))
    with pytest.raises(StudyError, match=r"bare.*its first weights differ"):
        check_pairing(study, study.cells(), folder)


@pytest.mark.parametrize("text", [*NO_OBJECTS, "{}", json.dumps(ENVIRONMENT | {"packages": []})])
def test_an_environment_that_is_none(tmp_path, text):
    path = tmp_path / "environment.json"
    path.write_text(json.dumps(ENVIRONMENT))
    assert environment_of(tmp_path) == ENVIRONMENT
    path.write_text(text)
    with pytest.raises(StudyError, match=r"environment\.json: .*; delete .* and run again"):
        environment_of(tmp_path)
