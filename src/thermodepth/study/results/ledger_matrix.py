"""Which change buys which part of the error: questions by parts of the ledger.

The parts of RMSElog^2 (docs/ledger.md) are worked out for each arm and seed over all frames, and every
question is asked of each: its contrast over arms under each seed, in percent of the whole RMSElog^2 of the
reference, or of the question's own base, so that a line adds up to the change of the whole. The intervals
are over seeds alone: three of the parts are not means over images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from thermodepth.errors import DataError
from thermodepth.evaluation.results.ledger import log_ledger
from thermodepth.statistics.questions import Question
from thermodepth.statistics.two_way import estimate

WHOLE = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartChange:
    """The change of one part under one question."""

    percent: float  # of the reference's mean RMSElog^2
    interval: tuple[float, float] | None  # 95 % over seeds; None with one seed

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.interval is not None and not self.interval[0] <= 0.0 <= self.interval[1]


def ledger_matrix(
    rows: pa.Table, questions: Sequence[Question], *, reference: str
) -> dict[str, Mapping[str, PartChange]]:
    """Question -> part -> change. Questions about an arm without results are left out.

    Raises:
        DataError: for a reference without results, or rows without the ledger's metrics.
    """
    parts: dict[str, dict[int, dict[str, float]]] = {}
    for (arm, seed), ledger in log_ledger(rows).items():
        parts.setdefault(arm, {})[seed] = {**ledger.parts, WHOLE: ledger.total}
    if reference not in parts:
        raise DataError(f"no ledger of the reference arm '{reference}'")
    matrix: dict[str, Mapping[str, PartChange]] = {}
    for question in questions:
        if any(arm not in parts for arm in question.arms):
            continue
        base = question.base or reference
        arms = (*question.arms, base)
        seeds = sorted(set.intersection(*(set(parts[arm]) for arm in arms)))
        if not seeds:
            continue
        whole = float(np.mean([parts[base][seed][WHOLE] for seed in seeds]))
        line = {}
        for part in parts[base][seeds[0]]:
            by_seed = [
                100.0
                * sum(question.weights[arm] * parts[arm][seed][part] for arm in question.arms)
                / whole
                for seed in seeds
            ]
            change = estimate(np.array(by_seed)[:, None], [""])
            interval = change.interval(scope="seeds") if len(seeds) > 1 else None
            line[part] = PartChange(percent=change.value, interval=interval)
        matrix[question.title] = line
    return matrix
