"""Names say what a value is: English filler is refused as a bound name in src (docs/vocabulary.md)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "thermodepth"
WORDS = (
    "found made there told said shown kept wanted given meant here seen asked answered tried of gone taken "
    "thing so"
)
FILLER = frozenset(WORDS.split())
#: Rooms that still have some, and how many: a number here may only shrink, and a room without has no line.
REMAINING: dict[str, int] = {"report": 72, "statistics": 87, "study": 34}


def bound_names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every name that the code binds, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name, node.lineno
            case ast.arg():
                yield node.arg, node.lineno
            case ast.Name(ctx=ast.Store()):
                yield node.id, node.lineno
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr, node.lineno
            case ast.alias(asname=str(name)):
                yield name, node.lineno
            case ast.ExceptHandler(name=str(name)):
                yield name, node.lineno
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name, node.lineno
            case ast.MatchMapping(rest=str(name)):
                yield name, node.lineno


def filler_of(folder: Path) -> dict[str, list[str]]:
    """`{room: [file:line name]}`; a room is the first folder, or the file itself."""
    places: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*.py")):
        relative = path.relative_to(folder)
        for name, line in bound_names(ast.parse(path.read_text(encoding="utf-8"))):
            if name in FILLER:
                places.setdefault(relative.parts[0], []).append(f"{relative}:{line} {name}")
    for path in sorted(folder.rglob("*")):
        if path.stem in FILLER and (path.is_dir() or path.suffix == ".py"):
            relative = path.relative_to(folder)
            places.setdefault(relative.parts[0], []).append(f"{relative} (its own name)")
    return places


@pytest.fixture(scope="module")
def places() -> dict[str, list[str]]:
    """What `filler_of` says of the package; parsing it takes a second."""
    return filler_of(SOURCE)


def test_no_room_binds_filler_words(places: dict[str, list[str]]) -> None:
    assert not places, "\n".join(line for each in places.values() for line in each)


@pytest.mark.parametrize(
    "code",
    [
        "found = 1",
        "found: int = 1",
        "found += 1",
        "a, (b, *found) = x",
        "for found in x: pass",
        "[found for found in x]",
        "if (found := x): pass",
        "def found(): pass",
        "class found: pass",
        "def f(found): pass",
        "def f(*, found=1): pass",
        "def f(*found): pass",
        "lambda found: 1",
        "import x as found",
        "from x import y as found",
        "with x as found: pass",
        "try: pass\nexcept E as found: pass",
        "self.found = 1",
        "class A:\n    found: int",
        "match x:\n    case [1, *found]: pass",
        "match x:\n    case {1: 2, **found}: pass",
        "match x:\n    case A() as found: pass",
    ],
)
def test_every_way_to_bind_a_name_is_seen(code: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(code, encoding="utf-8")
    assert filler_of(tmp_path).keys() == {"a.py"}


@pytest.mark.parametrize(
    "code",
    [
        "x.found",
        "f(found=1)",
        "'found'",
        "# found",
        "print(found)",
        "found_paths = 1",
        "from x import found",
    ],
)
def test_using_a_name_is_not_binding_it(code: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(code, encoding="utf-8")
    assert filler_of(tmp_path) == {}


def test_a_module_is_a_name_too(tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "found.py").touch()
    assert filler_of(tmp_path) == {"room": ["room/found.py (its own name)"]}


def test_the_page_lists_the_same_words() -> None:
    text = (ROOT / "docs" / "vocabulary.md").read_text(encoding="utf-8")
    section = text.partition("## Never names\n")[2].partition("\n## ")[0].partition(" say how")[0]
    assert frozenset(re.findall(r"`(\w+)`", section)) == FILLER
