"""What an executor is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from thermodepth.study.cell import CellJob, Tell


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
