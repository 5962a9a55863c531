"""Every map beside the guessers, each after the same alignment as the map that it stands beside.

A network that loses to a mean-depth map has learnt less of the test set than its average; one that loses to
the nearest training frame may have learnt nothing that a memory does not hold. So the words here are about
who wins, and the numbers are those of one alignment and one set of frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from thermodepth.evaluation.protocols.alignment import ALIGNMENTS
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.results.map_means import MapMeans, ScoredMap
from thermodepth.evaluation.scoring.baselines import BASELINES
from thermodepth.metrics import METRICS
from thermodepth.report.table import Cell, Column, Heading, Number, Table

#: What a map and its guessers are compared in: an error after the alignment, and what no alignment changes.
COMPARED = ("abs_rel", "rank_correlation", "partial_correlation")
DECIDED_BY = "abs_rel"


def judged(means: MapMeans) -> tuple[ScoredMap, ...]:
    """The maps that guessers stand beside: all that were held against the truth and are no guess."""
    return tuple(m for m in means.maps if m.against == "truth" and m.arm not in BASELINES)


def common_alignment(means: MapMeans, scored: ScoredMap) -> str | None:
    """What a map and its guessers are compared under; None without a guesser.

    The alignment that the map is shown under; guesses that were fitted to no training split have no metres,
    and beside them it is the least that both have.
    """
    present = [m for arm in BASELINES if (m := ScoredMap(arm, "depth", "truth")) in means.maps]
    of_map = [name for name in ALIGNMENTS if means.of(scored, name) is not None]
    first = sorted(of_map, key=lambda name: name != means.shown_alignment(scored))
    return next((n for n in first if any(means.of(m, n) is not None for m in present)), None)


def guesses(means: MapMeans, scored: ScoredMap) -> dict[str, float]:
    """guesser -> its AbsRel after the alignment that a map is compared under, in the order of the tables."""
    alignment = common_alignment(means, scored)
    if alignment is None:
        return {}
    groups = {arm: means.of(ScoredMap(arm, "depth", "truth"), alignment) for arm in BASELINES}
    return {arm: g.values[DECIDED_BY] for arm, g in groups.items() if g and DECIDED_BY in g.values}


def own_value(means: MapMeans, scored: ScoredMap) -> float | None:
    """A map's AbsRel under the alignment that it is compared under."""
    alignment = common_alignment(means, scored)
    group = None if alignment is None else means.of(scored, alignment)
    return None if group is None else group.values.get(DECIDED_BY)


def rank_guesses(means: MapMeans, metric: str) -> dict[str, float]:
    """guesser -> its value in a metric that no alignment changes, measured under the natural one alone."""
    values = {}
    for arm in BASELINES:
        guess = ScoredMap(arm, "depth", "truth")
        if guess in means.maps and metric in (natural := means.natural_of(guess).values):
            values[arm] = natural[metric]
    return values


def verdict(value: float, guesses: Mapping[str, float]) -> str:
    """Which guessers are at least as good in AbsRel, such as `worse than the row ramp (0.0785)`.

    Empty without a guesser. The best of them is named where none wins.
    """
    if not guesses:
        return ""
    winners = [f"the {arm} ({guess:.4f})" for arm, guess in guesses.items() if guess <= value]
    if winners:
        *first, last = winners
        return "worse than " + (f"{', '.join(first)} and {last}" if first else last)
    best = min(guesses, key=lambda arm: guesses[arm])
    return f"better than every guesser (the best is the {best}, {guesses[best]:.4f})"


def verdict_of(means: MapMeans, scored: ScoredMap) -> tuple[str, bool]:
    """(the verdict on a map, whether some guesser is at least as good); empty without a guesser.

    Where it is not under the alignment that the map is shown under it says so, with the map's own value.
    """
    value, alignment = own_value(means, scored), common_alignment(means, scored)
    if value is None or alignment is None:
        return "", False
    blind = guesses(means, scored)
    words = verdict(value, blind)
    if alignment != means.shown_alignment(scored):
        words = f"after {ALIGNMENTS[alignment].label} ({value:.4f}) {words}"
    return words, any(guess <= value for guess in blind.values())


def beaten_notes(means: MapMeans, maps: Sequence[ScoredMap]) -> list[str]:
    """A sentence for each of these maps that a guesser beats."""
    notes = []
    for scored in maps:
        words, beaten = verdict_of(means, scored)
        if beaten:
            alignment = means.shown_alignment(scored)
            group = means.of(scored, alignment)
            assert group is not None
            notes.append(
                f"{scored.title}: AbsRel {group.values[DECIDED_BY]:.4f} (alignment: "
                f"{ALIGNMENTS[alignment].label}), {words}."
            )
    return notes


def guessers_table(means: MapMeans, protocol: Protocol) -> Table | None:
    """A line for each map and metric, a column for each guesser; None where there is no guesser."""
    maps = judged(means)
    present = [a for a in BASELINES if ScoredMap(a, "depth", "truth") in means.maps]
    if not present:
        return None
    lines: list[tuple[Cell, ...]] = []
    for scored in maps:
        for name in COMPARED:
            line = _line(means, scored, name, present)
            if line is not None:
                lines.append(line)
    return Table(
        title="Beside what does not look, and what only remembers",
        columns=(
            Column(label="Map", align="left"),
            Column(label="Alignment", align="left"),
            Column(label="Metric", align="left"),
            Column(label="the map"),
            *(Column(label=arm) for arm in present),
        ),
        rows=tuple(lines),
        notes=(
            f"Protocol {protocol.protocol_id()}. Every guesser after the same alignment as the map. Ranks "
            "are the same under every rising fit; the partial correlation is what is seen beyond a layout: a "
            "row ramp has 0.",
            "A map that is no better than the nearest training frame cannot be told from a memory of "
            "the training split.",
        ),
    )


def _line(
    means: MapMeans, scored: ScoredMap, name: str, present: Sequence[str]
) -> tuple[Cell, ...] | None:
    row = METRICS[name]
    alignment = common_alignment(means, scored) if name == DECIDED_BY else means.natural(scored)
    group = means.of(scored, alignment) if alignment is not None else None
    if alignment is None or group is None or name not in group.values:
        return None
    by_error = name == DECIDED_BY
    values = guesses(means, scored) if by_error else rank_guesses(means, name)
    heading = Heading(label=row.heading, better=row.better, optimum=row.optimum)
    label = ALIGNMENTS[alignment].label if by_error else "any"
    numbers = [group.values[name], *(values.get(arm) for arm in present)]
    cells = (None if number is None else Number(number, row.digits) for number in numbers)
    return (scored.title, label, heading, *cells)
