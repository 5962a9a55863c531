"""`import thermodepth` costs nothing, and its public names are there when asked for."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import thermodepth
from thermodepth.files import encode_png
from thermodepth.model import ENCODERS, ModelRecipe, ModelSettings, save_model
from thermodepth.model.network import build_network
from thermodepth.thermal import NormaliserSettings
from thermodepth.types import ThermalUnit

HEAVY = ("torch", "pydantic", "numpy", "scipy", "cv2", "PIL", "transformers", "accelerate")
HEAVY += ("matplotlib", "pyarrow", "huggingface_hub")


@pytest.mark.parametrize("module", ["thermodepth", "thermodepth.cli"])
def test_importing_it_loads_nothing_heavy(module: str) -> None:
    program = f"import json, sys, {module}; print(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert set(HEAVY) & set(json.loads(done.stdout)) == set()


PREDICT = """
import json, sys
from pathlib import Path
from thermodepth.cli import app

app(["predict", sys.argv[1], "--out", sys.argv[2], "--model", sys.argv[3]], standalone_mode=False)
Path(sys.argv[4]).write_text(json.dumps(sorted(sys.modules)))
"""
#: What a prediction with an encoder of plain torch does without.
NOT_TO_PREDICT = {"transformers", "accelerate", "huggingface_hub", "scipy", "matplotlib", "pyarrow"}
NOT_TO_PREDICT |= {"onnxruntime", "torch._dynamo", "torch._inductor", "sympy", "embreex"}


@pytest.mark.parametrize(
    "model", ["thermal-small", *sorted(n for n, row in ENCODERS.items() if row.config is None)]
)
def test_predicting_imports_nothing_that_it_does_not_need(model: str, tmp_path: Path) -> None:
    if model in ENCODERS:
        settings = ModelSettings(encoder=model, weights="none", depth_range_m=(1.0, 80.0))
        recipe = ModelRecipe(
            model=settings,
            modality="thermal",
            normaliser=NormaliserSettings(),
            trained_unit=ThermalUnit.COUNTS,
            working_size=(32, 48),
        )
        model = str(tmp_path / "model")
        save_model(Path(model), build_network(settings, channels=1), recipe)
    counts = np.random.default_rng(0).integers(7000, 9000, (32, 48)).astype(np.uint16)
    (tmp_path / "frame.png").write_bytes(encode_png(counts))
    arguments = [str(tmp_path / name) for name in ("frame.png", "out")] + [model]
    listing = tmp_path / "modules.json"
    subprocess.run([sys.executable, "-c", PREDICT, *arguments, str(listing)], check=True)
    assert (tmp_path / "out" / "frame_view.png").is_file()
    assert set(json.loads(listing.read_text())) & NOT_TO_PREDICT == set()


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
