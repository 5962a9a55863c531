"""What every page of results is made of: one file that needs no network, with tables that scroll in place.

Everything that was not written here (titles, frame ids, commands) is escaped. A page carries its own style
and script and forbids itself to load anything else.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Literal

from thermodepth.files import read_text
from thermodepth.report.table import Table

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a page under its own heading. One without parts is left out."""

    anchor: str
    heading: str
    parts: Sequence[str]  # HTML


@dataclass(frozen=True, slots=True, kw_only=True)
class Tint:
    """The colour behind a cell of a table."""

    good: bool  # blue; else orange
    share: float  # 0 none, 1 the strongest


def document(
    *, title: str, lead: str, sections: Iterable[Section], style: str = "", script: str = ""
) -> str:
    """A whole page.

    Args:
        title: plain text.
        lead: HTML between the title and the links to the sections.
        sections: in this order.
        style: CSS after that of all pages.
        script: beside the sorting of tables; finds the page complete.
    """
    sections = [section for section in sections if section.parts]
    links = "".join(
        f'<a href="#{escape(section.anchor)}">{escape(section.heading)}</a>' for section in sections
    )
    body = "\n".join(
        f'<section id="{escape(section.anchor)}">\n<h2>{escape(section.heading)}</h2>\n'
        + "\n".join(section.parts)
        + "\n</section>"
        for section in sections
    )
    base = read_text(_FOLDER / "base.css")
    sorting = read_text(_FOLDER / "sort.js")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escape(title)}</title>
<style>
{base}{style}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
{lead}
<nav aria-label="Sections">{links}</nav>
</header>
<main>
{body}
</main>
<script>
{sorting}{script}</script>
</body>
</html>
"""


def table_html(
    table: Table,
    *,
    rules: Iterable[int] = (),
    sortable: bool = False,
    wordy: bool = False,
    tints: Mapping[tuple[int, int], Tint] | None = None,
) -> str:
    """A table with a line above the rows in `rules` and above every block.

    A block is a run of rows with one first cell. The cells at its left that stay the same (a distance,
    its pixels and frames) are written once, over all its rows. A wordy table has sentences in its
    cells, which wrap. `tints` are by (row, column).
    """
    printed = table.printed()
    numeric = ["num" if column.align == "right" else "" for column in table.columns]
    head = ""
    for column, kind in zip(table.columns, numeric, strict=True):
        # No heading breaks between a sign and its word.
        text = re.sub(r"(?<=Δ) | (?=[↓↑→])", "\u00a0", escape(column.heading))
        text = f'<button type="button">{text}</button>' if sortable else text
        head += f'<th scope="col"{class_of(kind)}>{text}</th>'
    blocks = [1] * len(printed) if sortable else _block_sizes([row[0] for row in printed])
    blocked = max(blocks, default=1) > 1
    lines: list[str] = []
    for size in blocks:
        first = len(lines)
        block = printed[first : first + size]
        shared = next(
            (c for c in range(len(numeric)) if any(row[c] != block[0][c] for row in block)), 0
        )
        for r, row in enumerate(block, first):
            cells = ""
            for c in range(shared if r > first else 0, len(row)):
                text = escape(row[c])
                text = f"<strong>{text}</strong>" if (r, c) in table.bold else text
                tag, scope = ("th", ' scope="row"') if c == 0 else ("td", "")
                if c < shared and size > 1:
                    scope = (' scope="rowgroup"' if c == 0 else "") + f' rowspan="{size}"'
                kinds = numeric[c] + _tint_class(tint := (tints or {}).get((r, c)))
                style = f' style="--share:{tint.share:.3f}"' if tint else ""
                cells += f"<{tag}{scope}{class_of(kinds.strip())}{style}>{text}</{tag}>"
            ruled = r in rules or (blocked and r == first > 0)
            lines.append(f"<tr{class_of('rule' if ruled else '')}>{cells}</tr>")
    kind = "sortable" if sortable else "wordy" if wordy else ""
    return (
        f'<div class="table"><h3>{escape(table.title)}</h3>\n<div class="scroll">'
        f"<table{class_of(kind)}>\n<thead><tr>{head}</tr></thead>\n<tbody>\n"
        + "\n".join(lines)
        + "\n</tbody></table></div>\n"
        + notes_html(table.notes)
        + "</div>"
    )


def folded(table: Table) -> str:
    """A table that opens with a press on its title."""
    whole = table_html(table)
    return f"<details><summary>{escape(table.title)}</summary>\n{whole}</details>"


def notes_html(notes: Iterable[str]) -> str:
    """Small print, a line each."""
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<ul class="notes">{items}</ul>' if items else ""


def facts_html(facts: Mapping[str, str]) -> str:
    """Names with their values, a line each."""
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>\n"
        for name, text in facts.items()
    )
    return f'<dl class="facts">\n{items}</dl>' if items else ""


def class_of(name: str) -> str:
    """The attribute, or nothing for no name."""
    return f' class="{name}"' if name else ""


def data_uri(content: bytes, kind: Literal["png", "webp"]) -> str:
    """A picture as an address that holds it."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _tint_class(tint: Tint | None) -> str:
    if tint is None:
        return ""
    return " good" if tint.good else " bad"


def _block_sizes(firsts: Sequence[str]) -> list[int]:
    """How many neighbours are equal, run by run."""
    return [len(list(run)) for _, run in groupby(firsts)]
