"""The methods of a study as paragraphs that can be copied."""

from __future__ import annotations

import re
from html import escape


def methods_html(markdown: str) -> list[str]:
    """`methods.methods_text` as HTML, under a button that copies it as plain text."""
    parts: list[str] = []
    for block in markdown.split("\n\n"):
        lines = [line for line in block.splitlines() if line and not line.startswith("# ")]
        items = [line.removeprefix("- ") for line in lines if line.startswith("- ")]
        if items:
            parts.append(f"<ul>{''.join(f'<li>{_inline(item)}</li>' for item in items)}</ul>")
        elif lines:
            parts.append(f"<p>{_inline(' '.join(lines))}</p>")
    if not parts:
        return []
    return [
        '<p><button type="button" class="copy" data-copies="methods-text" hidden>Copy the text</button> '
        '<span class="copied" role="status"></span></p>',
        f'<div id="methods-text">{"".join(parts)}</div>',
    ]


def _inline(text: str) -> str:
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(text))
