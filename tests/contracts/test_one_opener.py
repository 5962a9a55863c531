"""Every file is opened in `files.py`, where pipes and devices are refused: no other way is in the package."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import thermodepth

SOURCE = Path(thermodepth.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
#: Where files of the disk are opened for reading.
OPENER = "files.py"
READS = {
    "read_bytes",
    "read_text",
    "fromfile",
    "loadtxt",
    "genfromtxt",
    "memmap",
    "imread",
    "copyfile",
}
#: Readers of libraries; they take what was opened here, bytes of it, or a path that was asked before.
LIBRARIES = {
    "load_file",
    "safe_open",
    "read_csv",
    "read_table",
    "read_metadata",
    "read_schema",
    "ParquetFile",
    "ZipFile",
    "TiffFile",
    "InferenceSession",
    "from_pretrained",
}
OPENED = {"stream", "content", "BytesIO"}
#: `file: function`: the library takes a path only, and `byte_count` or `ask_folder` has asked it before.
ASKED_BEFORE = {
    # What the kernel tells of itself.
    "machine.py: processor_model",
    "machine.py: read",
    "runtime/bench_child.py: _peak_mb",
    "tensor_files.py: read_tensors",
    "evaluation/rows/rows.py: read_rows",
    "statistics/reading.py: _read",
    "cli/study/analyze.py: _is_ours",
    "synthetic/storage/container.py: _opened",
    "depth_files/exr.py: _checked_header",
    "depth_files/exr.py: _pixels",
    "model/encoders.py: _pretrained_backbone",
    "model/auto_backbone.py: _hub_config",
    "teacher/transformers_depth.py: _load_config",
    "teacher/transformers_depth.py: _load_network",
    "sources/network.py: get",  # an address of the network
    # What was written just now, by us.
    "synthetic/storage/layout.py: copy_whole",
    "synthetic/storage/container.py: write_zip",
    "depth_files/writing.py: _write_exr",  # a file in memory, of arrays
    "ros/bag_writer.py: _open",  # a bag that is begun
}


def _calls(tree: ast.AST, name: str = "") -> list[tuple[str, ast.Call]]:
    """Every call with the innermost function that it stands in."""
    found = []
    for node in ast.iter_child_nodes(tree):
        inner = node.name if isinstance(node, ast.FunctionDef) else name
        if isinstance(node, ast.Call):
            found.append((inner, node))
        found += _calls(node, inner)
    return found


def _writes(call: ast.Call) -> bool:
    modes = [
        a.value
        for a in (*call.args, *(k.value for k in call.keywords))
        if isinstance(a, ast.Constant)
    ]
    return any(isinstance(mode, str) and set(mode) & set("wax+") for mode in modes)


def _is_opened(call: ast.Call) -> bool:
    """Whether the first argument is something opened already, or bytes in memory."""
    names = {n.id for a in call.args[:1] for n in ast.walk(a) if isinstance(n, ast.Name)}
    names |= {n.attr for a in call.args[:1] for n in ast.walk(a) if isinstance(n, ast.Attribute)}
    return bool(names & OPENED)


def other_ways(source: str) -> list[tuple[str, str]]:
    """(function, call) of everything that reads a file by itself."""
    found = []
    for inside, call in _calls(ast.parse(source)):
        words = ast.unparse(call.func)
        receiver, _, last = words.rpartition(".")
        if last == "open":
            # `Pack.open`, `PredictionStore.open`, `DATASETS[name].open`: classes and rows of tables.
            ours = (receiver.lstrip("_")[:1].isupper() and receiver != "Image") or receiver in (
                "cls",
                "row",
            )
            if ours or receiver in ("os", "archive") or _writes(call) or _is_opened(call):
                continue
        elif last in READS:
            if not receiver:  # a function of files.py
                continue
        elif last in LIBRARIES or words in ("np.load", "OpenEXR.File"):
            if _is_opened(call):
                continue
        else:
            continue
        found.append((inside, words))
    return found


def test_files_are_opened_in_one_place() -> None:
    others = []
    for path in FILES:
        name = path.relative_to(SOURCE).as_posix()
        if name == OPENER:
            continue
        for inside, words in other_ways(path.read_text(encoding="utf-8")):
            if f"{name}: {inside}" not in ASKED_BEFORE:
                others.append(f"{name}: {inside}: {words}")
    assert others == []


def test_what_is_let_through_still_stands_there() -> None:
    there = {
        f"{path.relative_to(SOURCE).as_posix()}: {inside}"
        for path in FILES
        for inside, _ in other_ways(path.read_text(encoding="utf-8"))
    }
    assert there >= ASKED_BEFORE


@pytest.mark.parametrize(
    "source",
    [
        "open(path)",
        "path.open()",
        "path.open('rb')",
        "path.read_text()",
        "Path(x).read_bytes()",
        "np.load(path)",
        "Image.open(path)",
        "pq.read_metadata(path)",
        "zipfile.ZipFile(path)",
        "cv2.imread(name)",
        "io.open(path)",
    ],
)
def test_the_search_sees_other_ways(source: str) -> None:
    assert len(other_ways(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "read_text(path)",
        "open_file(path)",
        "path.open('wb')",
        "Image.open(io.BytesIO(content))",
        "np.load(stream)",
        "Pack.open(place)",
    ],
)
def test_the_search_lets_our_own_through(source: str) -> None:
    assert other_ways(source) == []
