"""Pictures of gradient diagnostics: shares over steps, the cosine matrix, maps of where terms conflict.

Shares and matrix are SVG that needs no page around it, conflict maps are PNG. Same numbers, same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from statistics import fmean

import numpy as np

from thermodepth.colour import colour_thermal, paint
from thermodepth.evaluation.page.scale import Scale
from thermodepth.files import write_bytes, write_text
from thermodepth.losses import LOSSES
from thermodepth.study.figures.grid import Grid, Panel, Row
from thermodepth.study.gradients.averages import ENOUGH_PROBES, Conflict, conflicts
from thermodepth.study.gradients.records import GradientRecord
from thermodepth.study.gradients.tables import PARAMETERS, cosine_table, share_table, signed
from thermodepth.study.tables.table import write_tables
from thermodepth.training.diagnostics.files import conflict_path, conflict_steps
from thermodepth.training.diagnostics.maps import ConflictMaps, read_conflict_maps

#: Okabe and Ito (2008), told apart with any colour vision; a term keeps its colour in every picture.
_COLOURS = ("#0072B2", "#56B4E9", "#009E73", "#D55E00", "#E69F00", "#F0E442", "#CC79A7")
_FONT = 'font-family="Helvetica, Arial, sans-serif"'
_HEADS: Mapping[str, str] = {"structure": "Structure", "log_depth": "Metric depth"}
_MOST_FRAMES = 6


def draw_shares(records: Sequence[GradientRecord], *, title: str) -> str:
    """Stacked shares of the gradient's norm over the steps, mean over the runs; SVG."""
    terms = [t for t in LOSSES if any(r.shares.get(t) for r in records)]
    steps = sorted({s for r in records for points in r.shares.values() for s, _ in points})
    by_step = [_shares_at(records, terms, step) for step in steps]
    width, height, left, top = 640.0, 300.0, 44.0, 34.0
    plot_w, plot_h = 400.0, 226.0
    span = max(steps[-1] - steps[0], 1) if steps else 1

    def x_of(step: int) -> float:
        return left + plot_w * ((step - steps[0]) / span if len(steps) > 1 else 0.5)

    parts = _opening(width, height, f"Gradient shares, {title}")
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
        parts.append(f'<path d="M{path}Z" fill="{_colour(term)}" stroke="#fff" stroke-width=".5"/>')
        floor = roof
    for percent in (0, 25, 50, 75, 100):
        y = top + plot_h * (1 - percent / 100)
        parts.append(f'<text x="{left - 6:g}" y="{y + 4:.1f}" text-anchor="end">{percent} %</text>')
    below = top + plot_h + 18
    if steps:
        parts.append(f'<text x="{left:g}" y="{below:g}">step {steps[0]}</text>')
        parts.append(
            f'<text x="{left + plot_w:g}" y="{below:g}" text-anchor="end">step {steps[-1]}</text>'
        )
    for number, term in enumerate(reversed(terms)):  # as they are stacked
        y = top + 10 + 20 * number
        parts.append(f'<rect x="460" y="{y:g}" width="12" height="12" fill="{_colour(term)}"/>')
        parts.append(f'<text x="478" y="{y + 10:g}">{escape(term)}</text>')
    return "".join([*parts, "</svg>\n"])


def draw_cosines(found: Sequence[Conflict], parameters: str, *, title: str) -> str:
    """The terms against each other: cosine and interval above the diagonal, conflict below it; SVG.

    Blue pulls together, red apart. Brackets: fewer than 30 probes.
    """
    named = {term for conflict in found for term in conflict.pair}
    terms = [t for t in LOSSES if t in named]
    cell_w, cell_h, left, top = 92.0, 46.0, 150.0, 82.0
    width = max(left + cell_w * len(terms) + 10, 560.0)
    height = top + cell_h * len(terms) + 46
    parts = _opening(width, height, f"Gradient cosines at {PARAMETERS[parameters]}, {title}")
    for place, term in enumerate(terms):
        x, y = left + cell_w * (place + 0.5), top + cell_h * (place + 0.5)
        head, _, tail = term.partition("_")
        parts.append(f'<text x="{x:g}" y="{top - 22:g}" text-anchor="middle">{escape(head)}</text>')
        parts.append(f'<text x="{x:g}" y="{top - 8:g}" text-anchor="middle">{escape(tail)}</text>')
        parts.append(
            f'<text x="{left - 8:g}" y="{y + 4:g}" text-anchor="end">{escape(term)}</text>'
        )
    for conflict in found:
        a, b = sorted(terms.index(term) for term in conflict.pair)
        cosine = conflict.cosine
        open_, close = ("(", ")") if cosine.few else ("", "")
        parts += _box(left + cell_w * b, top + cell_h * a, cell_w, cell_h, cosine.mean)
        x, y = left + cell_w * (b + 0.5), top + cell_h * (a + 0.5)
        parts.append(
            f'<text x="{x:g}" y="{y - 1:g}" text-anchor="middle" font-weight="bold">'
            f"{open_}{signed(cosine.mean)}{close}</text>"
        )
        if cosine.interval is not None:
            low, high = (signed(end) for end in cosine.interval)
            parts.append(
                f'<text x="{x:g}" y="{y + 14:g}" text-anchor="middle" font-size="10">'
                f"{low} to {high}</text>"
            )
        x, y = left + cell_w * (a + 0.5), top + cell_h * (b + 0.5)
        parts += _box(left + cell_w * a, top + cell_h * b, cell_w, cell_h, 0.0)
        parts.append(
            f'<text x="{x:g}" y="{y + 4:g}" text-anchor="middle">'
            f"{open_}{100 * conflict.negative:.0f} %{close}</text>"
        )
    told = "Above: mean cosine, 95 % interval. Below: part of the probes with a cosine below 0."
    parts.append(f'<text x="10" y="{height - 26:g}">{told}</text>')
    if any(conflict.cosine.few for conflict in found):
        parts.append(
            f'<text x="10" y="{height - 10:g}">Brackets: fewer than {ENOUGH_PROBES} probes, a hint only.'
            "</text>"
        )
    return "".join([*parts, "</svg>\n"])


