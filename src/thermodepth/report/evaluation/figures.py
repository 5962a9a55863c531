"""Charts of an evaluation as SVG. Their colours come from the page, so they follow its light and dark.

A curve or bar has the class of its arm's or part's place. The scatter and the error against range are
drawn from bins over the pooled pixels of all frames (`evaluation.scoring.density`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from thermodepth.evaluation.scoring.density import QUANTILES, DepthDensity, RangeErrors
from thermodepth.report.axes import Axes, Scale, band, curve, svg

BAND = 1.25  # the factor of the first delta metric
_LEVELS = 10  # of the scatter's shades
_LEAST_PIXELS = 20  # of an interval, for a point of a curve
_COLOURS = 8  # classes arm-0 .. arm-7 and part-0 .. part-7


# --- scatter -------------------------------------------------------------------------------------

_SIDE, _LEFT, _TOP, _BOTTOM = 210.0, 40.0, 6.0, 36.0


def scatter_figures(densities: Mapping[str, DepthDensity]) -> str:
    """Predicted against true depth, a small chart per arm, all over the same range."""
    low, high = _occupied(list(densities.values()))
    charts = []
    for arm, density in densities.items():
        share = density.share_within(BAND)
        within = "no pixels" if math.isnan(share) else f"{100 * share:.0f} % within ×{BAND:g}"
        charts.append(
            f"<figure><figcaption>{escape(arm)} <span>{within}</span></figcaption>"
            f"{_scatter(arm, density, low, high)}</figure>"
        )
    return '<div class="charts scatters">\n' + "\n".join(charts) + "\n</div>"


def _occupied(densities: Sequence[DepthDensity]) -> tuple[int, int]:
    """The first bin that any arm fills along any axis, and one past the last."""
    filled = np.zeros(len(densities[0].counts), dtype=bool)
    for density in densities:
        filled |= (density.counts.sum(axis=0) > 0) | (density.counts.sum(axis=1) > 0)
    bins = np.flatnonzero(filled)
    return (int(bins[0]), int(bins[-1]) + 1) if bins.size else (0, len(filled))


def _scatter(arm: str, density: DepthDensity, low: int, high: int) -> str:
    edges = density.edges_m
    scale = Scale(low=float(edges[low]), high=float(edges[high]), logarithmic=True)
    axes = Axes(left=_LEFT, right=_LEFT + _SIDE, top=_TOP, floor=_TOP + _SIDE, x=scale, y=scale)
    cell = _SIDE / (high - low)
    parts = [
        f'<g transform="translate({axes.left:g} {axes.floor:g}) scale({cell:.4f} {-cell:.4f})">',
        *_cells(density.counts[low:high, low:high]),
        "</g>",
    ]
    for tick in scale.ticks(apart=0.11):
        x, y = axes.point(tick, tick)
        parts.append(
            f'<path class="rule" d="M{x:.1f} {axes.top:g}V{axes.floor:g}'
            f'M{axes.left:g} {y:.1f}H{axes.right:g}"/>'
        )
        parts += axes.x_marks([(tick, f"{tick:g}")])
        parts.append(
            f'<text x="{axes.left - 5:g}" y="{y + 3.5:.1f}" text-anchor="end">{tick:g}</text>'
        )
    near, far = scale.low, scale.high
    ratio = min(BAND, far / near)
    for factor, kind in ((1.0, "exact"), (ratio, "band"), (1 / ratio, "band")):
        ends = [
            axes.point(d, d * factor) for d in (max(near, near / factor), min(far, far / factor))
        ]
        parts.append(f'<path class="{kind}" d="{curve(ends)}"/>')
    parts += [
        axes.line(),
        axes.x_title("true depth (m)", below=30),
        axes.y_title("predicted depth (m)"),
    ]
    return svg(
        axes.right + 10,
        axes.floor + _BOTTOM,
        parts,
        name=f"Predicted against true depth of {arm}",
    )


def _cells(counts: NDArray[np.int64]) -> list[str]:
    """A path per shade, in units of a bin; neighbours of one shade in a column are one rectangle."""
    largest = math.log1p(float(counts.max(initial=1)))
    shade = np.ceil(_LEVELS * np.log1p(counts) / largest).astype(int)
    paths: dict[int, list[str]] = {}
    for column, shades in enumerate(shade):
        starts = np.flatnonzero(np.diff(shades, prepend=-1))
        lengths = np.diff(starts, append=len(shades))
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
            if level := int(shades[start]):
                paths.setdefault(level, []).append(f"M{column} {start}h1v{length}h-1z")
    return [
        f'<path class="cell" fill-opacity="{level / _LEVELS:g}" d="{"".join(squares)}"/>'
        for level, squares in sorted(paths.items())
    ]


# --- error against range -------------------------------------------------------------------------

_WIDE, _HIGH = 360.0, 220.0
_MARGIN_LEFT, _MARGIN_RIGHT, _MARGIN_TOP, _MARGIN_BOTTOM = 40.0, 8.0, 8.0, 34.0
_STRIP = 18.0  # height of the bars that show where the pixels are
_ROOM = 2.5  # how many times the first arm's largest error a chart reaches, for the others
_FACTORS = (1.02, 1.05, 1.1, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0)


def range_figures(densities: Mapping[str, DepthDensity]) -> str:
    """Two charts over true depth: median p/d with the first arm's quartiles, and AbsRel."""
    errors = {arm: density.by_range() for arm, density in densities.items()}
    if not any((of_arm.pixels >= _LEAST_PIXELS).any() for of_arm in errors.values()):
        return ""
    first = next(iter(densities))
    return (
        legend_html({arm: f"line arm-{n % _COLOURS}" for n, arm in enumerate(errors)}, line=True)
        + '<div class="charts ranges">\n<figure><figcaption>Predicted to true depth <span>median; band: '
        f"quartiles of {escape(first)}</span></figcaption>{_ratio_chart(errors)}</figure>\n"
        "<figure><figcaption>AbsRel <span>from bins</span></figcaption>"
        f"{_abs_rel_chart(errors)}</figure>\n</div>"
    )


