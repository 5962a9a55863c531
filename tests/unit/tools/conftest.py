"""The programs of tools/, which import each other by their bare names."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).resolve().parents[3] / "tools"


@pytest.fixture(scope="session")
def tool() -> Callable[[str], ModuleType]:
    """A program of tools/ by its name without `.py`."""

    def load(name: str) -> ModuleType:
        if str(TOOLS) not in sys.path:
            sys.path.append(str(TOOLS))  # at the end: it hides no package
        return importlib.import_module(name)

    return load
