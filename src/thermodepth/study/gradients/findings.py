"""What the gradient diagnostics of an arm's runs say: every number that tables, pictures and pages print."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from thermodepth.losses import LOSSES
from thermodepth.study.gradients.arms import ArmDiagnostics
from thermodepth.study.gradients.averages import (
    AlongStep,
    Average,
    Conflict,
    along_steps,
    average,
    conflicts,
)
from thermodepth.study.gradients.records import GradientRecord, terms_of, values_of
from thermodepth.training.diagnostics.maps import ConflictMaps
from thermodepth.training.gradient_watch import BLOCK, SHARED

#: The sets of parameters at which gradients are held against each other.
PARAMETERS: Mapping[str, str] = {
    BLOCK: "the last shared block",
    SHARED: "all shared parameters",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TermShare:
    """One term's part of the gradient where the heads part, over the probes of all runs."""

    term: str
    share: Average | None  # None for a term that had weight at no probe
    first_third: float | None  # mean over the first third of a run's probes, mean over the runs
    last_third: float | None
    of_loss: float | None  # part of the sum of the weighted losses over all steps, in percent


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ArmGradients:
    """What the diagnostics of one arm say."""

    name: str  # of the arm; empty for a run that is no study's
    title: str
    records: tuple[GradientRecord, ...]
    shares: tuple[TermShare, ...]  # of every term that had weight, in the order of the loss table
    #: (step, term -> mean share over the runs that looked at this step), of terms that have shares.
    shares_by_step: tuple[tuple[int, Mapping[str, float]], ...]
    conflicts: Mapping[str, Sequence[Conflict]]  # by `PARAMETERS`; empty where nothing was measured
    along: Mapping[str, Sequence[AlongStep]]  # by `PARAMETERS`
    maps: tuple[ConflictMaps, ...]  # of the first run

    @property
    def drawn_terms(self) -> list[str]:
        """The terms that have shares, in the order of the loss table."""
        return [t for t in LOSSES if any(r.shares.get(t) for r in self.records)]

    @property
    def measured(self) -> list[str]:
        """The sets of parameters that have cosines."""
        return [where for where in PARAMETERS if self.conflicts[where]]


def arm_gradients(diagnostics: ArmDiagnostics) -> ArmGradients:
    """Average the runs of one arm."""
    records = diagnostics.records
    return ArmGradients(
        name=diagnostics.name,
        title=diagnostics.title,
        records=records,
        shares=tuple(_term_share(records, term) for term in terms_of(records)),
        shares_by_step=_shares_by_step(records),
        conflicts={where: conflicts(records, where) for where in PARAMETERS},
        along={where: along_steps(records, where) for where in PARAMETERS},
        maps=diagnostics.maps,
    )


def _term_share(records: Sequence[GradientRecord], term: str) -> TermShare:
    runs = values_of([record.shares for record in records], term)
    share = first = last = None
    if runs:
        share = average(runs, within=(0.0, 1.0))
        first = fmean(fmean(v[: math.ceil(len(v) / 3)]) for v in runs)
        last = fmean(fmean(v[-math.ceil(len(v) / 3) :]) for v in runs)
    return TermShare(
        term=term,
        share=share,
        first_third=first,
        last_third=last,
        of_loss=_loss_share(records, term),
    )


def _loss_share(records: Sequence[GradientRecord], term: str) -> float | None:
    """Percent of the sum of the weighted losses over the steps of all runs."""
    total = math.fsum(v for r in records for series in r.losses.values() for _, v in series)
    own = math.fsum(v for r in records for _, v in r.losses.get(term, ()))
    return 100 * own / total if total > 0 else None


def _shares_by_step(
    records: Sequence[GradientRecord],
) -> tuple[tuple[int, Mapping[str, float]], ...]:
    terms = [t for t in LOSSES if any(r.shares.get(t) for r in records)]
    steps = sorted({s for r in records for points in r.shares.values() for s, _ in points})
    return tuple((step, _shares_at(records, terms, step)) for step in steps)


def _shares_at(
    records: Sequence[GradientRecord], terms: Sequence[str], step: int
) -> dict[str, float]:
    """Each term's mean share over the runs that looked at this step; 0 for a term without weight."""
    looked = [
        r for r in records if any(step == s for points in r.shares.values() for s, _ in points)
    ]
    return {t: fmean(dict(r.shares.get(t, ())).get(step, 0.0) for r in looked) for t in terms}
