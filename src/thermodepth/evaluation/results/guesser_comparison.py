"""Every map beside the guessers, each after the same alignment as the map that it stands beside.

A network that loses to a mean-depth map has learnt less of the test set than its average; one that loses to
the nearest training frame may have learnt nothing that a memory does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from thermodepth.evaluation.protocols.alignment import ALIGNMENTS
from thermodepth.evaluation.results.map_means import MapMeans, ScoredMap
from thermodepth.evaluation.results.summary import Group
from thermodepth.evaluation.scoring.baselines import BASELINES

DECIDED_BY = "abs_rel"
#: What a map and its guessers are compared in: an error after the alignment, and what no alignment changes.
COMPARED = (DECIDED_BY, "rank_correlation", "partial_correlation")


@dataclass(frozen=True, slots=True, kw_only=True)
class GuesserComparison:
    """One map and the guessers."""

    scored: ScoredMap
    #: What all are compared under in AbsRel: the alignment that the map is shown under; guesses that were
    #: fitted to no training split have no metres, and beside them it is the least that both have.
    #: None where they have none in common.
    alignment: str | None
    values: Mapping[str, float]  # metric of COMPARED -> the map's own, where it was measured
    guesses: Mapping[str, Mapping[str, float]]  # metric of COMPARED -> guesser -> its value

    @property
    def winners(self) -> dict[str, float]:
        """guesser -> its AbsRel, of those that are at least as good as the map."""
        if DECIDED_BY not in self.values:
            return {}
        value = self.values[DECIDED_BY]
        return {arm: guess for arm, guess in self.guesses[DECIDED_BY].items() if guess <= value}


def compare_with_guessers(means: MapMeans) -> dict[ScoredMap, GuesserComparison]:
    """A comparison for each map that was held against the truth and is no guess; none without a guesser."""
    guessers = {
        arm: guess for arm in BASELINES if (guess := ScoredMap(arm, "depth", "truth")) in means.maps
    }
    comparisons = {}
    for scored in means.maps:
        if scored.against != "truth" or scored.arm in BASELINES:
            continue
        alignment = _common_alignment(means, scored, guessers)
        comparisons[scored] = _comparison(means, scored, guessers, alignment)
    return comparisons if guessers else {}


def _common_alignment(
    means: MapMeans, scored: ScoredMap, guessers: Mapping[str, ScoredMap]
) -> str | None:
    of_map = [name for name in ALIGNMENTS if means.group(scored, name) is not None]
    candidates = sorted(of_map, key=lambda name: name != means.shown_alignment(scored))
    return next(
        (n for n in candidates if any(means.group(m, n) is not None for m in guessers.values())),
        None,
    )


def _comparison(
    means: MapMeans, scored: ScoredMap, guessers: Mapping[str, ScoredMap], alignment: str | None
) -> GuesserComparison:
    def aligned(m: ScoredMap) -> Group | None:
        return None if alignment is None else means.group(m, alignment)

    # What no alignment changes was measured under the natural one alone.
    unaligned = {arm: means.natural_group(guess) for arm, guess in guessers.items()}
    guesses: dict[str, Mapping[str, Group | None]] = {
        DECIDED_BY: {arm: aligned(guess) for arm, guess in guessers.items()},
        **dict.fromkeys(COMPARED[1:], unaligned),
    }
    own = {DECIDED_BY: aligned(scored), **dict.fromkeys(COMPARED[1:], means.natural_group(scored))}
    return GuesserComparison(
        scored=scored,
        alignment=alignment,
        values={name: g.values[name] for name, g in own.items() if g and name in g.values},
        guesses={
            name: {arm: g.values[name] for arm, g in groups.items() if g and name in g.values}
            for name, groups in guesses.items()
        },
    )
