"""docs/api.md is what the docstrings say now."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

PAGE = Path(__file__).resolve().parents[3] / "docs" / "api.md"


@pytest.fixture
def api_page(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("api_page")


def test_the_page_stands_as_the_docstrings_give_it(api_page: ModuleType) -> None:
    assert api_page.page() == PAGE.read_text(encoding="utf-8"), "make pages"


def test_every_public_name_has_its_entry(api_page: ModuleType) -> None:
    text = PAGE.read_text(encoding="utf-8")
    for module, names in api_page.PUBLIC.items():
        section = text.partition(f"\n## {module}\n")[2].partition("\n## ")[0]
        for name in names or importlib.import_module(module).__all__:
            if name != "__version__":
                assert f"\n### `{name}`\n" in section, f"{module}.{name}"


def sample(path: Path, *, size: tuple[int, int] = (2, 3), deep: bool = False) -> list[str]:
    """The rows of a file.

    They are read twice.

    Args:
        path: of the file, which
            is opened once.
        size: rows, columns.

    Returns:
        A row
        each.

    Raises:
        DataError: for no file.
    """
    del size, deep
    return [str(path)]


def test_sections_of_a_docstring_become_lists(api_page: ModuleType) -> None:
    text = api_page._entry("sample", sample)
    assert (
        "\nsample(path: Path, *, size: tuple[int, int] = (2, 3), deep: bool = False) -> list[str]\n"
        in text
    )
    assert "They are read twice." in text
    assert (
        "**Args**\n\n- `path`: of the file, which is opened once.\n- `size`: rows, columns." in text
    )
    assert "**Returns**\n\n- A row each." in text
    assert "**Raises**\n\n- `DataError`: for no file." in text
