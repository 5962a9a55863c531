"""No module imports itself through others, and no folder does; lazy imports and those for types count."""

from collections.abc import Callable

import grimp
import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

PACKAGE = "thermodepth"


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(PACKAGE, cache_dir=None)


def folder_of(module: str) -> str:
    """The package that a module stands in; a module beside the rooms is a room of its own."""
    parts = module.split(".")
    return module if len(parts) < 3 else ".".join(parts[:-1])


def circles(graph: grimp.ImportGraph, name_of: Callable[[str], str]) -> list[set[str]]:
    """Each as the names that reach each other; a package's own `__init__` is the package."""
    packages = {module for module in graph.modules if graph.find_children(module)}
    names = {m: m if m in packages and name_of is folder_of else name_of(m) for m in graph.modules}
    numbers = {name: number for number, name in enumerate(sorted(set(names.values())))}
    pairs = {
        (numbers[names[importer]], numbers[names[imported]])
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
        if names[importer] != names[imported]
    }
    rows, columns = np.array(sorted(pairs)).T
    size = len(numbers)
    edges = coo_array((np.ones(len(rows)), (rows, columns)), shape=(size, size))
    _, labels = connected_components(edges, directed=True, connection="strong")
    groups: dict[int, set[str]] = {}
    for name, number in numbers.items():
        groups.setdefault(int(labels[number]), set()).add(name.removeprefix(f"{PACKAGE}."))
    return sorted((group for group in groups.values() if len(group) > 1), key=sorted)


def test_no_module_imports_itself_through_others(graph: grimp.ImportGraph) -> None:
    assert circles(graph, str) == []


def test_no_folder_imports_itself_through_others(graph: grimp.ImportGraph) -> None:
    assert circles(graph, folder_of) == []


def test_a_circle_is_seen() -> None:
    graph = grimp.ImportGraph()
    for module in ("p", "p.a", "p.a.one", "p.a.two", "p.b", "p.b.one"):
        graph.add_module(module)
    graph.add_import(importer="p.a.one", imported="p.b.one")
    graph.add_import(importer="p.b.one", imported="p.a.two")
    assert circles(graph, str) == []
    assert circles(graph, folder_of) == [{"p.a", "p.b"}]
    graph.add_import(importer="p.a.two", imported="p.a.one")
    assert circles(graph, str) == [{"p.a.one", "p.a.two", "p.b.one"}]
