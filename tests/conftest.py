"""One thread, no network: set before anything imports torch or the hub client."""

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
# Commands print for this width wherever the tests run, and without colours.
os.environ["COLUMNS"] = "120"
os.environ["NO_COLOR"] = "1"

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

TOOLS = Path(__file__).resolve().parent.parent / "tools"


@pytest.fixture(scope="session")
def load_tool() -> Callable[[str], ModuleType]:
    """A program of tools/ as a module, by its name without `.py`."""

    def load(name: str) -> ModuleType:
        # At the end: `coverage` is also the name of a package that tools look for.
        if str(TOOLS) not in sys.path:
            sys.path.append(str(TOOLS))
        spec = importlib.util.spec_from_file_location(f"tools_{name}", TOOLS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # its dataclasses look themselves up
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def latex_complaints(tmp_path: Path) -> Callable[[Mapping[str, str]], list[str]]:
    """What pdflatex says of tables by name, in an article of one column and one of two: overfull or too tall.

    Skips without pdflatex.
    """
    if shutil.which("pdflatex") is None:
        pytest.skip("needs pdflatex with the package booktabs")

    def complaints(tables: Mapping[str, str]) -> list[str]:
        said = []
        for columns in ("onecolumn", "twocolumn"):
            folder = tmp_path / columns
            folder.mkdir(exist_ok=True)
            lines = [rf"\documentclass[{columns}]{{article}}", r"\usepackage{booktabs}"]
            lines += [r"\begin{document}"]
            for name, text in tables.items():
                lines += [rf"\typeout{{now: {name}}}", "Text.", text, r"\clearpage"]
            (folder / "all.tex").write_text(
                "\n".join([*lines, r"\end{document}"]), encoding="ascii"
            )
            call = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
            made = subprocess.run(call, cwd=folder, capture_output=True, timeout=120, check=False)
            table = "start"
            for line in made.stdout.decode("utf-8", "replace").splitlines():
                table = line.removeprefix("now: ") if line.startswith("now: ") else table
                if re.search(r"Overfull|Float too large|^! |Missing character", line):
                    said.append(f"{columns}, {table}: {line}")
            if made.returncode and not said:
                said.append(f"{columns}: pdflatex ended with {made.returncode}")
        return said

    return complaints


@pytest.fixture(scope="session")
def write_noise_pack(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`write_noise_pack(splits, side=64)`: a pack of square frames of noise, by the seeds of each split."""
    from thermodepth.synthetic.rendering.frame import Frame
    from thermodepth.synthetic.storage.pack import write_pack

    def frame(seed: int, side: int) -> Frame:
        random, focal_px = np.random.default_rng(seed), 0.86 * side
        return Frame(
            frame_id=f"room-lit-{seed:07d}",
            kind="room",
            condition="lit",
            seed=seed,
            rgb=random.integers(0, 255, (side, side, 3)).astype(np.uint8),
            apparent_temperature_k=random.uniform(280, 300, (side, side)).astype(np.float32),
            depth_m=random.uniform(2, 9, (side, side)).astype(np.float32),
            intrinsics=np.array(
                [[focal_px, 0, side / 2], [0, focal_px, side / 2], [0, 0, 1]], np.float32
            ),
        )

    def write(splits: Mapping[str, Iterable[int]], side: int = 64) -> Path:
        path = tmp_path_factory.mktemp("noise") / "noise.zip"
        write_pack(path, {name: [frame(s, side) for s in seeds] for name, seeds in splits.items()})
        return path

    return write


@pytest.fixture(scope="session")
def other_pack(write_noise_pack: Callable[..., Path]) -> Path:
    """Frames of another world, which nothing is known about."""
    return write_noise_pack({"train": [0], "val": [1], "test": [2]})


@pytest.fixture(scope="session")
def tiny_pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of hand-made 64x64 frames: a floor, a wall, and a warm box of random place and distance."""
    from thermodepth.synthetic.rendering.frame import Frame
    from thermodepth.synthetic.storage.pack import write_pack

    def frame(seed: int) -> Frame:
        rng = np.random.default_rng(seed)
        rows = np.arange(64)[:, None] * np.ones(64)
        depth = np.where(rows > 32, 60 / np.maximum(rows - 31, 2), 14.0).astype(np.float32)
        kelvin = np.where(rows > 32, 290 + rows * 0.02, 286.0).astype(np.float32)
        top, left, size = rng.integers(8, 40), rng.integers(4, 44), rng.integers(8, 16)
        box = np.s_[top : top + size, left : left + size]
        depth[box] = rng.uniform(1.5, 6)
        kelvin[box] = 305
        depth[:6] = np.nan  # a strip of sky
        grey = np.clip((kelvin - 280) * 9 + rng.normal(0, 3, (64, 64)), 0, 255).astype(np.uint8)
        return Frame(
            frame_id=f"street-day-{seed:07d}",
            kind="street",
            condition="day" if seed % 2 else "night",
            seed=seed,
            rgb=np.repeat(grey[..., None], 3, axis=2),
            apparent_temperature_k=kelvin,
            depth_m=depth,
            intrinsics=np.array([[55, 0, 32], [0, 55, 32], [0, 0, 1]], np.float32),
        )

    path = tmp_path_factory.mktemp("pack") / "tiny.zip"
    splits = {"train": range(12), "val": range(100, 102), "test": range(200, 206)}
    write_pack(path, {name: [frame(s) for s in seeds] for name, seeds in splits.items()})
    return path
