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
from thermodepth.errors import StudyError
from thermodepth.files import write_bytes, write_text
from thermodepth.report.axes import Scale
from thermodepth.report.grid import Grid, Panel, Row
from thermodepth.study.arm import ArmLabel
from thermodepth.study.results.fitted_scenes import FittedScene
from thermodepth.thermal import display

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Map = NDArray[np.floating[Any]]

Kind = Literal["structure", "metric"]
FILES: Mapping[Kind, str] = {"structure": "fig1_structure", "metric": "fig2_metric"}
MAX_ARMS = 8
MAX_SCENES = 6


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
    chosen = {reference, *others[: MAX_ARMS - 1]}
    return [arm for arm in arms if arm.name in chosen]


def figure(
    kind: Kind,
    scenes: Sequence[FittedScene],
    *,
    arms: Sequence[ArmLabel],
    seed: int,
    rule: str,
    total: int | None = None,
) -> DrawnFigure:
    """Draw one figure.

    Args:
        kind: which of the two maps.
        scenes: the rows, 1 to 6; frames of any size and aspect.
        arms: the columns after thermal and truth, 2 to 8, each with a prediction in every scene.
        seed: the seed of the predictions shown, for the caption.
        rule: how the frames were chosen (`frames.rule_of`), for the caption.
        total: how many arms there are, which the caption says when it is more.

    Raises:
        StudyError: for another number of arms or scenes, or an arm without a prediction.
    """
    if not 2 <= len(arms) <= MAX_ARMS or not 1 <= len(scenes) <= MAX_SCENES:
        raise StudyError(
            f"a figure has 2 to {MAX_ARMS} arms and 1 to {MAX_SCENES} scenes, "
            f"got {len(arms)} and {len(scenes)}"
        )
    for scene in scenes:
        missing = [arm.name for arm in arms if arm.name not in scene.depth_m]
        if missing:
            raise StudyError(
                f"frame '{scene.sample.sample_id}': no prediction of arm '{missing[0]}' to draw"
            )
    with_label = kind == "structure" and any(scene.label is not None for scene in scenes)
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
            kind, arms, with_label=with_label, seed=seed, rule=rule, total=total or len(arms)
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


def _metric_row(scene: FittedScene, arms: Sequence[ArmLabel]) -> Row:
    near, far = depth_limits([scene.truth_m])
    panels = [_thermal(scene), Panel(picture=colour_depth(scene.truth_m, near_m=near, far_m=far))]
    for arm in arms:
        score = scene.scores.get(arm.name)
        panels.append(
            Panel(
                picture=colour_depth(scene.depth_m[arm.name], near_m=near, far_m=far),
                corner="" if score is None else f"{score:.3f}",
            )
        )
    return _row(scene, panels, Scale(low=near, high=far, logarithmic=True))


def _structure_row(scene: FittedScene, arms: Sequence[ArmLabel], *, with_label: bool) -> Row:
    inverse = scene.inverse
    low, high = depth_limits([inverse])
    panels = [_thermal(scene)]
    if with_label:
        panels.append(_label(scene, low=low, high=high))
    panels.append(Panel(picture=colour_inverse(inverse, low=low, high=high)))
    flat = np.full(inverse.shape, float(np.mean(inverse[np.isfinite(inverse)])))
    for arm in arms:
        structure = scene.structures[arm.name]
        panels.append(_aligned(structure, flat, low=low, high=high))
    return _row(scene, panels, Scale(low=low, high=high, logarithmic=False))


def _label(scene: FittedScene, *, low: float, high: float) -> Panel:
    inverse, label = scene.inverse, scene.label
    if label is None:
        return Panel(
            picture=colour_inverse(np.full_like(inverse, np.nan), low=low, high=high),
            corner="no label",
        )
    valid = np.isfinite(inverse) & np.isfinite(label)
    flat = np.full(label.shape, float(np.mean(inverse[valid]))) if valid.any() else label
    return _aligned(scene.fitted_label, flat, low=low, high=high)


def _aligned(fitted: Map | None, flat: Map, *, low: float, high: float) -> Panel:
    """A map up to factor and offset as a panel; drawn flat where there is no fit."""
    if fitted is None:
        return Panel(picture=colour_inverse(flat, low=low, high=high), corner="no fit")
    return Panel(picture=colour_inverse(fitted, low=low, high=high))


def _thermal(scene: FittedScene) -> Panel:
    return Panel(picture=colour_thermal(display(scene.sample.thermal, scene.sample.thermal_unit)))


def _row(scene: FittedScene, panels: Sequence[Panel], scale: Scale) -> Row:
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
    kind: Kind, arms: Sequence[ArmLabel], *, with_label: bool, seed: int, rule: str, total: int
) -> str:
    columns = ["thermal input", *(["label of the teacher"] if with_label else [])]
    columns.append("inverse of the truth" if kind == "structure" else "truth")
    columns += [f"({_letter(n)}) {arm.title}" for n, arm in enumerate(arms)]
    parts = [f"Left to right: {', '.join(columns)}; seed {seed}."]
    if total > len(arms):
        parts.append(f"The reference and the first others, {len(arms)} of {total} arms.")
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
