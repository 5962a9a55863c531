"""Everything that is computed of an evaluation, once: what is printed of it is a projection of this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.results.expected_error import ExpectedErrors
from thermodepth.evaluation.results.frame_values import MapChoice, PerRun
from thermodepth.evaluation.results.guesser_comparison import (
    GuesserComparison,
    compare_with_guessers,
)
from thermodepth.evaluation.results.ledger import (
    LogLedger,
    MetricLedger,
    log_ledger,
    metric_ledger,
    over_seeds,
)
from thermodepth.evaluation.results.map_means import MapMeans, ScoredMap
from thermodepth.evaluation.results.picked import PickedFrame, pick_frames
from thermodepth.evaluation.results.record import EvaluationRecord
from thermodepth.evaluation.results.stability import ScaleStability, scale_stability
from thermodepth.evaluation.rows.rows import WHOLE_FRAME

SHOWN_SCORES = ("abs_rel", "rmse")  # metrics beside the pictures of a frame


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EvaluationFindings:
    """The numbers of an evaluation."""

    protocol: Protocol
    means: MapMeans
    comparisons: Mapping[ScoredMap, GuesserComparison]  # of each map with the guessers
    #: Of the metric maps, under their natural alignment: all that are pictures under one alignment.
    stability: PerRun[ScaleStability]
    ledger: PerRun[LogLedger]
    metric_ledger: PerRun[MetricLedger]
    structure_ledger: PerRun[LogLedger] | None  # None where no structural head was scored
    expected: ExpectedErrors
    picked: tuple[PickedFrame, ...]  # by the error of the first map
    #: Frame that was picked -> map -> metric of SHOWN_SCORES -> value, each map as it is shown.
    picked_scores: Mapping[str, Mapping[ScoredMap, Mapping[str, float]]]

    @classmethod
    def from_record(cls, record: EvaluationRecord) -> Self:
        """Compute them.

        Raises:
            DataError: for arms that were not scored on the same pixels, or rows without what a ledger needs.
        """
        means = MapMeans.from_record(record)
        averaging = record.protocol.averaging
        choice = MapChoice(alignment=means.natural(means.metric_maps[0]))
        has_structure = any((m.head, m.against) == ("structure", "truth") for m in means.maps)
        first = means.maps[0]
        picked = pick_frames(record.maps, arm=first.arm, alignment=means.shown_alignment(first))
        return cls(
            protocol=record.protocol,
            means=means,
            comparisons=compare_with_guessers(means),
            stability=scale_stability(record.pictured, choice),
            ledger=log_ledger(record.pictured, choice, averaging=averaging),
            metric_ledger=metric_ledger(record.pictured, choice, averaging=averaging),
            structure_ledger=log_ledger(
                record.maps,
                MapChoice(head="structure", alignment="affine_inverse"),
                averaging=averaging,
            )
            if has_structure
            else None,
            expected=ExpectedErrors.from_record(record),
            picked=picked,
            picked_scores={
                frame.sample_id: _frame_scores(record.maps, frame.sample_id, means)
                for frame in picked
            },
        )

    @property
    def maps(self) -> tuple[ScoredMap, ...]:
        """Metric maps in the order of the rows, then structural ones, the teacher last."""
        return self.means.maps

    def ledger_parts(self) -> dict[str, dict[str, float]]:
        """arm -> part -> its share of the mean square of ln p - ln d, over seeds, of metric maps."""
        return {
            arm: {name.replace("_", " "): value for name, value in ledger.parts.items()}
            for arm, ledger in over_seeds(self.ledger).items()
        }


def _frame_scores(
    rows: pa.Table, sample_id: str, means: MapMeans
) -> dict[ScoredMap, dict[str, float]]:
    in_frame = pc.and_(pc.equal(rows["sample_id"], sample_id), pc.equal(rows["slice"], WHOLE_FRAME))
    names = ("arm", "head", "against", "alignment", "metric", "value")
    columns = (rows.filter(in_frame)[name].to_pylist() for name in names)
    values = {row[:-1]: row[-1] for row in zip(*columns, strict=True)}
    scores = {}
    for m in means.maps:
        key = (m.arm, m.head, m.against, means.shown_alignment(m))
        scores[m] = {name: values[*key, name] for name in SHOWN_SCORES if (*key, name) in values}
    return scores
