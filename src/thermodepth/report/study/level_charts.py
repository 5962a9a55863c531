"""What a switch does at each level of something else: a chart for each metric, and a table by distance."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from thermodepth.report.axes import Axes, Scale, svg
from thermodepth.report.study.tables import change_cell
from thermodepth.report.table import Cell, Column, Table
from thermodepth.statistics.labels import label_of, signed
from thermodepth.statistics.simple_effects import LevelCurve, LevelEffect
from thermodepth.study.results.level_ranges import PlaceEffect

CAPTION = (
    "Change by the switch at each level, in percent of the same level without it, with 95 % intervals; the "
    "band is what is too small to matter. Filled points: better or worse after Holm."
)
#: The stems of their files: over all pixels, within and beyond the reach of truth; in each range.
TABLE, TABLE_BY_RANGE = "simple_effects", "simple_effects_by_range"

_HEIGHT = 220.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 12.0, 10.0, 40.0
_LEVEL = 108.0  # room for the name of one


def level_figure(curve: LevelCurve) -> str:
    """One chart with its heading and what it says in words; empty without any change in percent."""
    drawn = level_svg(curve)
    if not drawn:
        return ""
    heading = f"{curve.effects.factor.capitalize()}: {label_of(curve.metric)}"
    return (
        f"<figure><figcaption>{escape(heading)}</figcaption>{drawn}"
        f'<p class="said">{escape(curve.sentence)}</p></figure>'
    )


def level_svg(curve: LevelCurve) -> str:
    """The chart, whose colours come from the page; levels stand evenly apart, in their order."""
    known = [
        (point, percent, point.tested.comparison.printed_interval())
        for point in curve.points
        if (percent := point.tested.comparison.percent) is not None
    ]
    if not known:
        return ""
    comparison = known[0][0].tested.comparison
    margin = 100.0 * comparison.margin / abs(comparison.reference_value)
    ends = [percent for _, percent, _ in known] + [end for *_, span in known for end in span or ()]
    low, high = min(-margin, *ends), max(margin, *ends)
    pad = 0.06 * (high - low) or 1.0
    width = _LEFT + _RIGHT + _LEVEL * len(known)
    axes = Axes(
        left=_LEFT,
        right=width - _RIGHT,
        top=_TOP,
        floor=_HEIGHT - _BOTTOM,
        x=Scale(low=-0.5, high=len(known) - 0.5, logarithmic=False),
        y=Scale(low=low - pad, high=high + pad, logarithmic=False),
    )
    zero = axes.y_of(0.0)
    parts = [
        f'<rect class="margin" x="{_LEFT:g}" y="{axes.y_of(margin):.1f}" width="{axes.right - _LEFT:g}" '
        f'height="{axes.y_of(-margin) - axes.y_of(margin):.1f}"/>',
        *axes.y_marks(
            (tick, signed(tick, "g") if tick else "0") for tick in axes.y.ticks(apart=0.13)
        ),
        f'<path class="recipe" d="M{_LEFT:g} {zero:.1f}H{axes.right:g}"/>',
        axes.line(),
        *axes.x_marks((float(n), point.pair.title) for n, (point, *_) in enumerate(known)),
        axes.x_title(curve.effects.across, below=32.0),
        axes.y_title("change (%)", at=9.0),
    ]
    for n, (point, percent, span) in enumerate(known):
        parts += _mark(axes, n, point, percent, span)
    name = f"{curve.effects.factor}: change of {label_of(curve.metric)} by {curve.effects.across}"
    return svg(width, _HEIGHT, parts, name=name, kind="dose")


def _mark(
    axes: Axes, n: int, point: LevelEffect, percent: float, span: tuple[float, float] | None
) -> list[str]:
    """A level's change with its interval."""
    x, y = axes.point(float(n), percent)
    words = f"{point.pair.title}: {signed(percent)} %"
    parts = []
    if span is not None:
        low, high = (axes.y_of(end) for end in span)
        parts.append(f'<path class="span" d="M{x:.1f} {low:.1f}V{high:.1f}"/>')
        words += f" [{signed(span[0])}, {signed(span[1])}]"
    kind = "flat" if point.tested.verdict in ("better", "worse") else "told"
    parts.append(
        f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.6"><title>{escape(words)}</title></circle>'
    )
    return parts


def place_tables(effects: Sequence[PlaceEffect], *, factor: str) -> dict[str, Table]:
    """By stem: a line for each level and place, with the change of each metric by the switch."""
    parted = {
        TABLE: [effect for effect in effects if not effect.is_range],
        TABLE_BY_RANGE: [effect for effect in effects if effect.is_range],
    }
    titles = {
        TABLE: f"What {factor} does at each level",
        TABLE_BY_RANGE: f"What {factor} does at each level, by distance",
    }
    return {
        stem: _place_table(lines, title=titles[stem], stem=stem)
        for stem, lines in parted.items()
        if lines
    }


def _place_table(effects: Sequence[PlaceEffect], *, title: str, stem: str) -> Table:
    metrics = list(effects[0].changes)
    rows: list[tuple[Cell, ...]] = []
    rules: set[int] = set()
    for number, effect in enumerate(effects):
        if number and effect.pair != effects[number - 1].pair:
            rules.add(number)
        changes = (change_cell(effect.changes.get(metric)) for metric in metrics)
        rows.append((effect.pair.title, effect.place, effect.pixels, effect.images, *changes))
    return Table(
        title=title,
        columns=(
            Column(label="Level", align="left"),
            Column(label="Where", align="left"),
            Column(label="pixels"),
            Column(label="frames"),
            *(Column(label=f"Δ {label_of(m)} (%)", digits=1, signed=True) for m in metrics),
        ),
        rows=tuple(rows),
        notes=(
            "Δ: with the switch against without it, at the same level and place, in percent of the mean "
            "without; 95 % intervals as in `effects`, not adjusted for their number. Ranges are by the "
            "truth; within and beyond a reach are made of whole ranges, the one that holds it being in "
            "neither.",
        ),
        label=f"tab:study-{stem.replace('_', '-')}",
        rules=frozenset(rules),
        shared=1,
    )
