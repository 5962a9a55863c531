"""What a check says: how bad it is, how often, where, what it means and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

#: Names kept of one finding; the count is always complete.
MOST_NAMES = 200


class Severity(StrEnum):
    """How much a finding matters, worst first."""

    ERROR = "error"  # training or scoring on it gives wrong numbers, or stops
    WARNING = "warning"  # probably harmful: look before you train
    NOTE = "note"  # true and worth knowing; often meant so


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found, for all the frames that have it."""

    check: str  # its row in CHECKS
    severity: Severity
    title: str  # what was found, with figures, one line
    count: int  # how many frames, files or pairs
    total: int  # out of how many that were looked at
    names: tuple[str, ...]  # the first `MOST_NAMES` of them
    meaning: str  # what it does to a training or a score
    remedy: str  # what to do


def finding(
    check: str,
    severity: Severity,
    title: str,
    names: Sequence[str],
    *,
    total: int,
    meaning: str,
    remedy: str,
) -> Finding:
    """A finding over `names`; they are counted before they are cut short."""
    return Finding(
        check=check,
        severity=severity,
        title=title,
        count=len(names),
        total=total,
        names=tuple(names[:MOST_NAMES]),
        meaning=meaning,
        remedy=remedy,
    )
