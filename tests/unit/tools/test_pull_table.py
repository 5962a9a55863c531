"""The table of pulls in docs/method.md is what the shipped pack gives, and says what the page says of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

METHOD = Path(__file__).resolve().parents[3] / "docs" / "method.md"
#: Columns of numbers.
NEAREST, FAR, FARTHEST, AT_TRUTH, FAR_COST, NEAR_COST = 0, 2, 3, 5, 6, 7


def numbers_of(table: str) -> dict[str, list[float]]:
    """By the first cell of a line."""
    lines = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    return {cells[0]: [float(cell) for cell in cells[1:] if cell] for cells in lines}


@pytest.fixture(scope="module")
def page() -> dict[str, list[float]]:
    text = METHOD.read_text(encoding="utf-8")
    return numbers_of(text.partition("<!-- pull:table -->\n")[2].partition("<!-- end -->")[0])


def test_the_page_stands_as_the_pack_gives_it(
    page: dict[str, list[float]], load_tool: Callable[[str], ModuleType]
) -> None:
    tool = load_tool("pull_table")
    again = numbers_of(tool.places()["table"])
    assert list(again) == list(page), "python tools/pull_table.py"
    for title, numbers in again.items():
        assert page[title] == pytest.approx(numbers, rel=0.02, abs=tool.NOTHING), title


def test_what_the_page_says_of_the_forms(page: dict[str, list[float]]) -> None:
    pixels = {title.strip("*"): numbers for title, numbers in page.items()}["pixels"]
    forms = {
        title.partition("`, `")[2].replace("`", ""): numbers
        for title, numbers in page.items()
        if title.startswith("`gradient_consistency`")
    }
    normalised, metres = forms["normalised"], forms["aligned_metres"]
    assert sum(normalised[FAR : FARTHEST + 1]) < 0.5 * sum(pixels[FAR : FARTHEST + 1])
    assert normalised[FAR_COST] < 0.3 * normalised[NEAR_COST]
    assert metres[FARTHEST] > 1.5 * pixels[FARTHEST]
    assert metres[FAR_COST] == max(numbers[FAR_COST] for numbers in forms.values())
    for form in ("normalised, space log", "normalised, space depth", "mean_normalised"):
        assert forms[form][AT_TRUTH] > 0.1
    for form in ("normalised", "aligned_log", "aligned_metres", "value", "direction", "normals"):
        assert forms[form][AT_TRUTH] == 0
    assert 0.5 < forms["aligned_log"][FAR_COST] / forms["aligned_log"][NEAR_COST] < 2
    assert forms["mean_normalised"][NEAR_COST] < 0
    assert forms["value"][FAR_COST] < 0.5 * forms["value, trim 0"][FAR_COST]
    silog, relative = page["`metric_silog`"], page["`metric_relative`, `relative`"]
    assert silog[FAR_COST] / silog[NEAR_COST] > 1.5 * relative[FAR_COST] / relative[NEAR_COST]
