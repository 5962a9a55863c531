"""`import thermodepth` costs nothing, and its public names are there when asked for."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import thermodepth

HEAVY = ("torch", "pydantic", "numpy", "scipy", "cv2", "PIL", "transformers", "accelerate")
HEAVY += ("matplotlib", "pyarrow", "huggingface_hub")


@pytest.mark.parametrize("module", ["thermodepth", "thermodepth.cli"])
def test_importing_it_loads_nothing_heavy(module: str) -> None:
    program = f"import json, sys, {module}; print(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert set(HEAVY) & set(json.loads(done.stdout)) == set()


def test_every_public_name_can_be_imported_and_is_what_its_home_says() -> None:
    for name, home in thermodepth._HOME.items():
        assert getattr(thermodepth, name) is getattr(importlib.import_module(home), name)
    assert thermodepth.__version__


def test_all_dir_and_the_homes_agree() -> None:
    assert sorted(thermodepth.__all__) == dir(thermodepth)
    assert set(thermodepth.__all__) == {*thermodepth._HOME, "__version__"}
    named: dict[str, object] = {}
    exec("from thermodepth import *", named)
    assert set(thermodepth.__all__) <= set(named)


def test_type_checkers_are_told_the_same_names() -> None:
    text = Path(thermodepth.__file__).read_text(encoding="utf-8")
    for name, home in thermodepth._HOME.items():
        assert f"    from {home} import {name} as {name}\n" in text


def test_an_unknown_name_is_an_attribute_error_that_says_so() -> None:
    with pytest.raises(AttributeError, match="'thermodepth' has no attribute 'predictor'"):
        _ = thermodepth.predictor


def test_the_version_is_the_packages() -> None:
    from importlib.metadata import version

    assert thermodepth.__version__ == version("thermodepth")
