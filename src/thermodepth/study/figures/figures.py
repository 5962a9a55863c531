"""The two figures of the paper as grids: thermal, truth, then every arm; one row a scene.

`structure` shows the structural prediction, `metric` the metric depth. Each row has one colour scale, set
by its truth alone, so an arm cannot win by stretching it. Structure is known up to factor and offset
only, so each map is brought to the inverse truth by least squares before it is drawn; a map that would
have to be turned over for that is drawn flat. Same input, same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from thermodepth.colour import colour_depth, colour_inverse, colour_thermal, depth_limits
from thermodepth.data.transform import resize_image
from thermodepth.errors import DataError, StudyError
from thermodepth.evaluation.page.scale import Scale
from thermodepth.evaluation.protocols.resize import resize_depth
from thermodepth.evaluation.store import StoredPrediction
from thermodepth.files import write_bytes, write_text
from thermodepth.study.figures.grid import Grid, Panel, Row
from thermodepth.study.tables.lines import ArmLabel
from thermodepth.teacher.interface import to_affine_inverse
from thermodepth.thermal import display
from thermodepth.types import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Map = NDArray[np.floating[Any]]
    Mask = NDArray[np.bool_]

Kind = Literal["structure", "metric"]
FILES: Mapping[Kind, str] = {"structure": "fig1_structure", "metric": "fig2_metric"}
MAX_ARMS = 8
MAX_SCENES = 6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """One row of a figure."""

    sample: Sample  # with truth; its label, if any, is the teacher's
    predictions: Mapping[str, StoredPrediction]  # arm -> both maps, of any size
    reason: str  # why the rule chose this frame
    scores: Mapping[str, float]  # arm -> AbsRel of the prediction shown; may be empty


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnFigure:
    """A figure, ready for a file or a page."""

    kind: Kind
    title: str
    caption: str  # plain text, says everything that a reader must know
    png: bytes

    @property
    def stem(self) -> str:
        """The name of its file."""
        return FILES[self.kind]


def figure_arms(arms: Sequence[ArmLabel], reference: str) -> list[ArmLabel]:
    """As many arms as a figure has columns for: the reference and the first others, in their order."""
    others = [arm.name for arm in arms if arm.name != reference]
    kept = {reference, *others[: MAX_ARMS - 1]}
    return [arm for arm in arms if arm.name in kept]


def figure(
    kind: Kind,
    scenes: Sequence[Scene],
    *,
    arms: Sequence[ArmLabel],
    seed: int,
    rule: str,
    of: int | None = None,
) -> DrawnFigure:
    """Draw one figure.

    Args:
        kind: which of the two maps.
        scenes: the rows, 1 to 6; frames of any size and aspect.
        arms: the columns after thermal and truth, 2 to 8, each with a prediction in every scene.
        seed: the seed of the predictions shown, for the caption.
        rule: how the frames were chosen (`frames.rule_of`), for the caption.
        of: how many arms there are, which the caption says when it is more.

    Raises:
        StudyError: for another number of arms or scenes, or an arm without a prediction.
        DataError: naming the frame, for one without truth.
    """
    if not 2 <= len(arms) <= MAX_ARMS or not 1 <= len(scenes) <= MAX_SCENES:
        raise StudyError(
            f"a figure has 2 to {MAX_ARMS} arms and 1 to {MAX_SCENES} scenes, "
            f"got {len(arms)} and {len(scenes)}"
        )
    for scene in scenes:
        missing = [arm.name for arm in arms if arm.name not in scene.predictions]
        if missing:
            raise StudyError(
                f"frame '{scene.sample.sample_id}': no prediction of arm '{missing[0]}' to draw"
            )
    with_label = kind == "structure" and any(s.sample.label is not None for s in scenes)
    inputs = ["Thermal", *(["Teacher"] if with_label else [])]
    inputs.append("Truth (inverse)" if kind == "structure" else "Truth")
    grid = Grid(
        titles=(*inputs, *(f"({_letter(n)}) {arm.title}" for n, arm in enumerate(arms))),
        rows=tuple(
            _structure_row(scene, arms, with_label=with_label)
            if kind == "structure"
            else _metric_row(scene, arms)
            for scene in scenes
        ),
        unit="1/metre" if kind == "structure" else "metres",
    )
    return DrawnFigure(
        kind=kind,
        title=_TITLE[kind],
        caption=_caption(
            kind, arms, with_label=with_label, seed=seed, rule=rule, of=of or len(arms)
        ),
        png=grid.png(),
    )


def write_figures(folder: Path, figures: Sequence[DrawnFigure]) -> list[Path]:
    """`fig1_structure.png`, `fig2_metric.png`, and `figures.md` that shows them with their captions."""
    written = []
    for drawn in figures:
        write_bytes(folder / f"{drawn.stem}.png", drawn.png)
        written.append(folder / f"{drawn.stem}.png")
    parts = [
        f"![{drawn.title}]({drawn.stem}.png)\n\n**{drawn.title}.** {_markdown(drawn.caption)}\n"
        for drawn in figures
    ]
    write_text(folder / "figures.md", "\n".join(parts))
    return [*written, folder / "figures.md"]


# --- rows ----------------------------------------------------------------------------------------


def _metric_row(scene: Scene, arms: Sequence[ArmLabel]) -> Row:
    truth = truth_of(scene)
    near, far = depth_limits([truth])
    panels = [_thermal(scene), Panel(picture=colour_depth(truth, near_m=near, far_m=far))]
    for arm in arms:
        depth = resize_depth(scene.predictions[arm.name].depth_m, size=scene.sample.size)
        score = scene.scores.get(arm.name)
        panels.append(
            Panel(
                picture=colour_depth(depth, near_m=near, far_m=far),
                corner="" if score is None else f"{score:.3f}",
            )
        )
    return _row(scene, panels, Scale(low=near, high=far, logarithmic=True))


def _structure_row(scene: Scene, arms: Sequence[ArmLabel], *, with_label: bool) -> Row:
    inverse = 1 / truth_of(scene)
    valid = np.isfinite(inverse)
    low, high = depth_limits([inverse])
    panels = [_thermal(scene)]
    if with_label:
        panels.append(_label(scene, inverse, low=low, high=high))
    panels.append(Panel(picture=colour_inverse(inverse, low=low, high=high)))
    for arm in arms:
        structure = resize_image(scene.predictions[arm.name].structure, scene.sample.size)
        panels.append(_aligned(structure, inverse, valid, low=low, high=high))
    return _row(scene, panels, Scale(low=low, high=high, logarithmic=False))


def _label(scene: Scene, inverse: Map, *, low: float, high: float) -> Panel:
    label, geometry = scene.sample.label, scene.sample.label_geometry
    if label is None:
        return Panel(
            picture=colour_inverse(np.full_like(inverse, np.nan), low=low, high=high),
            corner="no label",
        )
    assert geometry is not None, f"frame '{scene.sample.sample_id}': a label without its geometry"
    values = to_affine_inverse(label, geometry)
    return _aligned(values, inverse, np.isfinite(inverse) & np.isfinite(values), low=low, high=high)


def _aligned(values: Map, inverse: Map, valid: Mask, *, low: float, high: float) -> Panel:
    """A map up to factor and offset as a panel; drawn flat where there is no fit."""
    fitted = fitted_structure(values, inverse, valid)
    if fitted is None:
        flat = np.full(values.shape, float(np.mean(inverse[valid]))) if valid.any() else values
        return Panel(picture=colour_inverse(flat, low=low, high=high), corner="no fit")
    return Panel(picture=colour_inverse(fitted, low=low, high=high))


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


def _thermal(scene: Scene) -> Panel:
    return Panel(picture=colour_thermal(display(scene.sample.thermal, scene.sample.thermal_unit)))


def truth_of(scene: Scene) -> Map:
    """The truth [h w] of a scene in metres, NaN where there is none.

    Raises:
        DataError: naming the frame, when it has no truth at all.
    """
    depth = scene.sample.depth_m
    if depth is None or not np.any(np.isfinite(depth) & (depth > 0)):
        raise DataError(
            f"frame '{scene.sample.sample_id}' has no truth, which sets a figure's colours"
        )
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.nan).astype(np.float64)


def _row(scene: Scene, panels: Sequence[Panel], scale: Scale) -> Row:
    details = [part for part in (scene.sample.condition, scene.reason) if part]
    return Row(
        name=scene.sample.sample_id, details=" · ".join(details), panels=tuple(panels), scale=scale
    )


# --- words ---------------------------------------------------------------------------------------


_TITLE: Mapping[Kind, str] = {
    "structure": "Structural depth under each loss configuration",
    "metric": "Metric depth under each loss configuration",
}


def _letter(number: int) -> str:
    return "abcdefgh"[number]


def _caption(
    kind: Kind, arms: Sequence[ArmLabel], *, with_label: bool, seed: int, rule: str, of: int
) -> str:
    columns = ["thermal input", *(["label of the teacher"] if with_label else [])]
    columns.append("inverse of the truth" if kind == "structure" else "truth")
    columns += [f"({_letter(n)}) {arm.title}" for n, arm in enumerate(arms)]
    parts = [f"Left to right: {', '.join(columns)}; seed {seed}."]
    if of > len(arms):
        parts.append(f"The reference and the first others, {len(arms)} of {of} arms.")
    if kind == "structure":
        parts += [
            "Structure has no unit, so for display alone each map is brought to the row's inverse truth by "
            "the factor and offset of least squares over the valid pixels; “no fit” marks a map that only a "
            "negative factor would bring there, drawn flat.",
            "One linear colour scale per row",
        ]
    else:
        parts += [
            "The number in a corner is AbsRel of that panel.",
            "One logarithmic colour scale per row",
        ]
    parts[-1] += (
        ", from the 1st to the 99th percentile of its truth; near is bright, grey has no value."
    )
    return " ".join([*parts, rule])


def _markdown(text: str) -> str:
    return re.sub(r"([\\|*`<\[\]_#!])", r"\\\1", text)
