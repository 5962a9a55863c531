"""A frame of the figures as the page's viewer shows it: all arms, depth, structure and signed error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.data.transform import resize_image
from thermodepth.evaluation.page.scenes import PickedScene
from thermodepth.evaluation.protocols.resize import resize_depth
from thermodepth.study.figures.figures import Scene, fitted_structure, truth_of
from thermodepth.study.tables.lines import ArmLabel
from thermodepth.teacher.interface import to_affine_inverse

if TYPE_CHECKING:
    from numpy.typing import NDArray

TEACHER = "Teacher"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shown:
    """The frames that figures and page show, all of one seed."""

    scenes: tuple[Scene, ...]
    arms: tuple[ArmLabel, ...]  # those that have results under this seed
    seed: int


def picked_scene(scene: Scene, arms: Sequence[ArmLabel], *, metric: str = "abs_rel") -> PickedScene:
    """Every map at the frame's size; structures brought to the inverse truth by least squares.

    Args:
        scene: with a prediction of every arm.
        arms: in the page's order.
        metric: that the scene's scores are of.

    Raises:
        DataError: naming the frame, for one without truth.
    """
    sample = scene.sample
    truth = truth_of(scene)
    inverse = 1 / truth
    names = _names(arms)
    structures: dict[str, NDArray[Any] | None] = {}
    if sample.label is not None:
        assert sample.label_geometry is not None, f"frame '{sample.sample_id}'"
        label = to_affine_inverse(sample.label, sample.label_geometry)
        valid = np.isfinite(inverse) & np.isfinite(label)
        structures[TEACHER] = fitted_structure(label, inverse, valid)
    for arm in arms:
        structure = resize_image(scene.predictions[arm.name].structure, sample.size)
        structures[names[arm.name]] = fitted_structure(structure, inverse, np.isfinite(inverse))
    return PickedScene(
        sample_id=sample.sample_id,
        condition=sample.condition,
        reason=scene.reason,
        thermal=sample.thermal,
        truth_m=truth,
        predictions={
            names[arm.name]: resize_depth(scene.predictions[arm.name].depth_m, size=sample.size)
            for arm in arms
        },
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
