"""What readers of published sets share: options of a spec, lists of sequences, numbered files, stamps."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.errors import DataError, unknown
from thermodepth.thermal import Margins
from thermodepth.yaml_files import decoded, read_bounded

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAX_LIST_BYTES = 4_000_000
_SEQUENCE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")


def split_options(path: Path, allowed: Collection[str]) -> tuple[Path, dict[str, str]]:
    """`ROOT?name=value&name=value` as the root and its options.

    Raises:
        DataError: for an option that does not exist, is given twice or has no value.
    """
    text, mark, tail = str(path).rpartition("?")
    if not mark or path.exists():  # a folder may well have a question mark in its name
        return path, {}
    options: dict[str, str] = {}
    for part in tail.split("&"):
        name, equals, value = part.partition("=")
        if name not in allowed:
            raise DataError(f"{path}: {unknown('option', name, allowed)}")
        if not equals or not value or name in options:
            raise DataError(f"{path}: expected '{name}=VALUE' once, got '{part}'")
        options[name] = value
    return Path(text), options


def whole_number(options: Mapping[str, str], name: str, *, default: int) -> int:
    """An option that counts, from 1.

    Raises:
        DataError: for anything else.
    """
    text = options.get(name, str(default))
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise DataError(f"option {name}={text}: expected a whole number from 1")
    return int(text)


def decimal_between(
    options: Mapping[str, str], name: str, *, default: float, low: float, high: float
) -> float:
    """An option that is a number within two ends.

    Raises:
        DataError: for anything else.
    """
    text = options.get(name)
    if text is None:
        return default
    value = float(text) if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text) else float("nan")
    if not low < value < high:
        raise DataError(f"option {name}={text}: expected a number between {low:g} and {high:g}")
    return value


def margins_to_drop(options: Mapping[str, str]) -> Margins | None:
    """The option `drop=bottom=2`: rows and columns of the thermal frames that are no picture.

    Raises:
        SettingsError: for sides or numbers that cannot be.
    """
    return Margins.of_text(options["drop"], "option drop") if "drop" in options else None


def folder_of(path: Path | None, name: str, holds: str) -> Path:
    """The folder that was given.

    Raises:
        DataError: without one, or where there is none; `holds` says what it should hold.
    """
    if path is None:
        raise DataError(f"{name} needs a folder: --data {name}:PATH")
    if not path.is_dir():
        raise DataError(f"{path}: no such folder; give the one that holds {holds}")
    return path


def read_sequence_list(path: Path) -> tuple[str, ...]:
    """One name of a sequence a line; the last line counts whether or not it ends in a newline.

    Raises:
        DataError: naming the file and line for what is no plain name, or stands there twice.
    """
    names: dict[str, int] = {}
    for number, line in enumerate(_lines(path), start=1):
        name = line.strip().rstrip("/")
        if not name:
            continue
        if not _SEQUENCE.fullmatch(name):
            raise DataError(f"{path}, line {number}: '{name[:80]}' is not the name of a sequence")
        if name in names:
            raise DataError(f"{path}, line {number}: '{name}' stands in line {names[name]} already")
        names[name] = number
    return tuple(names)


def numbered(folder: Path, suffix: str = ".png") -> dict[int, str]:
    """`{frame number: file name}` of files such as `000012.png`, in the order of their numbers.

    Raises:
        DataError: when two files have one number, or the folder cannot be read.
    """
    files: dict[int, str] = {}
    pattern = re.compile(r"([0-9]{1,12})" + re.escape(suffix), re.IGNORECASE)
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror or error})") from None
    for name in names:
        if match := pattern.fullmatch(name):
            earlier = files.setdefault(int(match[1]), name)
            if earlier != name:
                raise DataError(
                    f"{folder}: {earlier} and {name} are both frame {int(match[1])}; keep one"
                )
    return dict(sorted(files.items()))


def read_numbers(path: Path, *, count: int | None = None) -> NDArray[np.float64]:
    """All numbers of a text file, in order.

    Raises:
        DataError: naming the file for what is no finite number, or not `count` of them.
    """
    tokens = " ".join(_lines(path)).replace(",", " ").split()
    try:
        values = np.array([float(token) for token in tokens])
    except ValueError:
        values = np.array([np.nan])
    if not np.isfinite(values).all() or (count is not None and len(values) != count):
        raise DataError(f"{path}: expected {count or 'only'} finite numbers")
    return values


def read_stamps_s(
    path: Path, numbers: Sequence[int], *, unit_s: Decimal, first: int = 0
) -> dict[int, Decimal]:
    """`{frame number: seconds}` from a file with a line a frame.

    Lines go with the frames in order where there are as many; else, as in a cut-out of a recording, the
    first line is the frame of number `first`, and so on.

    Raises:
        DataError: naming the file and line that is no number, or when lines are too few.
    """
    stamps: list[Decimal] = []
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            stamp = Decimal(line.split()[0])
        except InvalidOperation:
            stamp = Decimal("nan")
        if not stamp.is_finite():
            raise DataError(f"{path}, line {number}: '{line.strip()[:40]}' is not a time")
        stamps.append(stamp * unit_s)
    if len(stamps) == len(numbers):
        return dict(zip(numbers, stamps, strict=True))
    if numbers and not first <= numbers[0] <= numbers[-1] < first + len(stamps):
        raise DataError(
            f"{path}: {len(stamps)} times for {len(numbers)} frames, {numbers[0]} to {numbers[-1]}; "
            "copy it again, or remove it to go without times"
        )
    return {number: stamps[number - first] for number in numbers}


def first_names(names: Sequence[str], *, room: int = 1) -> str:
    """The first names, and how many more there are."""
    remaining = len(names) - room
    return ", ".join(names[:room]) + (f" and {remaining} more" if remaining > 0 else "")


def _lines(path: Path) -> list[str]:
    return decoded(read_bounded(path, limit=_MAX_LIST_BYTES), str(path)).splitlines()
