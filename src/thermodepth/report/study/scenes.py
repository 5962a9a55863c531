"""A frame of the figures as the page's viewer shows it: all arms, depth, structure and signed error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from thermodepth.report.page.scenes import PickedScene
from thermodepth.study.arm import ArmLabel
from thermodepth.study.results.fitted_scenes import FittedScene

TEACHER = "Teacher"


def picked_scene(
    scene: FittedScene, arms: Sequence[ArmLabel], *, metric: str = "abs_rel"
) -> PickedScene:
    """The frame with every arm.

    Args:
        scene: with a prediction of every arm.
        arms: in the page's order.
        metric: that the scene's scores are of.
    """
    names = _names(arms)
    structures = {TEACHER: scene.fitted_label} if scene.label is not None else {}
    structures |= {names[arm.name]: scene.structures[arm.name] for arm in arms}
    return PickedScene(
        sample_id=scene.sample.sample_id,
        condition=scene.sample.condition,
        reason=scene.reason,
        thermal=scene.sample.thermal,
        truth_m=scene.truth_m,
        predictions={names[arm.name]: scene.depth_m[arm.name] for arm in arms},
        scores={
            names[arm.name]: {metric: scene.scores[arm.name]}
            for arm in arms
            if arm.name in scene.scores
        },
        structures=structures,
    )


def _names(arms: Sequence[ArmLabel]) -> dict[str, str]:
    """Titles by arm; where two arms have one title, with their names."""
    times = Counter([TEACHER, *(arm.title for arm in arms)])
    return {
        arm.name: arm.title if times[arm.title] == 1 else f"{arm.title} ({arm.name})"
        for arm in arms
    }
