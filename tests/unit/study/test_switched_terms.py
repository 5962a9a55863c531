"""What the arms of a question part in, read from their resolved settings."""

from __future__ import annotations

from typing import Any

import pytest

from thermodepth.losses import LossesSettings
from thermodepth.recipes import named_study, named_training
from thermodepth.statistics.default_questions import questions_of
from thermodepth.study.design import Arm, Study
from thermodepth.study.switched import SwitchedItems, switched_items, variants_of


def study_of(**arms: dict[str, Any]) -> Study:
    """A study of these edits against the recipe."""
    return Study(
        name="s",
        title="S",
        settings=named_training("thermal"),
        arms=(
            Arm(name="full", title="All"),
            *(Arm(name=name.replace("_", "-"), title=name, edits=e) for name, e in arms.items()),
        ),
        reference="full",
        seeds=(0,),
    )


def items_of(study: Study) -> dict[str, SwitchedItems]:
    """By the name of each question that the study asks."""
    variants = variants_of(study)
    arms = [arm.name for arm in study.arms]
    questions = questions_of(arms, study.reference, arm_factors=study.arm_factors)
    return {question.name: switched_items(question, variants) for question in questions}


def test_every_arm_of_the_paper() -> None:
    study = named_study("paper", named_training("thermal"), seeds=1).with_twin()
    items = items_of(study)
    assert items["no-silog"].words == "metric_silog, lam 0.85, weight 1"
    assert items["no-consistency"].words == "gradient_consistency, normalised inverse, weight 0.1"
    assert items["no-smooth"].terms == ("structure_smooth", "guided_smooth")
    assert items["no-smooth"].words == (
        "structure_smooth, guide thermal, pixels label, weight 0.1; "
        "guided_smooth, log, guide structure, weight 0.1"
    )
    assert items["no-smooth-no-consistency"].terms == (
        "structure_smooth",
        "guided_smooth",
        "gradient_consistency",
    )
    assert {items[name].base for name in ("no-silog", "no-smooth")} == {"full"}
    assert items["no-silog"].other is None
    assert items["full-twin"] == SwitchedItems(terms=(), words="", others="", base=None, other=None)


def test_effects_of_a_factorial_are_of_their_factors_terms() -> None:
    items = items_of(named_study("paper-factorial", named_training("thermal"), seeds=1))
    for kind in ("main effect", "shapley value", "shapley"):
        if f"{kind}: silog" in items:
            assert items[f"{kind}: silog"].terms == ("metric_silog",)
    assert items["main effect: consistency"].terms == ("gradient_consistency",)
    assert items["main effect: smooth"].terms == ("structure_smooth", "guided_smooth")
    both = next(i for name, i in items.items() if "interaction" in name and "silog" not in name)
    assert both.terms == ("structure_smooth", "guided_smooth", "gradient_consistency")
    assert items["main effect: consistency"].base == "full"
    assert items["main effect: consistency"].words == (
        "gradient_consistency, normalised inverse, weight 0.1"
    )


def test_another_weight_has_both_and_another_form_too() -> None:
    study = study_of(
        heavy={"losses.gradient_consistency.weight": 0.3},
        unbiased={"losses.metric_relative.form": "max", "losses.metric_relative.weight": 2.0},
        late={"losses.metric_silog.start": 0.5, "losses.metric_silog.ramp": 0.25},
    )
    items = items_of(study)
    assert items["heavy"].words == "gradient_consistency, normalised inverse, weight 0.1 → 0.3"
    assert (items["heavy"].base, items["heavy"].other) == ("full", "heavy")
    was = study.settings.losses.metric_relative
    assert items["unbiased"].words == (
        f"metric_relative, {was.form}, weight {was.weight:g} → max, weight 2"
    )
    assert items["late"].words == (
        "metric_silog, lam 0.85, weight 1 → 1 from 50% of the training, whole at 75%"
    )


def test_a_term_that_only_the_other_arm_has() -> None:
    items = items_of(study_of(edges={"losses.metric_gradient.weight": 0.5}))
    assert items["edges"].words == "metric_gradient, absolute, weight 0.5"
    assert (items["edges"].base, items["edges"].other) == (None, "edges")


def test_slopes_of_doses_name_their_weights() -> None:
    path = "losses.gradient_consistency.weight"
    items = items_of(study_of(low={path: 0.01}, high={path: 1.0}, higher={path: 3.0}))
    (slope,) = (i for name, i in items.items() if name not in ("low", "high", "higher"))
    assert slope.terms == ("gradient_consistency",)
    assert slope.words.startswith("gradient_consistency, normalised inverse, weight ")


def test_settings_outside_of_the_losses_are_no_terms() -> None:
    items = items_of(study_of(truth={"teacher.kind": "truth"}, long={"steps": 900}))
    assert items["truth"].terms == ()
    assert items["truth"].words == ""
    assert items["truth"].others == 'teacher.kind "rgb-any" → "truth"'
    assert items["long"].others == "steps 600 → 900"
    assert items["long"].base is None


def test_both_kinds_at_once() -> None:
    edits = {"steps": 900, "losses.groups.silog": False}
    items = items_of(study_of(both=edits))
    assert items["both"].terms == ("metric_silog",)
    assert items["both"].words == "metric_silog, lam 0.85, weight 1"
    assert items["both"].others == "steps 600 → 900"


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        ({}, "normalised inverse"),
        ({"detach": "structure", "scales": 2}, "normalised inverse, detach structure, scales 2"),
        ({"form": "value"}, "value"),  # `space` and `scales` are idle
        ({"form": "aligned_log", "reach": 5.0}, "aligned_log, reach 5"),
    ],
)
def test_a_form_in_words_leaves_out_what_is_idle(edits: dict[str, Any], words: str) -> None:
    settings = LossesSettings().term("gradient_consistency").edit(edits)
    assert settings.form_words() == words
