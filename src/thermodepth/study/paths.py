"""Where the files of a study lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from thermodepth.study.design import Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFolder:
    """The places of a study."""

    path: Path

    def cell(self, cell: Cell) -> Path:
        """A cell's own folder."""
        return self.path / "cells" / cell.name

    def baseline(self, arm: str) -> Path:
        """The rows of a baseline."""
        return self.path / "baselines" / f"{arm.replace(' ', '-')}.parquet"

    @property
    def baseline_key(self) -> Path:
        """What the baselines' rows were made from."""
        return self.path / "baselines" / "key.json"

    @property
    def labels(self) -> Path:
        """Where the teacher's labels are kept."""
        return self.path / "labels"

    @property
    def teachers(self) -> Path:
        """What the teachers' labels are worth beside blind maps."""
        return self.path / "teachers.json"

    @property
    def record(self) -> Path:
        """What the study is."""
        return self.path / "study.json"
