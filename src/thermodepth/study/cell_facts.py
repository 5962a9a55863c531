"""What a cell's folder says of it: `cell.json` of a finished one, and what its training took."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from thermodepth.checksums import read_record
from thermodepth.errors import DataError, StudyError
from thermodepth.training.run_folder import is_duration, seconds_in, training_seconds

FACTS = "cell.json"
_FACTS: dict[str, Callable[[Any], bool]] = {
    "labels": lambda value: isinstance(value, str),
    "first_weights": lambda value: isinstance(value, str),
    "batches": lambda value: isinstance(value, str),
    "seconds": is_duration,
    "frames": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "skipped": lambda value: isinstance(value, list) and all(isinstance(v, str) for v in value),
}


def cell_facts(folder: Path) -> dict[str, Any]:
    """What a finished cell says of itself: seconds, frames, skipped, labels, first weights, batches.

    Raises:
        StudyError: when the file is missing or damaged.
    """
    path = folder / FACTS
    try:
        facts = read_record(path)
    except DataError as error:
        raise StudyError(f"{error}; delete {folder} and run again") from None
    for name, is_right in _FACTS.items():
        if not is_right(facts.get(name)):
            raise StudyError(
                f"{path}: damaged, {name} is {facts.get(name)!r:.80}; delete {folder} and run again"
            )
    return facts


def known_seconds(folder: Path) -> float | None:
    """What the training of a cell took so far, over all of its stretches; None where nobody noted it."""
    seconds = training_seconds(folder)
    # Earlier versions wrote them into the finished cell alone.
    return seconds if seconds is not None else seconds_in(folder / FACTS)
