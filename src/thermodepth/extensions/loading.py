"""From a file or an installed package to rows in our tables: once, and all of them or none.

The bytes that are hashed are the bytes that are run. While a file runs nothing of ours may change but through
its `ROWS`: a name of one of our modules or a table that is bound anew is put back, and the file is refused.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from thermodepth.errors import DataError, SettingsError, nearest
from thermodepth.extensions.record import ExtensionRecord
from thermodepth.extensions.registry import Registry
from thermodepth.files import read_bytes

ROWS = "ROWS"
GROUP = "thermodepth.extensions"  # of entry points
PACKAGE = "package:"
MOST_BYTES = 1_000_000  # of a file
_OWN = "thermodepth"
_FILE_MODULE = f"{_OWN}_extension_"
_SHAPE = f"a list `{ROWS}` of rows, such as {ROWS} = (LossRow(name=..., ...),)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """A file or package whose rows joined our tables."""

    record: ExtensionRecord
    rows: tuple[tuple[str, str], ...]  # (kind, name), such as ("loss term", "my_term")
    module: ModuleType

    def words(self) -> str:
        """`my_losses.py (sha256 0123456789ab): loss term my_term`."""
        return f"{self.record.words()}: {', '.join(f'{kind} {name}' for kind, name in self.rows)}"


#: By what it was asked for as: a resolved path, or `package:NAME`.
_LOADED: dict[str, Extension] = {}


def loaded_extensions() -> tuple[Extension, ...]:
    """What this process has loaded, in that order."""
    return tuple(_LOADED.values())


def loaded_records() -> tuple[ExtensionRecord, ...]:
    """Their records: what settings that are made now carry."""
    return tuple(extension.record for extension in _LOADED.values())


def load_extensions(sources: Iterable[str | Path]) -> tuple[Extension, ...]:
    """Each of them, as `load_extension`."""
    return tuple(load_extension(source) for source in sources)


def load_extension(source: str | Path, *, sha256: str = "") -> Extension:
    """Run a person's own file, or import an installed package's, and let its rows join our tables.

    Args:
        source: path of a .py file; or `package:NAME`, or NAME alone, of an entry point in the group
            `thermodepth.extensions`.
        sha256: that it must have; empty takes what there is.

    Returns:
        The extension; the same one when it is asked for again.

    Raises:
        SettingsError: naming the file and the line, for a file that cannot be run, declares no rows, takes a
            name that exists, or binds names of ours; for a file that changed since it was loaded; for an
            unknown package.
    """
    text = str(source)
    if isinstance(source, str) and _is_package(text):
        return _load_package(text.removeprefix(PACKAGE), sha256)
    path = Path(source).expanduser().absolute()
    content = _content(path)
    actual = hashlib.sha256(content).hexdigest()
    _check_hash(str(path), actual, sha256)
    key = str(path.resolve())
    if (known := _known(key, actual, path)) is not None:
        return known
    module = ModuleType(f"{_FILE_MODULE}{actual[:12]}_{_identifier(path.stem)}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # its dataclasses look themselves up, and so does pickle
    try:
        with _nothing_of_ours_changes(path):
            _run(module, content, path)
        place = _Place(str(path), content)
        rows = _rows_in(vars(module).get(ROWS), place)
        record = ExtensionRecord(name=path.name, source=str(path), sha256=actual)
        return _join(key, record, rows, module, place)
    except BaseException:
        del sys.modules[module.__name__]
        raise


def unload_extension(extension: Extension) -> None:
    """Take its rows out of our tables again; settings that were made with it no longer hold."""
    for registry in Registry.by_type.values():
        for kind, name in extension.rows:
            if registry.kind == kind:
                registry.leave(name)
    for key in [key for key, each in _LOADED.items() if each is extension]:
        del _LOADED[key]
    if extension.module.__name__.startswith(_FILE_MODULE):
        sys.modules.pop(extension.module.__name__, None)


def installed_extensions() -> Mapping[str, metadata.EntryPoint]:
    """The entry points of installed packages by name; none of them is imported."""
    return {point.name: point for point in metadata.entry_points(group=GROUP)}


def check_loaded(records: Iterable[ExtensionRecord], where: str) -> None:
    """Whether a folder's extensions are those that this process was given; no file is run because of it.

    Args:
        records: of a run, study or model folder.
        where: what messages call it.

    Raises:
        SettingsError: naming the hashes, for one that was not given or has changed.
    """
    listed = tuple(records)
    present = {record.sha256 for record in loaded_records()}
    others = [each for each in loaded_records() if each.sha256 not in {r.sha256 for r in listed}]
    others.sort(key=lambda each: each.name not in {record.name for record in listed})
    for record in listed:
        if record.sha256 in present:
            continue
        if others:
            raise SettingsError(
                f"{where}: was made with {record.name} of sha256 {record.sha256}, and the file given, "
                f"{others[0].source}, has sha256 {others[0].sha256}: with a changed file this is another run"
            )
        option = record.source if record.source == record.name else "FILE"
        raise SettingsError(
            f"{where}: was made with the extension {record.name} (sha256 {record.sha256}, then "
            f"{record.source}); give it with --with {option}. No file is run because a folder names it"
        )


# --- files ---------------------------------------------------------------------------------------


def _content(path: Path) -> bytes:
    if path.suffix != ".py":
        installed = installed_extensions()
        near = nearest(path.name, installed)
        raise SettingsError(
            f"{path}: expected an extension as a .py file, or the name of an installed one{near} "
            f"(installed: {', '.join(sorted(installed)) or 'none'})"
        )
    try:
        return read_bytes(path, limit=MOST_BYTES)
    except DataError as error:
        raise SettingsError(str(error)) from None


def _run(module: ModuleType, content: bytes, path: Path) -> None:
    try:
        exec(compile(content, str(path), "exec"), module.__dict__)
    except (Exception, SystemExit) as error:  # one that ends the program adds no rows either
        words = " ".join(str(error).split())
        raise SettingsError(
            f"{path}:{_line_of_error(error, path)} {type(error).__name__}: {words}"
        ) from error


def _check_hash(source: str, actual: str, expected: str) -> None:
    if expected and actual != expected:
        raise SettingsError(
            f"{source}: has sha256 {actual}, and the run was begun with sha256 {expected}: the file changed, "
            "so this would be another run"
        )


def _known(key: str, sha256: str, path: Path) -> Extension | None:
    """What is loaded already, under this path or with this very content."""
    at_path = _LOADED.get(key)
    if at_path is not None and at_path.record.sha256 != sha256:
        raise SettingsError(
            f"{path}: changed since this process loaded it (sha256 {at_path.record.sha256} then, {sha256} "
            "now); start the program again"
        )
    return next((each for each in _LOADED.values() if each.record.sha256 == sha256), None)


def _identifier(stem: str) -> str:
    return re.sub(r"\W", "_", stem, flags=re.ASCII)


def _line_of_error(error: BaseException, path: Path) -> str:
    """` line 7:` of the file, where the mistake is in it."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f" line {error.lineno}:"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    return f" line {lines[-1]}:" if lines else ""


