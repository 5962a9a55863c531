"""Which change buys which part of the error: questions by parts of the ledger.

The parts of RMSElog^2 (docs/ledger.md) are worked out for each arm and seed over all frames, and every
question is asked of each: its contrast over arms under each seed, in percent of the reference's whole
RMSElog^2, so that a line adds up to the change of the whole. The intervals are over seeds alone: three of the
parts are not means over images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from thermodepth.errors import DataError
from thermodepth.evaluation.results.ledger import log_ledger
from thermodepth.report.table import Cell, Column, Table
from thermodepth.study.analysis.comparison import ONE_RUN
from thermodepth.study.analysis.crossed import estimate
from thermodepth.study.analysis.labels import signed
from thermodepth.study.analysis.questions import Question

WHOLE = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The change of one part under one question."""

    percent: float  # of the reference's mean RMSElog^2
    interval: tuple[float, float] | None  # 95 % over seeds; None with one seed

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.interval is not None and not self.interval[0] <= 0.0 <= self.interval[1]


def ledger_matrix(
    rows: pa.Table, questions: Sequence[Question], *, reference: str
) -> dict[str, Mapping[str, Entry]]:
    """Question -> part -> change. Questions about an arm without results are left out.

    Raises:
        DataError: for a reference without results, or rows without the ledger's metrics.
    """
    parts: dict[str, dict[int, dict[str, float]]] = {}
    for (arm, seed), ledger in log_ledger(rows).items():
        parts.setdefault(arm, {})[seed] = {**ledger.parts, WHOLE: ledger.total}
    if reference not in parts:
        raise DataError(f"no ledger of the reference arm '{reference}'")
    matrix: dict[str, Mapping[str, Entry]] = {}
    for question in questions:
        if any(arm not in parts for arm in question.arms):
            continue
        arms = (*question.arms, reference)
        seeds = sorted(set.intersection(*(set(parts[arm]) for arm in arms)))
        if not seeds:
            continue
        whole = float(np.mean([parts[reference][seed][WHOLE] for seed in seeds]))
        line = {}
        for part in parts[reference][seeds[0]]:
            by_seed = [
                100.0
                * sum(question.weights[arm] * parts[arm][seed][part] for arm in question.arms)
                / whole
                for seed in seeds
            ]
            found = estimate(np.array(by_seed)[:, None], [""])
            interval = found.interval(scope="seeds") if len(seeds) > 1 else None
            line[part] = Entry(percent=found.value, interval=interval)
        matrix[question.title] = line
    return matrix


def matrix_table(matrix: Mapping[str, Mapping[str, Entry]], *, reference: str) -> Table:
    """A line a question, a column a part; bold where the interval over seeds leaves out 0."""
    names = list(next(iter(matrix.values()), {}))
    lines: list[tuple[Cell, ...]] = []
    bold: set[tuple[int, int]] = set()
    for number, (title, line) in enumerate(matrix.items()):
        cells: list[Cell] = [title]
        for place, name in enumerate(names, 1):
            entry = line[name]
            text = signed(entry.percent)
            if entry.interval is not None:
                text += f" [{signed(entry.interval[0])}, {signed(entry.interval[1])}]"
            cells.append(text)
            if entry.is_clear:
                bold.add((number, place))
        lines.append(tuple(cells))
    return Table(
        title="What each change buys, part by part of the error",
        columns=(
            Column(label="Question", align="left"),
            *(Column(label=name.replace("_", " ")) for name in names),
        ),
        rows=tuple(lines),
        notes=(
            f"Change of each part of RMSElog² in percent of {reference}'s whole RMSElog²; a line adds up to "
            f"its last column. {_brackets(matrix)} Below 0 is less error.",
        ),
        bold=frozenset(bold),
    )


def _brackets(matrix: Mapping[str, Mapping[str, Entry]]) -> str:
    entries = [entry for line in matrix.values() for entry in line.values()]
    if all(entry.interval is None for entry in entries):
        return f"{ONE_RUN.capitalize()}, so there are no intervals."
    return "Brackets: 95 % over seeds on this test set; bold where they leave out 0."
