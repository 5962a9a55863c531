"""The house keeps its shape: dependencies point one way, files stay readable, names say what is inside."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import thermodepth

SOURCE = Path(thermodepth.__file__).parent
REPOSITORY = Path(__file__).parents[2]
FILES = sorted(SOURCE.rglob("*.py"))
MOST_LINES = 600
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "misc", "common", "core", "base", "manager"}


def test_dependencies_point_one_way() -> None:
    program = (
        "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert "Dependencies point one way" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0, done.stdout.partition("Broken contracts")[2]


def test_every_room_stands_in_the_layers() -> None:
    """A new module that no layer names would be checked by nobody."""
    layers = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8").partition("layers = [")[2]
    rooms = {p.stem if p.is_file() else p.name for p in SOURCE.iterdir() if _is_room(p)}
    missing = {room for room in rooms if f"thermodepth.{room}" not in layers}
    assert missing == set()


def _is_room(path: Path) -> bool:
    if path.is_dir():
        return any(path.glob("*.py"))
    return path.suffix == ".py" and path.stem not in ("__init__", "__main__")


def _name(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def test_a_file_is_read_in_one_sitting() -> None:
    """Beyond this a file should be two."""
    lines = {_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_a_module_is_named_for_what_it_holds() -> None:
    named = {part for path in FILES for part in (*path.relative_to(SOURCE).parts[:-1], path.stem)}
    assert named & SAYS_NOTHING == set()


def test_a_module_says_its_purpose() -> None:
    trees = {_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
    assert [name for name, tree in trees.items() if tree.body and not ast.get_docstring(tree)] == []


def test_the_readers_and_all_below_them_need_no_torch() -> None:
    """Looking at a data set is numpy: it must not wait seconds for torch."""
    modules = "thermodepth.config, thermodepth.files, thermodepth.thermal, thermodepth.camera"
    modules += ", thermodepth.types, thermodepth.data, thermodepth.data.transform"
    modules += ", thermodepth.calibration, thermodepth.doctor"
    program = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
