"""Patterns of file names with fields: `{sequence}/thermal/{frame}.png`.

A field stands for any run of characters within one part of a path, `*` for any run that nobody asks for. A
pattern is walked folder by folder, so it costs what it can match and not what lies below the root. Nothing
outside the root is reached: not by `..`, not by an absolute path, not through a link.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from thermodepth.errors import DataError, SettingsError, unknown
from thermodepth.files import natural_order

FIELDS = ("sequence", "frame")
MOST_WILDCARDS = 6  # in one name: the time to match grows with their number as a power
MOST_FILES = 2_000_000  # of one kind: more are a pattern that catches what it should not


def check_pattern(pattern: str) -> None:
    """Refuse a pattern that leaves its root, or has a field that does not exist.

    Raises:
        ValueError: saying which part and why; settings report it with its key.
    """
    parts = _parts(pattern)
    if not pattern or pattern.startswith(("/", "~")) or "\\" in pattern or ":" in parts[0]:
        raise ValueError("expected a path relative to root with '/' between folders")
    if ".." in parts:
        raise ValueError("'..' would leave root; set root to the folder above")
    if any(len(re.findall(r"[*?{]", part)) > MOST_WILDCARDS for part in parts):
        raise ValueError(f"more than {MOST_WILDCARDS} fields and wildcards between two '/'")
    if "**" in pattern:
        raise ValueError("'**' is not read; write out the folders, with * for a name")
    for field in re.findall(r"\{([^{}]*)\}", pattern):
        if field not in FIELDS:
            raise ValueError(unknown("field", field, FIELDS))
    if re.search(r"[{}]", re.sub(r"\{[^{}]*\}", "", pattern)):
        raise ValueError("a brace without its partner")
    if "{frame}" not in pattern:
        raise ValueError("without {frame} no two kinds of files can be paired")


def find_files(root: Path, pattern: str, *, where: str) -> dict[tuple[str, str], str]:
    """`{(sequence, frame): path below root}` of all files of a pattern, in natural order.

    Without `{sequence}` in the pattern, the sequence is the empty name.

    Raises:
        DataError: when two files are one frame, there are too many, a link leads out of the root, or a
            folder cannot be read; `where` names the place that holds the pattern.
    """
    files: dict[tuple[str, str], str] = {}
    inside = root.resolve()
    for path, fields in _matches(root, _parts(pattern), {}, inside):
        key = fields.get("sequence", ""), fields["frame"]
        name = path.relative_to(root).as_posix()
        if (earlier := files.setdefault(key, name)) != name:
            raise DataError(
                f"{where}: '{earlier}' and '{name}' are both frame '{key[1]}' of sequence '{key[0]}'; "
                "catch what tells them apart as {sequence}"
            )
        if len(files) > MOST_FILES:
            raise DataError(f"{where}: '{pattern}' finds more than {MOST_FILES} files")
    return dict(sorted(files.items(), key=lambda item: tuple(map(_order, item[0]))))


def choose(name: str, patterns: Sequence[str]) -> bool:
    """Does a name fit one of the patterns, `*` standing for anything?"""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def inside_root(root: Path, name: str, *, where: str) -> Path:
    """A file below the root by its relative name.

    Raises:
        SettingsError: when it lies elsewhere.
    """
    path = root / name
    if PurePosixPath(name).is_absolute() or not path.resolve().is_relative_to(root.resolve()):
        raise SettingsError(f"{where}: '{name}' is not below root, {root}")
    return path


def _parts(pattern: str) -> tuple[str, ...]:
    return PurePosixPath(pattern).parts or ("",)


def _order(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    return natural_order(name), name


def _matches(
    folder: Path, parts: Sequence[str], fields: dict[str, str], inside: Path
) -> Iterator[tuple[Path, dict[str, str]]]:
    part, *remaining = parts
    expression = _expression(part, fields)
    try:
        children = sorted(folder.iterdir()) if expression else [folder / part]
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror or error})") from None
    for child in children:
        match = expression.fullmatch(child.name) if expression else None
        if (expression and not match) or not (child.is_dir() if remaining else child.is_file()):
            continue
        if child.is_symlink() and not child.resolve().is_relative_to(inside):
            raise DataError(
                f"{child}: a link that leads out of {inside}; set root to where it leads"
            )
        caught = {**fields, **(match.groupdict() if match else {})}
        if remaining:
            yield from _matches(child, remaining, caught, inside)
        else:
            yield child, caught


def _expression(part: str, fields: dict[str, str]) -> re.Pattern[str] | None:
    """A part of a path as a regular expression; None where it is a plain name.

    Hidden files are no data. A field that was caught already stands for what it caught.
    """
    if not re.search(r"[{*?]", part):
        return None
    text, caught = "", dict.fromkeys(fields, True)
    for token in re.split(r"(\{\w+\}|\*|\?)", part):
        if token == "*":
            text += ".*"
        elif token == "?":
            text += "."
        elif token.startswith("{"):
            name = token[1:-1]
            if name in fields:
                text += re.escape(fields[name])
            else:
                text += f"(?P={name})" if name in caught else f"(?P<{name}>.+)"
            caught[name] = True
        else:
            text += re.escape(token)
    return re.compile(rf"(?!\.){text}")