@contextmanager
def _nothing_of_ours_changes(path: Path) -> Iterator[None]:
    """Put back whatever is bound anew in our modules and tables, and refuse the file that did it."""
    names = {name: dict(vars(module)) for name, module in _own_modules()}
    tables = [(registry, dict(registry)) for registry in Registry.by_type.values()]
    changed: list[str] = []
    try:
        yield
    finally:
        for registry, rows in tables:
            if dict(registry) != rows:
                changed.append(f"the table of the {registry.kind}s")
                registry.clear()
                registry.update(rows)
        for name, module in _own_modules():
            before = names.get(name, {})
            for attribute, value in before.items():
                after = vars(module).get(attribute)
                # A room that is imported only now is bound to its name above it.
                if after is not value and not isinstance(after, ModuleType):
                    changed.append(f"{name}.{attribute}")
                    setattr(module, attribute, value)
    if changed:
        raise SettingsError(
            f"{path}: binds {', '.join(sorted(changed))} anew, which belongs to thermodepth; an extension "
            f"adds {_SHAPE} and changes nothing else"
        )


def _own_modules() -> list[tuple[str, ModuleType]]:
    return [
        (name, module)
        for name, module in list(sys.modules.items())
        if module is not None and (name == _OWN or name.startswith(f"{_OWN}."))
    ]