def legend_html(classes: Mapping[str, str], *, line: bool) -> str:
    """Names beside a piece of their line or of their colour."""
    piece = "M1 4H25" if line else "M0 0H26V8H0Z"
    items = "".join(
        f'<li><svg viewBox="0 0 26 8" aria-hidden="true"><path class="{kind}" d="{piece}"/></svg>'
        f"{escape(name)}</li>"
        for name, kind in classes.items()
    )
    return f'<ul class="legend">{items}</ul>'


def _ratio_chart(errors: Mapping[str, RangeErrors]) -> str:
    counted = {arm: of_arm.pixels >= _LEAST_PIXELS for arm, of_arm in errors.items()}
    first = next(iter(errors))
    median = QUANTILES.index(0.5)
    medians = [_farthest(of_arm.ratio[counted[arm], median]) for arm, of_arm in errors.items()]
    quartiles = _farthest(errors[first].ratio[counted[first], 1:4])
    # The first arm sets the scale, within reason; a baseline that is far worse leaves the chart.
    limit = min(max(*medians, quartiles, math.log(1.1)), max(_ROOM * quartiles, math.log(2.0)))
    limit = math.exp(1.04 * limit)
    scale = Scale(low=1 / limit, high=limit, logarithmic=True)
    factors = [factor for factor in _FACTORS if factor <= limit]
    inner = [factor for factor in factors if factor <= math.sqrt(factors[-1]) * 1.01][-1:]
    marks = [(1.0, "1")]
    for factor in {*inner, factors[-1]}:
        marks += [(factor, f"×{factor:g}"), (1 / factor, f"÷{factor:g}")]

    def series(arm: str, quantile: int) -> NDArray[np.float64]:
        return np.where(counted[arm], errors[arm].ratio[:, quantile], np.nan)

    return _range_chart(
        "Predicted to true depth against true depth",
        errors,
        scale=scale,
        marks=sorted(marks),
        curves={arm: series(arm, median) for arm in errors},
        quartiles=(series(first, 1), series(first, 3)),
    )


def _farthest(ratio: NDArray[np.float64]) -> float:
    """max |ln p/d|."""
    return float(np.max(np.abs(np.log(ratio)), initial=0.0))


def _abs_rel_chart(errors: Mapping[str, RangeErrors]) -> str:
    curves = {
        arm: np.where(of_arm.pixels >= _LEAST_PIXELS, of_arm.abs_rel, np.nan)
        for arm, of_arm in errors.items()
    }
    largest = [float(np.nanmax(values, initial=0.0)) for values in curves.values()]
    high = 1.05 * min(max(largest), max(_ROOM * largest[0], 0.5))
    scale = Scale(low=0.0, high=high or 1.0, logarithmic=False)
    return _range_chart(
        "AbsRel against true depth",
        errors,
        scale=scale,
        marks=[(tick, f"{tick:g}") for tick in scale.ticks(apart=0.1)],
        curves=curves,
    )


