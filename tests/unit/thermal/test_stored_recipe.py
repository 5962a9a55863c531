"""A model says how its input was made, and is refused where that is not known here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from thermodepth.checksums import read_record
from thermodepth.errors import WeightsError
from thermodepth.model import load_model, resolve_model
from thermodepth.thermal import NormaliserSettings


def stored(tmp_path: Path, **changes: Any) -> Path:
    """The small model that ships, its recipe changed."""
    folder = tmp_path / "model"
    shutil.copytree(resolve_model("thermal-small"), folder)
    recipe = read_record(folder / "model.json")
    recipe["normaliser"] = {**NormaliserSettings().tree(), **changes}
    (folder / "model.json").write_text(json.dumps(recipe))
    return folder


def test_every_field_of_a_recipe_is_kept(tmp_path: Path) -> None:
    planck = {"r1": 380747.0, "r2": 1.0, "b": 1428.0, "f": 1.0, "o": 88.539}
    folder = stored(tmp_path, name="temperature", window_low_k=280.0, planck=planck)
    recipe = load_model(folder).recipe.normaliser
    assert (recipe.version, recipe.name, recipe.window_low_k) == (1, "temperature", 280.0)
    assert recipe.planck is not None
    assert recipe.planck.tree() == planck


def test_another_version_is_refused_with_the_reason(tmp_path: Path) -> None:
    folder = stored(tmp_path, version=2)
    with pytest.raises(
        WeightsError, match=r"normaliser.*version 2: this thermodepth has version 1"
    ):
        load_model(folder)


def test_an_unknown_recipe_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    folder = stored(tmp_path, name="histogram")
    with pytest.raises(WeightsError, match=r"normaliser\.name = 'histogram'.*known:.* percentile"):
        load_model(folder)
