"""What became of every cell of a study folder, for the page."""

from __future__ import annotations

from thermodepth.checksums import read_record
from thermodepth.study.cell import cell_facts
from thermodepth.study.page.provenance import CellRecord
from thermodepth.study.run import StudyState


def cell_records(state: StudyState) -> list[CellRecord]:
    """Those with results, then those without and why.

    Raises:
        StudyError, DataError: when a finished cell's files are missing or damaged.
    """
    records = []
    for cell in state.done:
        folder = state.folder.cell(cell)
        facts = cell_facts(folder)
        remedy = f"delete {folder} and run again"
        environment = read_record(folder / "environment.json", remedy=remedy)
        records.append(
            CellRecord(
                arm=cell.arm.name,
                seed=cell.seed,
                state="done",
                seconds=facts["seconds"],
                fingerprint=str(facts.get("fingerprint", facts.get("identity", ""))),
                device=str(environment.get("device", "")),
                first_weights=facts["first_weights"],
                batches=facts["batches"],
            )
        )
    left = [(cell, failure.line()) for cell, failure in state.failed]
    left += [(cell, reason or "not computed") for cell, reason in state.open]
    return records + [CellRecord(arm=c.arm.name, seed=c.seed, state=why) for c, why in left]