def draw_conflict(maps: ConflictMaps) -> bytes:
    """The frames of one look beside where the terms cancel, for each head; PNG.

    Dark: all terms pull one way. Bright: they cancel. Grey: none pulls.
    """
    heads = [head for head in _HEADS if head in maps.heads]
    values = {head: maps.conflict(head) for head in heads}
    rows = []
    for number, name in enumerate(maps.sample_ids[:_MOST_FRAMES]):
        grey = np.rint(maps.image[number].clip(0, 1) * 255).astype(np.uint8)
        panels = [Panel(picture=colour_thermal(grey))]
        for head in heads:
            conflict = values[head][number]
            known = conflict[~np.isnan(conflict)]
            corner = f"mean {known.mean():.2f}" if known.size else "none pulls"
            panels.append(Panel(picture=paint(conflict), corner=corner))
        scale = Scale(low=0.0, high=1.0, logarithmic=False)
        rows.append(Row(name=name, details=f"step {maps.step}", panels=tuple(panels), scale=scale))
    titles = ("Network input", *(_HEADS[head] for head in heads))
    return Grid(titles=titles, rows=tuple(rows), unit="conflict").png()


def write_gradients(
    out: Path, records: Sequence[GradientRecord], *, title: str, maps_of: Path | None = None
) -> list[Path]:
    """Tables and pictures of one arm: shares, cosines at both sets of parameters, conflict maps.

    Args:
        out: where they go; made.
        records: the arm's runs, at least one.
        title: the arm.
        maps_of: the run's folder whose conflict maps are drawn.

    Returns:
        What was written.

    Raises:
        DataError: for a damaged file of maps.
    """
    measured = [where for where in PARAMETERS if conflicts(records, where)]
    tables = {"gradient_shares": share_table(records, title=title)}
    for where in measured:
        tables[f"gradient_cosines_{where}"] = cosine_table(records, where, title=title)
    written = write_tables(out, tables)
    pictures = {"gradient_shares": draw_shares(records, title=title)}
    for where in measured:
        found = conflicts(records, where)
        pictures[f"gradient_cosines_{where}"] = draw_cosines(found, where, title=title)
    for stem, svg in pictures.items():
        write_text(out / f"{stem}.svg", svg)
        written.append(out / f"{stem}.svg")
    for step in conflict_steps(maps_of) if maps_of is not None else []:
        assert maps_of is not None
        path = out / f"conflict_step_{step}.png"
        write_bytes(path, draw_conflict(read_conflict_maps(conflict_path(maps_of, step))))
        written.append(path)
    return written


def _shares_at(
    records: Sequence[GradientRecord], terms: Sequence[str], step: int
) -> dict[str, float]:
    """Each term's mean share over the runs that looked at this step; 0 for a term without weight."""
    there = [
        r for r in records if any(step == s for points in r.shares.values() for s, _ in points)
    ]
    return {t: fmean(dict(r.shares.get(t, ())).get(step, 0.0) for r in there) for t in terms}


def _opening(width: float, height: float, title: str) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'width="{width:g}" height="{height:g}" {_FONT} font-size="12" fill="#222">',
        f'<rect width="{width:g}" height="{height:g}" fill="#fff"/>',
        f'<text x="10" y="20" font-size="14" font-weight="bold">{escape(title)}</text>',
    ]


def _box(x: float, y: float, width: float, height: float, cosine: float) -> list[str]:
    fill = "#D55E00" if cosine < 0 else "#0072B2"
    return [
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="{fill}" '
        f'fill-opacity="{min(abs(cosine), 1) * 0.75:.3f}" stroke="#bbb"/>'
    ]


def _colour(term: str) -> str:
    return _COLOURS[list(LOSSES).index(term) % len(_COLOURS)]
