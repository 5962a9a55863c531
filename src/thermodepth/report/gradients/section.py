"""The part of a study's page that shows what the terms asked of the network while it trained."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.colour import paint
from thermodepth.report.gradients.pictures import (
    HEADS,
    IN_PAGE,
    colour_of,
    cosine_words,
    draw_cosines,
    draw_shares,
    input_picture,
    mean_words,
)
from thermodepth.report.gradients.tables import (
    DIAGNOSTIC,
    notes_of,
    overview_table,
    share_table,
    step_table,
    without_notes,
)
from thermodepth.report.page.pictures import encoded
from thermodepth.report.page.skeleton import data_uri, notes_html, table_html
from thermodepth.study.gradients.findings import PARAMETERS, ArmGradients
from thermodepth.training.diagnostics.maps import ConflictMaps

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FRAMES = 4  # of the first arm's conflict maps; the others show one
_MOST_BYTES = 24_000  # of one picture
_LEAD = "How hard each loss term pulls on the weights that all of them share, and whether two pull apart."
_STEPS = "Along the step: how far each points along the steps that the optimiser really took."
_CONFLICT = (
    "Dark: every term pulls the map one way; bright: they cancel; grey: none pulls. Where, not how much: "
    "agreement at the maps is a poor guess of agreement at the weights."
)


def gradients_section(arms: Sequence[ArmGradients], *, reference: str | None = None) -> list[str]:
    """HTML parts for a page of `evaluation.page.skeleton`; none where no arm has diagnostics.

    Args:
        arms: those that have any.
        reference: the arm that is shown open, above the others; None for the first.
    """
    if not arms:
        return []
    ordered = sorted(arms, key=lambda arm: reference is not None and arm.name != reference)
    looked = any(record.step_cosines for arm in ordered for record in arm.records)
    lead = f"{_LEAD} {_STEPS}" if looked else _LEAD
    parts = [f"<p>{escape(lead)} <strong>{escape(DIAGNOSTIC)}</strong></p>"]
    if len(ordered) > 1:
        parts.append(table_html(overview_table(ordered)))
    for number, arm in enumerate(ordered):
        inner = _arm_parts(arm, frames=1 if number else _FRAMES)
        if number:
            summary = f'<summary style="margin:1rem 0">{escape(arm.title)}</summary>'
            parts.append("\n".join(["<details>", summary, *inner, "</details>"]))
        else:
            parts += inner
    return parts


def _arm_parts(arm: ArmGradients, *, frames: int) -> list[str]:
    notes = notes_of(arm.records)
    parts = [
        f"<h3>Gradient shares over the training, {escape(arm.title)}</h3>",
        _share_figure(arm),
        table_html(without_notes(share_table(arm), notes)),
    ]
    for where in arm.measured:
        conflicts = arm.conflicts[where]
        probes = max(conflict.cosine.probes for conflict in conflicts)
        parts.append(
            f"<h3>Gradient cosines at {PARAMETERS[where]}, {escape(arm.title)}</h3>"
            '<figure><div class="scroll"><div style="min-width:40rem">'
            f"{draw_cosines(arm, where, on=IN_PAGE)}</div></div><figcaption>"
            f"{escape(' '.join(cosine_words(conflicts)))} Blue pulls together, red apart; {probes} probes."
            "</figcaption></figure>"
        )
    steps = step_table(arm)
    if steps is not None:
        parts.append(table_html(without_notes(steps, notes)))
    if arm.maps:
        parts.append(
            _conflict_figure(arm.maps[-1], run=arm.records[0].name, title=arm.title, frames=frames)
        )
    return [*parts, notes_html(note for note in notes if note != DIAGNOSTIC)]


def _share_figure(arm: ArmGradients) -> str:
    legend = "".join(
        '<li><svg viewBox="0 0 26 8" aria-hidden="true">'
        f'<path d="M0 0H26V8H0Z" style="fill:{colour_of(term)}"/></svg>{escape(term)}</li>'
        for term in reversed(arm.drawn_terms)  # as they are stacked
    )
    return (
        f'<figure><ul class="legend">{legend}</ul>'
        f"{draw_shares(arm, on=IN_PAGE)}<figcaption>Of the sum of the norms of the "
        f"weighted gradients at {PARAMETERS['block']}; mean over runs.</figcaption></figure>"
    )


def _conflict_figure(maps: ConflictMaps, *, run: str, title: str, frames: int) -> str:
    heads = [head for head in HEADS if head in maps.heads]
    values = {head: maps.conflict(head) for head in heads}
    cells = [_head_words(words) for words in ("Network input", *(HEADS[h] for h in heads))]
    for number, name in enumerate(maps.sample_ids[:frames]):
        cells.append(_panel(input_picture(maps, number), alt=f"network input, {name}", below=name))
        for head in heads:
            conflict = values[head][number]
            words = mean_words(conflict)
            alt = f"conflict at {HEADS[head].lower()}, {name}: {words}"
            cells.append(_panel(paint(conflict), alt=alt, below=words))
    strip = _picture(
        paint(np.linspace(0, 1, 128)[None].repeat(4, axis=0)), alt="0 to 1", size="8rem"
    )
    columns = f"repeat({1 + len(heads)},minmax(0,1fr))"
    return (
        f"<h3>Where the terms conflict, {escape(title)}</h3>"
        f'<figure><div style="display:grid;grid-template-columns:{columns};gap:.5rem;max-width:60rem">'
        f"{''.join(cells)}</div>"
        f'<figcaption><span style="white-space:nowrap">0 {strip} 1</span><br>{escape(_CONFLICT)} '
        f"{escape(run)}, step {maps.step}.</figcaption></figure>"
    )


def _head_words(words: str) -> str:
    return f'<div style="font-size:.88rem;font-weight:600">{escape(words)}</div>'


def _panel(picture: NDArray[np.uint8], *, alt: str, below: str) -> str:
    words = f'<div style="font-size:.8rem;color:var(--soft);overflow-wrap:anywhere">{escape(below)}</div>'
    return f"<div>{_picture(picture, alt=alt, size='100%')}{words}</div>"


def _picture(picture: NDArray[np.uint8], *, alt: str, size: str) -> str:
    content = encoded(picture, most_bytes=_MOST_BYTES, sharp=True)
    strip = (
        "height:.7rem;vertical-align:baseline" if size != "100%" else "display:block;height:auto"
    )
    return (
        f'<img alt="{escape(alt)}" src="{data_uri(content, "webp")}" '
        f'style="width:{size};{strip};image-rendering:pixelated">'
    )
