"""Prediction from a graph where torch is not installed, by the command and in Python."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thermodepth.files import encode_png

#: What no device has to hold. A spec that is not there is a package that is not installed.
BLOCK = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "transformers", "safetensors", "scipy", "accelerate", "pyarrow"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
import importlib.util
right = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "torch" else right(name, package)
"""
PREDICT = """
import json
from pathlib import Path
from thermodepth.cli import app

app(["predict", *sys.argv[2:]], standalone_mode=False)
Path(sys.argv[1]).write_text(json.dumps(sorted(sys.modules)))
"""
#: What a prediction from a graph does without, whether or not it is installed.
NOT_TO_PREDICT = {"torch", "transformers", "safetensors", "huggingface_hub", "scipy", "pyarrow"}
NOT_TO_PREDICT |= {"onnx", "matplotlib", "openvino", "thermodepth.model", "thermodepth.export"}
LIBRARY = """
import numpy as np
import thermodepth

predictor = thermodepth.load(sys.argv[1], fov_deg=50)
depth = predictor(np.load(sys.argv[2]))
assert "torch" not in sys.modules
print(depth.depth_m.shape, depth.points().shape[1] > 0)
try:
    thermodepth.load()
except ValueError as error:
    print(error)
"""


def counts() -> NDArray[np.uint16]:
    return np.random.default_rng(0).integers(7000, 9000, (64, 80)).astype(np.uint16)


def run(code: str, *arguments: str | Path) -> str:
    call = [sys.executable, "-c", BLOCK + code, *map(str, arguments)]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_predicts_from_a_graph(graph_file: Path, tmp_path: Path) -> None:
    (tmp_path / "frame.png").write_bytes(encode_png(counts()))
    listing = tmp_path / "modules.json"
    options = ("--fov", "50", "--out", tmp_path / "out", "--runtime", "onnx")
    run(PREDICT, listing, tmp_path / "frame.png", "--model", graph_file, *options)
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert {"frame_depth.png", "frame_structure.png", "frame_view.png"} <= set(written)
    assert set(json.loads(listing.read_text())) & NOT_TO_PREDICT == set()


def test_the_library_predicts_from_a_graph(graph_file: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "frame.npy", counts())
    out = run(LIBRARY, graph_file, tmp_path / "frame.npy").splitlines()
    assert out[0] == "(64, 80) True"
    assert out[1].startswith(
        "thermal-any: is run by torch, which is not installed: pip install torch"
    )
