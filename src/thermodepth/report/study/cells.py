"""What became of every cell of a study folder, for the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from thermodepth.checksums import read_record
from thermodepth.machine import processor_words
from thermodepth.report.study.provenance import CellRecord
from thermodepth.study.cell import cell_facts
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
        threads = environment.get("threads")
        records.append(
            CellRecord(
                arm=cell.arm.name,
                seed=cell.seed,
                state="done",
                seconds=facts["seconds"],
                fingerprint=str(facts.get("fingerprint", facts.get("identity", ""))),
                device=str(environment.get("device", "")),
                processor=processor_words(environment),
                threads=threads if isinstance(threads, int) else None,
                first_weights=facts["first_weights"],
                batches=facts["batches"],
            )
        )
    left = [(cell, failure.line()) for cell, failure in state.failed]
    left += [(cell, reason or "not computed") for cell, reason in state.open]
    return records + [CellRecord(arm=c.arm.name, seed=c.seed, state=why) for c, why in left]


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
