"""What the computing of a cell is sent, and what it tells on its way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from thermodepth.teacher import LabelStore
from thermodepth.training.loop import Progress
from thermodepth.training.settings import TrainingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class CellJob:
    """Everything that the computing of a cell needs; small enough to be sent to a process."""

    study: str
    name: str  # Cell.name
    arm: str
    seed: int
    settings: TrainingSettings
    scored_on: str  # spec of the study's data set; what is trained on stands in the settings
    folder: Path
    labels: LabelStore  # that these settings ask for
    working_folder: str  # what relative paths in settings and data spec start from

    @property
    def study_folder(self) -> Path:
        """Of which the cell's is `cells/ARM/seed-N`."""
        return self.folder.parents[2]


#: How the computing of a cell goes on and ends.
Stage = Literal["submitted", "training", "predicting", "done", "failed", "interrupted", "elsewhere"]
ENDINGS: tuple[Stage, ...] = ("done", "failed", "interrupted", "elsewhere")


@dataclass(frozen=True, slots=True, kw_only=True)
class CellNews:
    """What a cell tells its study."""

    name: str
    progress: Progress | None = None
    stage: Stage
    message: str = ""  # of a failure


Tell = Callable[[CellNews], None]
