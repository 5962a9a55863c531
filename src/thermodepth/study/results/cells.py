"""What became of every cell of a study folder, read back from its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thermodepth.checksums import read_record
from thermodepth.errors import DataError, SettingsError, StudyError
from thermodepth.machine import processor_words
from thermodepth.study.cell_facts import FACTS, cell_facts
from thermodepth.study.end_shares import shares_in
from thermodepth.study.run import StudyState
from thermodepth.training.diagnostics.shares import GradientShares

_ENVIRONMENT = ("thermodepth", "revision", "python", "packages", "device", "threads")


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRecord:
    """One training of the study. A cell without results has its arm, seed and state alone."""

    arm: str
    seed: int
    state: str  # "done", or what became of it, such as "diverged at step 412: ..."
    seconds: float | None = None  # of the training
    fingerprint: str = ""  # of settings, data, labels, protocol
    device: str = ""
    processor: str = ""
    threads: int | None = None
    labels: str = ""  # digests; equal for all arms of a seed that edit nothing of it
    first_weights: str = ""
    batches: str = ""
    frames: int = 0  # scored
    skipped: tuple[str, ...] = ()  # frames with too little truth in range
    environment: Mapping[str, Any] | None = None  # versions, device, threads
    shares: GradientShares | None = None  # of the loss terms; earlier versions did not note them


def cell_records(state: StudyState) -> tuple[CellRecord, ...]:
    """Those with results, then those without and why.

    Raises:
        StudyError, DataError: when a finished cell's files are missing or damaged.
    """
    records = []
    for cell in state.done:
        folder = state.folder.cell(cell)
        facts = cell_facts(folder)
        environment = environment_of(folder)
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
                labels=facts["labels"],
                first_weights=facts["first_weights"],
                batches=facts["batches"],
                frames=facts["frames"],
                skipped=tuple(facts["skipped"]),
                environment=environment,
                shares=_shares(facts, folder),
            )
        )
    without = [(cell, failure.line()) for cell, failure in state.failed]
    without += [(cell, reason or "not computed") for cell, reason in state.open]
    records += [CellRecord(arm=c.arm.name, seed=c.seed, state=why) for c, why in without]
    return tuple(records)


def _shares(facts: dict[str, Any], cell: Path) -> GradientShares | None:
    try:
        return shares_in(facts, str(cell / FACTS))
    except SettingsError as error:
        raise StudyError(f"{error}; delete {cell} and run again") from None


def environment_of(cell: Path) -> dict[str, Any]:
    """Versions, device and threads of a finished cell.

    Raises:
        StudyError: naming the file, when it is missing or damaged.
    """
    path = cell / "environment.json"
    try:
        environment = read_record(path)
    except DataError as error:
        raise StudyError(f"{error}; delete {cell} and run again") from None
    missing = [name for name in _ENVIRONMENT if name not in environment]
    if missing or not isinstance(environment["packages"], dict):
        raise StudyError(
            f"{path}: damaged, without {', '.join(missing or ['packages'])}; delete {cell} and run again"
        )
    return environment
