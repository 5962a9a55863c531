"""Factors and doses are what arms edit: their names are labels, whatever they look like."""

from dataclasses import replace

import pytest

from thermodepth.errors import SettingsError
from thermodepth.recipes import named_study, named_training
from thermodepth.statistics.default_questions import ArmFactors
from thermodepth.statistics.designs import DoseResponse
from thermodepth.study.design import Arm, Study
from thermodepth.study.factors import factor_names
from thermodepth.study.files import parse_study, study_of
from thermodepth.training.settings import TrainingSettings

SMOOTH, SILOG = {"losses.groups.smooth": False}, {"losses.groups.silog": False}
WEIGHT = "losses.metric_silog.weight"


def asked(**edits) -> ArmFactors:
    """Of a study whose arms are called and edit so."""
    arms = [Arm(name=name.replace("_", "-"), title=name, edits=own) for name, own in edits.items()]
    settings = TrainingSettings()
    return Study(
        name="s", title="S", settings=settings, arms=tuple(arms), reference=arms[0].name, seeds=(0,)
    ).arm_factors


def test_a_name_that_lies_about_its_dose_is_not_believed():
    made = asked(full={}, silog_x2={WEIGHT: 3.0}, silog_x9={WEIGHT: 0.5})
    (dose,) = made.doses
    assert dict(dose.arms) == {"silog-x9": 0.5, "full": 1.0, "silog-x2": 3.0}
    assert dose.whole == "full"
    assert not made.design.factors
    assert made.sentence == ""


@pytest.mark.parametrize(
    "edits",
    [
        {"full": {}, "silog_x2": {WEIGHT: 2.0}},  # one level beside the recipe's is a difference
        {"full": {}, "silog_x2": SMOOTH, "silog_x3": SILOG},  # no number
        {"full": {"steps": 5}, "silog_x2": {WEIGHT: 2.0}, "silog_x3": {WEIGHT: 3.0}},  # no level 1
    ],
)
def test_names_alone_are_no_doses(edits):
    assert asked(**edits).doses == ()


def test_names_that_are_turned_round_are_read_by_their_edits():
    design = asked(
        full={}, no_smooth=SILOG, no_silog=SMOOTH, no_silog_no_smooth={**SMOOTH, **SILOG}
    ).design
    assert (design.kind, design.factors) == ("full factorial", ("silog", "smooth"))
    assert design.arms["no-smooth"] == (False, True)
    assert design.arms["no-silog"] == (True, False)


def test_names_that_say_nothing_are_a_factorial_all_the_same():
    design = asked(a={}, b=SILOG, c=SMOOTH, d={**SMOOTH, **SILOG}).design
    assert design.kind == "full factorial"
    assert len(design.questions()) > 2


def test_what_is_edited_together_is_one_factor_and_another_value_is_no_switch():
    both = {"losses.structure_smooth.weight": 0.0, "losses.guided_smooth.weight": 0.0}
    made = asked(a={}, b=both, c=SILOG, d={**both, **SILOG}, e={"losses.guided_smooth.weight": 0.3})
    # `e` takes the weight elsewhere, so neither it nor what sets that weight to 0 is a switch.
    assert not made.design.factors
    made = asked(a={}, b=both, c=SILOG, d={**both, **SILOG})
    assert made.design.factors == ("guided-smooth-weight-and-structure-smooth-weight", "silog")


def test_names_of_factors_are_as_short_as_tells_them_apart():
    assert factor_names([["a.weight"], ["b.weight"]]) == ("a-weight", "b-weight")
    assert factor_names([["losses.groups.smooth"], ["steps"]]) == ("smooth", "steps")
    assert factor_names([]) == ()


@pytest.mark.parametrize("recipe", ["paper", "paper-factorial"])
def test_the_paper_s_arms_mean_what_their_names_say(recipe):
    study = named_study(recipe, named_training("thermal"), seeds=1)
    names = {
        f"no-{f}"
        for f, on in zip(study.arm_factors.design.factors, range(9), strict=False)
        if on >= 0
    }
    assert names <= {arm.name for arm in study.arms}
    assert study.with_twin().arm_factors == study.arm_factors


def test_doses_that_a_study_declares_are_what_its_arms_edit():
    arms = (
        Arm(name="full", title="1"),
        Arm(name="a", title="a", edits={WEIGHT: 3.0}),
        Arm(name="b", title="b", edits={WEIGHT: 0.0}),
    )
    study = Study(
        name="s",
        title="S",
        settings=TrainingSettings(),
        arms=arms,
        reference="full",
        seeds=(0,),
        doses=(DoseResponse(factor="silog", arms={"b": 0.0, "full": 1.0, "a": 3.0}),),
    )
    assert study.arm_factors.doses == study.doses
    wrong = DoseResponse(factor="silog", arms={"full": 1.0, "a": 2.0})
    with pytest.raises(SettingsError, match=r"arm 'a' is declared at 2 times .* 1\.0 to 3\.0"):
        replace(study, doses=(wrong,))


def test_levels_of_a_file_are_multiples_of_what_the_command_line_made_of_the_recipe():
    tree = {
        "name": "s",
        "design": "dose-response",
        "doses": {"silog": {"setting": WEIGHT, "levels": [0.0, 1.0, 3.0]}},
    }
    study = study_of(parse_study(tree, where="f"), TrainingSettings(), {WEIGHT: 5.0})
    assert study.arm("silog-x3").edits == {WEIGHT: 15.0}
    (dose,) = study.arm_factors.doses
    assert dict(dose.arms) == {"no-silog": 0.0, "full": 1.0, "silog-x3": 3.0}


def test_a_list_asks_for_no_curve_that_its_file_does_not_ask_for():
    arms = [{"name": "full"}, *({"name": f"silog-x{n}", "edits": {WEIGHT: n}} for n in (2.0, 3.0))]
    arms[1]["name"], arms[2]["name"] = "silog-x2", "silog-x3"
    tree = {"name": "s", "design": "list", "arms": arms}
    assert study_of(parse_study(tree, where="f"), TrainingSettings()).arm_factors == ArmFactors()
