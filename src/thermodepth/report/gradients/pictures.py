"""Pictures of gradient diagnostics: shares over steps, the cosine matrix, maps of where terms conflict.

Shares and matrix are SVG, conflict maps are PNG. An SVG is either a file of its own or a part of a page,
whose colours it then follows. Same numbers, same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Literal

import numpy as np

from thermodepth.colour import colour_thermal, paint
from thermodepth.losses import LOSSES
from thermodepth.report.axes import Scale
from thermodepth.report.grid import Grid, Panel, Row
from thermodepth.statistics.labels import signed
from thermodepth.study.gradients.averages import ENOUGH_PROBES, Conflict
from thermodepth.study.gradients.findings import PARAMETERS, ArmGradients
from thermodepth.training.diagnostics.maps import ConflictMaps

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Okabe and Ito (2008), told apart with any colour vision; a term keeps its colour in every picture.
_COLOURS = ("#0072B2", "#56B4E9", "#009E73", "#D55E00", "#E69F00", "#F0E442", "#CC79A7", "#999999")
HEADS: Mapping[str, str] = {"structure": "Structure", "log_depth": "Metric depth"}
_MOST_FRAMES = 6
_LARGER = 1.15  # than drawn, where a page has the room


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a drawing stands on: its colours, and whether it brings its own title and ground."""

    ink: str
    paper: str
    line: str
    alone: bool


ALONE = Surroundings(ink="#222", paper="#fff", line="#bbb", alone=True)  # a file
IN_PAGE = Surroundings(ink="var(--ink)", paper="var(--page)", line="var(--line)", alone=False)


def colour_of(term: str) -> str:
    """A term's colour in every picture."""
    return _COLOURS[list(LOSSES).index(term) % len(_COLOURS)]


def draw_shares(gradients: ArmGradients, *, on: Surroundings = ALONE) -> str:
    """Stacked shares of the gradient's norm over the steps, mean over the runs; SVG.

    In a page without legend: `drawn_terms` and `colour_of` make one.
    """
    terms = gradients.drawn_terms
    steps = [step for step, _ in gradients.shares_by_step]
    by_step = [shares for _, shares in gradients.shares_by_step]
    left, top, plot_w, plot_h = 44.0, 34.0 if on.alone else 8.0, 400.0, 226.0
    width, height = (
        (640.0 if on.alone else left + plot_w + 6),
        top + plot_h + (40 if on.alone else 24),
    )
    span = max(steps[-1] - steps[0], 1) if steps else 1

    def x_of(step: int) -> float:
        return left + plot_w * ((step - steps[0]) / span if len(steps) > 1 else 0.5)

    parts = _opening(width, height, f"Gradient shares, {gradients.title}", on)
    floor = [0.0] * len(steps)
    for term in terms:
        roof = [low + shares[term] for low, shares in zip(floor, by_step, strict=True)]
        if len(steps) == 1:
            corners = [(left, floor[0]), (left + plot_w, floor[0])]
            corners += [(left + plot_w, roof[0]), (left, roof[0])]
        else:
            corners = [(x_of(s), y) for s, y in zip(steps, floor, strict=True)]
            corners += [(x_of(s), y) for s, y in reversed(list(zip(steps, roof, strict=True)))]
        path = "L".join(f"{x:.1f} {top + plot_h * (1 - y):.1f}" for x, y in corners)
        style = f"fill:{colour_of(term)};stroke:{on.paper};stroke-width:.5"
        parts.append(f'<path d="M{path}Z" style="{style}"><title>{escape(term)}</title></path>')
        floor = roof
    for percent in (0, 25, 50, 75, 100):
        y = top + plot_h * (1 - percent / 100) + 4
        parts.append(_words(left - 6, y, f"{percent} %", on, anchor="end"))
    below = top + plot_h + 18
    if steps:
        parts.append(_words(left, below, f"step {steps[0]}", on, anchor="start"))
    if len(steps) > 1:
        parts.append(_words(left + plot_w, below, f"step {steps[-1]}", on, anchor="end"))
    for number, term in enumerate(reversed(terms) if on.alone else ()):  # as they are stacked
        y = top + 10 + 20 * number
        parts.append(f'<rect x="460" y="{y:g}" width="12" height="12" fill="{colour_of(term)}"/>')
        parts.append(_words(478, y + 10, term, on, anchor="start"))
    return "".join([*parts, "</svg>\n"])


