"""Pieces of HTML that a notebook shows of an object: tables and pictures that carry their own bytes.

Nothing is fetched, no script runs, and every text is escaped: names of arms and models are a person's own.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape


def table_html(rows: Iterable[Sequence[str]], *, header: Sequence[str] = ()) -> str:
    """A table; without a header the first cell of each row is its heading."""
    table_rows = []
    if header:
        cells = "".join(f'<th style="text-align:left">{escape(name)}</th>' for name in header)
        table_rows.append(f"<tr>{cells}</tr>")
    for row in rows:
        first, *cells_after = row
        tag = "td" if header else "th"
        cells = f'<{tag} style="text-align:left">{escape(first)}</{tag}>'
        cells += "".join(f'<td style="text-align:left">{escape(cell)}</td>' for cell in cells_after)
        table_rows.append(f"<tr>{cells}</tr>")
    return f"<table>{''.join(table_rows)}</table>"


def titled_html(title: str, content: str) -> str:
    """A line of text, and HTML below it."""
    return f"<div><strong>{escape(title)}</strong>{content}</div>"


def picture_html(png: bytes, *, caption: str) -> str:
    """A PNG within the page, not wider than the page, with a line of text below it."""
    data = base64.b64encode(png).decode("ascii")
    text = escape(caption, quote=True)
    return (
        f'<figure style="margin:0"><img alt="{text}" style="max-width:100%" '
        f'src="data:image/png;base64,{data}"><figcaption>{text}</figcaption></figure>'
    )
