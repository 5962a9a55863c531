"""Between a study and those that compute its cells: what they are sent, what they tell, and what they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

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
    scored_split: str  # of that data set
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


class Executor(Protocol):
    """Computes cells."""

    def run(self, jobs: Sequence[CellJob], tell: Tell) -> None:
        """Bring the jobs as far as they come; afterwards each cell's folder says how it ended.

        A cell that fails does not stop the others, and is not tried again.

        Args:
            jobs: cells that are missing, in the order in which they are wanted.
            tell: hears how they go on, as often as the executor learns of it.

        Raises:
            KeyboardInterrupt: when it was asked to stop, with a message for the person where cells go
                on without this process.
        """
        ...
