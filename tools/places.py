"""The places of a page that a script fills and no person types.

<!-- FAMILY:NAME -->   ...   <!-- end -->
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"


def names_of(text: str, family: str) -> set[str]:
    """The names of a family's places."""
    return {match[2] for match in _pattern(family).finditer(text)}


def filled(text: str, family: str, texts: Mapping[str, str]) -> str:
    """The page with every place of a family filled.

    Raises:
        ValueError: when the page and the texts do not have the same places.
    """
    if (names := names_of(text, family)) != set(texts):
        raise ValueError(f"places of {family}: {sorted(names)} on the page, {sorted(texts)} made")

    def place(match: re.Match[str]) -> str:
        return f"{match[1]}{texts[match[2]].rstrip()}\n{match[3]}"

    return _pattern(family).sub(place, text)


def fill(page: str, family: str, texts: Mapping[str, str]) -> None:
    """The same for a page of the docs, in place."""
    path = DOCS / page
    path.write_text(filled(path.read_text(encoding="utf-8"), family, texts), encoding="utf-8")


def _pattern(family: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {re.escape(family)}:(\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
