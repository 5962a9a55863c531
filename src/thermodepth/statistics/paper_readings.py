"""Readings of the paper's loss: which arms of a study play its five configurations, and what is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from thermodepth.errors import SettingsError
from thermodepth.statistics.paper_table import ALL_LOSSES, PAPER_TABLE, PaperRow
from thermodepth.statistics.questions import NAME, Question

CHANGED = PAPER_TABLE[1:]  # the configurations that have a change


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperReading:
    """One way to understand the paper's loss."""

    name: str
    title: str  # short, for tables
    arms: Mapping[str, str]  # the paper's configuration, by its name in `PAPER_TABLE` -> arm

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise SettingsError(f"reading name '{self.name}', expected a-z, 0-9 and dashes")
        missing = {row.arm for row in PAPER_TABLE} ^ set(self.arms)
        if missing:
            raise SettingsError(
                f"reading '{self.name}': configurations {', '.join(sorted(self.arms))}, expected "
                f"{', '.join(row.arm for row in PAPER_TABLE)}"
            )

    @property
    def base(self) -> str:
        """The arm with all losses."""
        return self.arms[ALL_LOSSES]

    def question(self, row: PaperRow) -> Question:
        """What a configuration changes in this reading."""
        return Question(
            name=f"reading {self.name}: {row.arm}",
            title=f"{self.title}: {row.title}",
            weights={self.arms[row.arm]: 1.0, self.base: -1.0},
            kind="reading",
            base=self.base,
        )

    def questions(self) -> tuple[Question, ...]:
        """The four changes."""
        return tuple(self.question(row) for row in CHANGED)
