"""On what machines the cells of a study were trained, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from thermodepth.machine import processor_words


def machines_of(environments: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Devices, processors and threads of the cells, with how many had which where they differ.

    Numbers agree to the bit between cells of one kind only, so that a study of several says so.
    """
    devices = Counter(f"{e['device']}, {e['threads']} thread(s) a cell" for e in environments)
    processors = Counter(processor_words(e) for e in environments)
    kinds = max(len(devices), len(processors))
    facts = {"Device": _counted(devices), "Processor": _counted(processors)}
    if kinds > 1:
        facts["Same bits"] = (
            "no: cells of different devices, processors or threads differ in their last digits, as runs of "
            "other rounding do"
        )
    return facts


def _counted(kinds: Counter[str]) -> str:
    if len(kinds) == 1:
        return next(iter(kinds))
    return "; ".join(f"{words} ({count} cells)" for words, count in kinds.items())
