"""Two folders of outputs, file by file: which differ, and in which lines first.

Texts are compared line by line after `normalise`, everything else by its bytes. Words that change on purpose
stand in a list of `old => new` lines; they are put into the texts of the first folder before it is compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

TEXTS = frozenset({".css", ".csv", ".html", ".json", ".md", ".svg", ".tex", ".toml", ".txt"})
#: What no two runs have in common.
_VOLATILE = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?"), "TIME"),
    (re.compile(r"\b\d+(\.\d+)? (images|frames|pixels|cells)/s"), r"RATE \2/s"),
    (re.compile(r"\b\d+:\d\d(:\d\d)?\b(?= left)"), "TIME"),
)
_MOST_DIFFERENCES = 3  # of a file, that are printed
_AROUND = 70  # characters before and after the first that differs


@dataclass(frozen=True, slots=True)
class Rewording:
    """Words that change on purpose."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class FileDifference:
    """A file that differs, and how: lines for a person."""

    name: str
    details: tuple[str, ...]


def read_rewordings(path: Path) -> list[Rewording]:
    """`old => new`, one a line; empty lines and lines with `#` first are left out. `new` may be empty.

    Raises:
        ValueError: naming the line, for one without ` =>`, or without old words.
    """
    rewordings = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        old, arrow, new = line.partition(" =>")
        if not arrow or not old:
            raise ValueError(f"{path}, line {number}: {line!r}, expected `old words => new words`")
        rewordings.append(Rewording(old, new.removeprefix(" ")))
    return rewordings


def normalise(text: str, replacements: Mapping[str, str]) -> str:
    """The text without times and rates, and with other words for paths (longest first)."""
    for literal in sorted(replacements, key=len, reverse=True):
        text = text.replace(literal, replacements[literal])
    for pattern, word in _VOLATILE:
        text = pattern.sub(word, text)
    return text


def reword(text: str, rewordings: Sequence[Rewording]) -> tuple[str, set[Rewording]]:
    """The text in the new words, and which of them it had."""
    used = set()
    for rewording in rewordings:
        if rewording.old in text:
            used.add(rewording)
            text = text.replace(rewording.old, rewording.new)
    return text, used


def compare_folders(
    before: Path,
    after: Path,
    *,
    rewordings: Sequence[Rewording] = (),
    before_replacements: Mapping[str, str] | None = None,
    after_replacements: Mapping[str, str] | None = None,
) -> tuple[list[FileDifference], set[Rewording]]:
    """Every file that differs or that only one of both folders has, and the rewordings that were met."""
    before_names, after_names = _names(before), _names(after)
    differences: list[FileDifference] = []
    used: set[Rewording] = set()
    for name in sorted(before_names | after_names):
        if name not in after_names:
            differences.append(FileDifference(name, ("only BEFORE writes it",)))
        elif name not in before_names:
            differences.append(FileDifference(name, ("only AFTER writes it",)))
        else:
            old, new = (before / name).read_bytes(), (after / name).read_bytes()
            if Path(name).suffix not in TEXTS:
                if old != new:
                    differences.append(FileDifference(name, (_of_bytes(old, new),)))
                continue
            text, met = reword(_text(old), rewordings)
            used |= met
            lines = list(
                _of_texts(
                    normalise(text, before_replacements or {}),
                    normalise(_text(new), after_replacements or {}),
                )
            )
            if lines:
                differences.append(FileDifference(name, tuple(lines)))
    return differences, used


def _names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def _text(content: bytes) -> str:
    return content.decode("utf-8", "backslashreplace")


def _of_bytes(old: bytes, new: bytes) -> str:
    first = next(
        (n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b),
        min(len(old), len(new)),
    )
    return f"{len(old)} and {len(new)} bytes, the first that differs is number {first}"


def _of_texts(old: str, new: str) -> Iterator[str]:
    """The first lines that differ, and how many more."""
    if old == new:
        return
    pairs = zip_longest(old.split("\n"), new.split("\n"))
    unequal = [(n, a, b) for n, (a, b) in enumerate(pairs, 1) if a != b]
    for number, one, other in unequal[:_MOST_DIFFERENCES]:
        start = _first_difference(one or "", other or "")
        yield f"line {number}:"
        yield f"  - {_excerpt(one, start)}"
        yield f"  + {_excerpt(other, start)}"
    if (more := len(unequal) - _MOST_DIFFERENCES) > 0:
        yield f"and {more} more lines"


def _first_difference(one: str, other: str) -> int:
    return next(
        (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )


def _excerpt(line: str | None, start: int) -> str:
    if line is None:
        return "(no such line)"
    low, high = max(0, start - _AROUND), start + _AROUND
    return ("…" if low else "") + line[low:high] + ("…" if high < len(line) else "")