def draw_cosines(gradients: ArmGradients, parameters: str, *, on: Surroundings = ALONE) -> str:
    """The terms against each other: cosine and interval above the diagonal, conflict below it; SVG.

    Blue pulls together, red apart. Brackets: fewer than 30 probes.
    """
    conflicts = gradients.conflicts[parameters]
    named = {term for conflict in conflicts for term in conflict.pair}
    terms = [t for t in LOSSES if t in named]
    cell_w, cell_h, left, top = 92.0, 46.0, 150.0, 82.0 if on.alone else 40.0
    width = left + cell_w * len(terms) + 10
    width = max(width, 560.0) if on.alone else width
    height = top + cell_h * len(terms) + (46 if on.alone else 6)
    parts = _opening(
        width, height, f"Gradient cosines at {PARAMETERS[parameters]}, {gradients.title}", on
    )
    for place, term in enumerate(terms):
        x, y = left + cell_w * (place + 0.5), top + cell_h * (place + 0.5)
        head, _, tail = term.partition("_")
        parts += [_words(x, top - 22, head, on), _words(x, top - 8, tail, on)]
        parts.append(_words(left - 8, y + 4, term, on, anchor="end"))
    for conflict in conflicts:
        a, b = sorted(terms.index(term) for term in conflict.pair)
        cosine = conflict.cosine
        open_, close = ("(", ")") if cosine.few else ("", "")
        parts.append(_box(left + cell_w * b, top + cell_h * a, cell_w, cell_h, cosine.mean, on))
        x, y = left + cell_w * (b + 0.5), top + cell_h * (a + 0.5)
        parts.append(
            _words(x, y - 1, f"{open_}{signed(cosine.mean, digits=2)}{close}", on, weight="bold")
        )
        if cosine.interval is not None:
            low, high = (signed(end, digits=2) for end in cosine.interval)
            parts.append(_words(x, y + 14, f"{low} to {high}", on, size=10))
        x, y = left + cell_w * (a + 0.5), top + cell_h * (b + 0.5)
        parts.append(_box(left + cell_w * a, top + cell_h * b, cell_w, cell_h, 0.0, on))
        parts.append(_words(x, y + 4, f"{open_}{100 * conflict.negative:.0f} %{close}", on))
    if on.alone:
        for n, line in enumerate(cosine_words(conflicts)):
            parts.append(_words(10, height - 26 + 16 * n, line, on, anchor="start"))
    return "".join([*parts, "</svg>\n"])


def cosine_words(conflicts: Sequence[Conflict]) -> list[str]:
    """What stands below the matrix."""
    lines = ["Above: mean cosine, 95 % interval. Below: part of the probes with a cosine below 0."]
    if any(conflict.cosine.few for conflict in conflicts):
        lines.append(f"Brackets: fewer than {ENOUGH_PROBES} probes, a hint only.")
    return lines


def draw_conflict(maps: ConflictMaps) -> bytes:
    """The frames of one look beside where the terms cancel, for each head; PNG.

    Dark: all terms pull one way. Bright: they cancel. Grey: none pulls.
    """
    heads = [head for head in HEADS if head in maps.heads]
    values = {head: maps.conflict(head) for head in heads}
    rows = []
    for number, name in enumerate(maps.sample_ids[:_MOST_FRAMES]):
        panels = [Panel(picture=input_picture(maps, number))]
        for head in heads:
            conflict = values[head][number]
            panels.append(Panel(picture=paint(conflict), corner=mean_words(conflict)))
        scale = Scale(low=0.0, high=1.0, logarithmic=False)
        rows.append(Row(name=name, details=f"step {maps.step}", panels=tuple(panels), scale=scale))
    titles = ("Network input", *(HEADS[head] for head in heads))
    return Grid(titles=titles, rows=tuple(rows), unit="conflict").png()


def input_picture(maps: ConflictMaps, number: int) -> NDArray[np.uint8]:
    """What the network sees of a frame, in grey, `[h w 3]`."""
    return colour_thermal(np.rint(maps.image[number].clip(0, 1) * 255).astype(np.uint8))


def mean_words(conflict: NDArray[np.float64]) -> str:
    """The mean of a map `[h w]` over the pixels that have a value."""
    known = conflict[~np.isnan(conflict)]
    return f"mean {known.mean():.2f}" if known.size else "none pulls"


def _opening(width: float, height: float, title: str, on: Surroundings) -> list[str]:
    box = f'viewBox="0 0 {width:g} {height:g}" role="img"'
    if not on.alone:
        size = f"display:block;width:100%;max-width:{_LARGER * width:.0f}px"
        return [f'<svg {box} style="{size}" aria-label="{escape(title)}">']
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} width="{width:g}" height="{height:g}" '
        'font-family="Helvetica, Arial, sans-serif">',
        f'<rect width="{width:g}" height="{height:g}" fill="{on.paper}"/>',
        _words(10, 20, title, on, anchor="start", size=14, weight="bold"),
    ]


def _words(
    x: float,
    y: float,
    text: str,
    on: Surroundings,
    *,
    anchor: Literal["start", "middle", "end"] = "middle",
    size: int = 12,
    weight: Literal["normal", "bold"] = "normal",
) -> str:
    # A style, because a page's rules for the words in its drawings would outdo attributes.
    bold = ";font-weight:bold" if weight == "bold" else ""
    return (
        f'<text x="{x:g}" y="{y:.1f}" text-anchor="{anchor}" '
        f'style="fill:{on.ink};font-size:{size}px{bold}">{escape(text)}</text>'
    )


def _box(x: float, y: float, width: float, height: float, cosine: float, on: Surroundings) -> str:
    fill = "#D55E00" if cosine < 0 else "#0072B2"
    opacity = min(abs(cosine), 1) * 0.75
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
        f'style="fill:{fill};fill-opacity:{opacity:.3f};stroke:{on.line}"/>'
    )
