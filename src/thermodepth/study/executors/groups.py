"""Which cells go into one process: those that can train in lockstep, as many as are allowed."""

from __future__ import annotations

import json
from collections.abc import Sequence

from thermodepth.study.cell import CellJob
from thermodepth.training.lockstep import shared_settings


def groups_of(jobs: Sequence[CellJob], *, most: int) -> list[list[CellJob]]:
    """Cells that train in lockstep: arms of one seed that are fed the same.

    Args:
        jobs: of one study, in the order in which they are wanted.
        most: cells of a group; 1 leaves every cell alone.

    Returns:
        The groups, in the order of their first cells.
    """
    groups: list[list[CellJob]] = []
    filling: dict[str, list[CellJob]] = {}  # by what its cells share
    for job in jobs:
        key = json.dumps(shared_settings(job.settings), sort_keys=True)
        if key not in filling or len(filling[key]) == most:
            filling[key] = []
            groups.append(filling[key])
        filling[key].append(job)
    return groups
