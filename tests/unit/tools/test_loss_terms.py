"""The table of loss terms in docs/method.md is the one that `LOSSES` gives."""

from __future__ import annotations

import string
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from thermodepth.losses import LOSSES

METHOD = Path(__file__).resolve().parents[3] / "docs" / "method.md"


def test_the_page_stands_as_the_table_gives_it(load_tool: Callable[[str], ModuleType]) -> None:
    texts = load_tool("loss_terms").places()
    page = METHOD.read_text(encoding="utf-8")
    assert load_tool("places").filled(page, "losses", texts) == page, "python tools/loss_terms.py"


def test_a_changed_row_is_seen(load_tool: Callable[[str], ModuleType]) -> None:
    page = METHOD.read_text(encoding="utf-8")
    assert f"`{next(iter(LOSSES))}`" in page
    texts = load_tool("loss_terms").places()
    texts["terms"] = texts["terms"].replace("0.85", "0.86")
    assert load_tool("places").filled(page, "losses", texts) != page


def test_every_term_of_ours_has_a_formula_of_its_own_settings() -> None:
    formulas = [row.formula for row in LOSSES.values()]
    assert all(formulas)
    assert len(set(formulas)) == len(LOSSES)
    for row in LOSSES.values():
        names = {name for _, name, _, _ in string.Formatter().parse(row.formula) if name}
        assert names <= set(row.settings.model_fields), row.name