# --- packages ------------------------------------------------------------------------------------


def _is_package(text: str) -> bool:
    """Whether a text names an installed extension and no file."""
    return text.startswith(PACKAGE) or (
        not text.endswith(".py") and "/" not in text and text in installed_extensions()
    )


def _load_package(name: str, sha256: str) -> Extension:
    key = f"{PACKAGE}{name}"
    installed = installed_extensions()
    if name not in installed:
        raise SettingsError(
            f"{key}: no such extension is installed{nearest(name, installed)} (installed: "
            f"{', '.join(sorted(installed)) or 'none'})"
        )
    point = installed[name]
    if key in _LOADED:
        _check_hash(key, _LOADED[key].record.sha256, sha256)
        return _LOADED[key]
    with _nothing_of_ours_changes(Path(key)):
        try:
            module = importlib.import_module(point.module)
        except (Exception, SystemExit) as error:
            raise SettingsError(
                f"{key} ({point.value}): {type(error).__name__}: {' '.join(str(error).split())}"
            ) from error
    actual = _package_sha256(module, key)
    _check_hash(key, actual, sha256)
    declared: Any = module
    for attribute in (point.attr or ROWS).split("."):
        declared = getattr(declared, attribute, None)
    place = _Place(f"{key} ({point.value})", b"")
    record = ExtensionRecord(name=key, source=key, sha256=actual)
    return _join(key, record, _rows_in(declared, place), module, place)


def _package_sha256(module: ModuleType, key: str) -> str:
    """Of every .py file of the package that the module is of; of a module alone of its file."""
    root = sys.modules[module.__name__.partition(".")[0]]
    origin = getattr(root, "__file__", None)
    if origin is None:
        raise SettingsError(f"{key}: has no files whose content could be hashed")
    path = Path(origin)
    if not hasattr(root, "__path__"):
        return hashlib.sha256(read_bytes(path, limit=MOST_BYTES)).hexdigest()
    digest = hashlib.sha256()
    for file in sorted(path.parent.rglob("*.py")):
        content = read_bytes(file, limit=MOST_BYTES)
        digest.update(f"{file.relative_to(path.parent).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


# --- rows ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    """Where rows were declared, for messages."""

    source: str
    content: bytes

    def line(self, text: str = ROWS) -> str:
        """`FILE: line N`, of the first place where the text stands as a constant or is assigned to."""
        try:
            tree = ast.parse(self.content)
        except (SyntaxError, ValueError):
            return self.source
        lines = [
            node.lineno
            for node in ast.walk(tree)
            if (isinstance(node, ast.Constant) and node.value == text)
            or (isinstance(node, ast.Name) and node.id == text)
        ]
        return f"{self.source}: line {min(lines)}" if lines else self.source


def _rows_in(declared: object, place: _Place) -> tuple[Any, ...]:
    if declared is None:
        raise SettingsError(f"{place.source}: declares no rows; expected {_SHAPE}")
    if not isinstance(declared, list | tuple) or not declared:
        kind = "is empty" if isinstance(declared, list | tuple) else type(declared).__name__
        raise SettingsError(f"{place.line()}: {ROWS} {kind}, expected {_SHAPE}")
    for row in declared:
        if type(row) not in Registry.by_type:
            known = ", ".join(sorted(each.__name__ for each in Registry.by_type))
            raise SettingsError(
                f"{place.line()}: {ROWS} holds {type(row).__name__}, expected one of {known}"
            )
    return tuple(declared)


def _join(
    key: str, record: ExtensionRecord, rows: Sequence[Any], module: ModuleType, place: _Place
) -> Extension:
    """Let the rows join, or none of them."""
    joined: list[tuple[Registry[Any], str]] = []
    try:
        for row in rows:
            registry = Registry.by_type[type(row)]
            registry.check(row)
            registry.join(row, record.sha256)
            joined.append((registry, row.name))
    except SettingsError as error:
        for registry, row_name in reversed(joined):
            registry.leave(row_name)
        raise SettingsError(f"{place.line(str(row.name))}: {error}") from None
    extension = Extension(
        record=record,
        rows=tuple((registry.kind, row_name) for registry, row_name in joined),
        module=module,
    )
    _LOADED[key] = extension
    return extension
