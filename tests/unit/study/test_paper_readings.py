"""The study of readings: its arms, which are shared, and what is asked of them."""

from __future__ import annotations

import pytest

from thermodepth.config import difference
from thermodepth.errors import SettingsError
from thermodepth.recipes import named_study, named_training
from thermodepth.recipes.paper import ARMS
from thermodepth.recipes.paper_readings import READINGS, paper_readings
from thermodepth.study.design import Study
from thermodepth.study.factors import check_readings
from thermodepth.study.factors_record import ArmFactorsRecord


@pytest.fixture(scope="module")
def study() -> Study:
    return named_study("paper-readings", named_training("thermal"), seeds=3)


def test_arms_that_come_out_alike_are_trained_once(study: Study) -> None:
    assert (len(study.arms), len(study.cells())) == (16, 48)
    own, metres, value, plain = study.readings
    assert own.title == "normalised inverse"
    shared = ("no-consistency", "no-smooth-no-consistency")
    for coupling in (metres, value):
        assert [arm for arm in coupling.arms.values() if arm in own.arms.values()] == list(shared)
    assert not set(plain.arms.values()) & set(own.arms.values())


def test_a_reading_is_the_papers_study_with_other_forms(study: Study) -> None:
    for reading in study.readings:
        base = study.settings.edit(study.arm(reading.base).edits)
        for role in ARMS:
            arm = study.settings.edit(study.arm(reading.arms[role.name]).edits)
            switched = {path for path in difference(base, arm) if path.startswith("losses.groups.")}
            assert switched == set(role.edits)


def test_the_runs_own_reading_is_not_repeated() -> None:
    settings = named_training("thermal").edit(
        {"losses.gradient_consistency.form": "aligned_metres"}
    )
    study = named_study("paper-readings", settings, seeds=1)
    assert [(r.name, r.title) for r in study.readings][:2] == [
        ("own", "aligned metres"),
        ("value", "value"),
    ]


def test_every_reading_makes_a_study() -> None:
    study = paper_readings(named_training("thermal"), seeds=1, names=tuple(READINGS))
    assert {"mean-normalised", "direction", "normals"} <= {r.name for r in study.readings}


def test_names_that_are_not_there() -> None:
    with pytest.raises(SettingsError, match="unknown reading 'valu'; did you mean 'value'"):
        paper_readings(named_training("thermal"), seeds=1, names=("own", "valu"))
    with pytest.raises(SettingsError, match="own, own: expected distinct names"):
        paper_readings(named_training("thermal"), seeds=1, names=("own", "own"))


def test_a_study_has_the_arms_of_its_readings(study: Study) -> None:
    reading = study.readings[0]
    with pytest.raises(SettingsError, match="study s: reading 'own': unknown arm 'no-silog'"):
        check_readings([reading], ["full"], "study s")
    with pytest.raises(SettingsError, match="two readings are called 'own'"):
        check_readings([reading, reading], list(reading.arms.values()), "study s")


def test_what_is_asked_is_read_back(study: Study) -> None:
    record = ArmFactorsRecord.of_arms(study.arm_factors, "")
    assert ArmFactorsRecord.parse(record.tree()).arm_factors().readings == study.readings
    kinds = [q.kind for r in study.readings for q in r.questions()]
    assert kinds == ["reading"] * 16
