"""The frames of figures and page with every map on the frame's own grid, structures fitted to its truth.

Structure is known up to factor and offset only, so each map is brought to the inverse truth by least squares.
One that would have to be turned over for that has no fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.data.transform import resize_image
from thermodepth.errors import DataError
from thermodepth.evaluation.protocols.resize import resize_depth
from thermodepth.study.arm import ArmLabel
from thermodepth.study.results.scenes import Scene, StudyScenes
from thermodepth.teacher.interface import to_affine_inverse
from thermodepth.types import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Map = NDArray[np.floating[Any]]
    Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedScene:
    """One frame. All its maps are `[h w]` on its own grid."""

    sample: Sample
    reason: str  # why the rule chose this frame
    scores: Mapping[str, float]  # arm -> AbsRel of the prediction shown; may be empty
    truth_m: Map  # NaN where there is none
    depth_m: Mapping[str, Map]  # by arm
    structures: Mapping[str, Map | None]  # by arm, 1/m; None where only a negative factor would fit
    label: Map | None  # of the teacher, as it is; None where the frame has none
    fitted_label: Map | None  # 1/m; None as for structures

    @property
    def inverse(self) -> Map:
        """The inverse of the truth."""
        return 1 / self.truth_m


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedScenes:
    """The frames that figures and page show, all of one seed."""

    scenes: tuple[FittedScene, ...]
    arms: tuple[ArmLabel, ...]  # those that have results under this seed
    seed: int


def fit_scenes(scenes: StudyScenes) -> FittedScenes:
    """Every frame fitted.

    Raises:
        DataError: naming the frame, for one without truth.
    """
    return FittedScenes(
        scenes=tuple(fit_scene(scene) for scene in scenes.scenes),
        arms=scenes.arms,
        seed=scenes.seed,
    )


def fit_scene(scene: Scene) -> FittedScene:
    """One frame fitted.

    Raises:
        DataError: naming the frame, for one without truth.
    """
    sample = scene.sample
    truth = truth_of(sample)
    inverse = 1 / truth
    valid = np.isfinite(inverse)
    label = fitted_label = None
    if sample.label is not None:
        assert sample.label_geometry is not None, f"frame '{sample.sample_id}'"
        label = to_affine_inverse(sample.label, sample.label_geometry)
        fitted_label = fitted_structure(label, inverse, valid & np.isfinite(label))
    return FittedScene(
        sample=sample,
        reason=scene.reason,
        scores=scene.scores,
        truth_m=truth,
        depth_m={
            arm: resize_depth(stored.depth_m, size=sample.size)
            for arm, stored in scene.predictions.items()
        },
        structures={
            arm: fitted_structure(resize_image(stored.structure, sample.size), inverse, valid)
            for arm, stored in scene.predictions.items()
        },
        label=label,
        fitted_label=fitted_label,
    )


def fitted_structure(values: Map, inverse: Map, valid: Mask) -> Map | None:
    """A map [h w] by factor and offset at the inverse truth; None where that would turn it over."""
    import torch

    from thermodepth.geometry import align_affine

    x, target = (np.where(valid, m, 0.0).astype(np.float64)[None] for m in (values, inverse))
    fit = align_affine(torch.from_numpy(x), torch.from_numpy(target), torch.from_numpy(valid[None]))
    # With a negative factor the worst map, near and far exchanged, would look as good as the best.
    if not bool(fit.positive[0]):
        return None
    return np.asarray(float(fit.scale[0]) * values + float(fit.offset[0]))


def truth_of(sample: Sample) -> Map:
    """The truth [h w] of a frame in metres, NaN where there is none.

    Raises:
        DataError: naming the frame, when it has no truth at all.
    """
    depth = sample.depth_m
    if depth is None or not np.any(np.isfinite(depth) & (depth > 0)):
        raise DataError(f"frame '{sample.sample_id}' has no truth, which sets a figure's colours")
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.nan).astype(np.float64)
