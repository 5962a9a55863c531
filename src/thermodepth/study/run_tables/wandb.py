"""The CSV that a W&B project's table of runs downloads: a row a run.

    "Name","State","Notes","User","Tags","Created","Runtime","Sweep","lr","seed","eval/abs_rel"

Behind W&B's own columns stand the run's configuration and its summary, and nothing tells the two apart: every
column is a setting, and every one that holds numbers may be a metric too.
"""

from __future__ import annotations

from pathlib import Path

from thermodepth.study.run_tables.run import (
    LoggedRun,
    RunExport,
    number_of,
    read_cells,
    read_header,
)

PROGRAM = "W&B's table of runs"
_OWN = ("Name", "State", "Created", "Runtime")  # in every export; the others can be hidden
#: Of W&B itself, which are no metric even where they are numbers.
_NO_METRIC = frozenset(
    {*_OWN, "ID", "Agent", "Notes", "User", "Tags", "Sweep", "Group", "Job Type", "Hostname", "GPU Count"}
)  # fmt: skip
_ENDED = "finished"


def recognises(path: Path) -> bool:
    """Whether the file's header is that of such a table."""
    if not path.is_file() or path.suffix.lower() != ".csv":
        return False
    header = read_header(path)
    return "Name" in header and "State" in header and bool({"Created", "Runtime"} & set(header))


def read_runs(path: Path) -> RunExport:
    """Every run of the table.

    Raises:
        DataError: for a file that is no whole CSV.
    """
    header, rows = read_cells(path)
    runs = []
    for row in rows:
        cells = dict(zip(header, row, strict=True))
        numbers = {
            name: value
            for name, cell in cells.items()
            if name not in _NO_METRIC and (value := number_of(cell)) is not None
        }
        state = cells["State"].strip().casefold()
        runs.append(
            LoggedRun(
                name=cells["Name"],
                settings={name: cell for name, cell in cells.items() if cell.strip()},
                metrics=numbers,
                unfinished="" if state in (_ENDED, "") else state,
            )
        )
    return RunExport(program=PROGRAM, path=path, runs=tuple(runs), settings_are_own=False)
