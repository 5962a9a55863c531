"""Where the numbers of a study come from: what each arm edits, and what every cell was."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from thermodepth.report.table import Cell, Column, Table
from thermodepth.study.arm import ArmLabel
from thermodepth.study.results.cells import CellRecord


def cells_table(cells: Sequence[CellRecord]) -> Table:
    """A line a cell, as they are given."""
    return Table(
        title="Every cell",
        columns=(
            Column(label="Arm", align="left"),
            Column(label="Seed"),
            Column(label="State", align="left"),
            Column(label="Seconds", digits=0),
            Column(label="Fingerprint", align="left"),
            Column(label="Device", align="left"),
            Column(label="Processor", align="left"),
            Column(label="Threads"),
            Column(label="First weights", align="left"),
            Column(label="Batches", align="left"),
        ),
        rows=tuple(
            (
                c.arm,
                c.seed,
                c.state,
                c.seconds,
                c.fingerprint,
                c.device,
                c.processor,
                c.threads,
                c.first_weights,
                c.batches,
            )
            for c in cells
        ),
        notes=(
            "First weights and batches are digests: all arms of a seed have the same but those that edit the "
            "network or the data, or the study would not have been written. Seconds: of training, over all "
            "stretches of a run that was interrupted.",
        ),
    )


def edits_table(
    arms: Sequence[ArmLabel],
    reference: str,
    edits: Mapping[str, Mapping[str, tuple[Any, Any]]],
) -> Table:
    """What each arm changes in the settings: arm -> {dotted setting: (the reference's, the arm's)}."""
    lines: list[tuple[Cell, ...]] = []
    for arm in arms:
        changed = edits.get(arm.name, {})
        lines += [
            (arm.title, path, _plain(old), _plain(new)) for path, (old, new) in changed.items()
        ]
        if not changed:
            none = "(the reference)" if arm.name == reference else "(nothing)"
            lines.append((arm.title, none, "", ""))
    return Table(
        title="What each arm changes in the settings",
        columns=tuple(
            Column(label=label, align="left")
            for label in ("Configuration", "Setting", "Reference", "Arm")
        ),
        rows=tuple(lines),
    )


def _plain(value: Any) -> str:
    """A setting as it stands in a settings file."""
    return value if isinstance(value, str) else json.dumps(value)