def _range_chart(
    name: str,
    errors: Mapping[str, RangeErrors],
    *,
    scale: Scale,
    marks: Sequence[tuple[float, str]],
    curves: Mapping[str, NDArray[np.float64]],
    quartiles: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> str:
    """Curves over true depth; `marks` are the values and words of the left axis."""
    some = next(iter(errors.values()))
    pixels = np.max([arm.pixels for arm in errors.values()], axis=0)
    filled = np.flatnonzero(pixels)
    ends_m = some.edges_m[filled[0]], some.edges_m[filled[-1] + 1]
    axes = Axes(
        left=_MARGIN_LEFT,
        right=_WIDE - _MARGIN_RIGHT,
        top=_MARGIN_TOP,
        floor=_HIGH - _MARGIN_BOTTOM,
        x=Scale(low=float(ends_m[0]), high=float(ends_m[1]), logarithmic=True),
        y=scale,
        strip=_STRIP,
    )
    parts = _pixel_strip(axes, some.edges_m, pixels)
    for value, text in marks:
        kind = "exact" if text == "1" and quartiles else "rule"
        parts += axes.y_marks([(value, text)], kind=kind)
    parts += axes.x_marks((tick, f"{tick:g}") for tick in axes.x.ticks(apart=0.08))
    parts += [axes.line(), axes.x_title("true depth (m)")]
    clip = "clip-" + "-".join(name.lower().split())
    parts.append(
        f'<clipPath id="{clip}"><rect x="{axes.left:g}" y="{axes.top:g}" '
        f'width="{axes.right - axes.left:g}" height="{axes.floor - axes.top:g}"/></clipPath>'
        f'<g clip-path="url(#{clip})">'
    )
    centres = some.centres_m
    if quartiles:
        low, high = quartiles
        for run in _runs(low):
            upper, lower = ([axes.point(centres[k], q[k]) for k in run] for q in (high, low))
            parts.append(f'<path class="quartiles" d="{band(upper, lower)}"/>')
    # The first arm is drawn last, on top of those that stand beside it.
    for n, values in reversed(list(enumerate(curves.values()))):
        for run in _runs(values):
            points = [axes.point(centres[k], values[k]) for k in run]
            parts.append(f'<path class="line arm-{n % _COLOURS}" d="{curve(points)}"/>')
    return svg(_WIDE, _HIGH, [*parts, "</g>"], name=name)


def _pixel_strip(axes: Axes, edges_m: NDArray[np.float64], pixels: NDArray[np.int64]) -> list[str]:
    """Bars along the floor: how many pixels lie in each interval."""
    bars = []
    for k in np.flatnonzero(pixels).tolist():
        roof = axes.floor - axes.strip * float(pixels[k] / pixels.max())
        x0, x1 = axes.x_of(edges_m[k]) + 0.5, axes.x_of(edges_m[k + 1]) - 0.5
        bars.append(
            f'<path class="strip" d="M{x0:.1f} {axes.floor:g}V{roof:.1f}H{x1:.1f}V{axes.floor:g}Z"/>'
        )
    return bars


def _runs(values: NDArray[np.float64]) -> list[list[int]]:
    """The positions of a curve's values, broken where there is none."""
    known = np.flatnonzero(np.isfinite(values))
    broken = np.flatnonzero(np.diff(known) > 1) + 1
    return [run.tolist() for run in np.split(known, broken) if run.size]


# --- ledger --------------------------------------------------------------------------------------

_BAR_PX = 30
_LETTER_PX = 7.2  # a wide guess at the letters of a label
#: Where a bar is at least so wide, labels for such a width are shown: a phone's page, then a desk's.
_ROOMS = (("narrow", 290.0), ("roomy", 590.0))


def ledger_figure(ledger: Mapping[str, Mapping[str, float]]) -> str:
    """A stacked bar per arm of the parts' shares, and under it a line as long as their sum."""
    parts = list(dict.fromkeys(part for values in ledger.values() for part in values))
    for arm, values in ledger.items():
        assert all(0.0 <= value < math.inf for value in values.values()), (
            f"ledger of {arm}: {values}"
        )
    largest = max(math.fsum(values.values()) for values in ledger.values())
    bars = "\n".join(
        _ledger_bar(arm, {part: values.get(part, 0.0) for part in parts}, largest=largest)
        for arm, values in ledger.items()
    )
    legend = legend_html({part: f"part-{n % _COLOURS}" for n, part in enumerate(parts)}, line=False)
    return f'<figure class="ledger">{legend}\n{bars}\n</figure>'


def _ledger_bar(arm: str, values: Mapping[str, float], *, largest: float) -> str:
    total = math.fsum(values.values())
    rectangles, labels, start = [], [], 0.0
    for n, (part, value) in enumerate(values.items()):
        if value == 0.0:
            continue
        share = value / total
        percent = f"{100 * share:.0f} %"
        labels.append(f"{part} {percent}")
        rectangles.append(
            f'<rect class="part-{n % _COLOURS}" x="{100 * start:.3f}%" width="{100 * share:.3f}%" '
            f'height="{_BAR_PX}"><title>{escape(f"{part}: {value:.3g}, {percent}")}</title></rect>'
        )
        for room, room_px in _ROOMS:
            texts = (f"{part} {percent}", percent)
            fitting = [t for t in texts if (len(t) + 1) * _LETTER_PX <= room_px * share]
            if fitting:
                rectangles.append(
                    f'<text class="{room}" x="{100 * (start + share / 2):.3f}%" '
                    f'y="{_BAR_PX / 2 + 4:g}" text-anchor="middle">{escape(fitting[0])}</text>'
                )
        start += share
    if total:
        rectangles.append(
            f'<rect class="size" y="{_BAR_PX + 2}" width="{100 * total / largest:.3f}%" height="3"/>'
        )
    description = f"{arm}: {', '.join(labels)}"
    return (
        f'<div class="bar-name"><span>{escape(arm)}</span><span>{total:#.3g}</span></div>'
        f'<svg height="{_BAR_PX + 5}" role="img" aria-label="{escape(description)}">'
        f"{''.join(rectangles)}</svg>"
    )
