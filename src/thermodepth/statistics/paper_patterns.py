"""Whether a reading of the paper's loss behaves like the published table, in its signs and in its sizes.

Of the four changes against all losses in two metrics, x_j in percent, and the published ones, p_j:

    sign        agrees        better or worse after Holm over all readings, on the published side
                contradicts   the same on the other side
                no change     too small to matter (the 90 % interval lies within the smallest effect)
                cannot tell   otherwise
    carried     |p_j| at least what the noise of one published run leaves room for (`paper_table.CARRIED`)
    distance    d = sqrt( 1/8 sum over j of (x_j - p_j)^2 ), in points of percent
    interval    of d + 1/8 sum of (x_j - p_j) / d (x_j' - x_j), its tangent: a contrast over the runs of all
                five arms in both metrics, with the seeds and clusters of any other (`two_way`), cut at 0;
                of 95 % for all readings together (Bonferroni)

A reading's verdict is about the signs that the table carries: they agree where all do, contradict where one
does or is no change, and cannot be told otherwise. The distance of no effect at all (x_j = 0) is how large
the published changes are. It is descriptive, for data and network of the table are not known; percentages
take the mean of all losses as known, and noise makes d too large, by less than its interval tells.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from thermodepth.statistics.comparison import TestedComparison
from thermodepth.statistics.labels import label_of, signed
from thermodepth.statistics.measurements import Measurements
from thermodepth.statistics.paper_readings import CHANGED, PaperReading
from thermodepth.statistics.paper_table import CARRIED, PUBLISHED_METRICS, PaperRow
from thermodepth.statistics.two_way import Array, Estimate, estimate, with_pooled_df

Sign = Literal["agrees", "contradicts", "no change", "cannot tell"]
SignVerdict = Literal["signs agree", "signs contradict", "cannot tell"]
COUNT = len(CHANGED) * len(PUBLISHED_METRICS)
#: The distance of no effect at all.
NO_EFFECT = math.sqrt(
    math.fsum(row.percent(metric) ** 2 for row in CHANGED for metric in PUBLISHED_METRICS) / COUNT
)
_LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PatternEntry:
    """One published change beside ours."""

    row: PaperRow
    metric: str
    tested: TestedComparison  # ours

    @property
    def published(self) -> float:
        """In percent."""
        return self.row.percent(self.metric)

    @property
    def carried(self) -> bool:
        """Whether a table of single runs can carry this change."""
        return abs(self.published) >= CARRIED

    @property
    def sign(self) -> Sign:
        """What ours says of the published sign."""
        verdict = self.tested.verdict
        if verdict == "equivalent":
            return "no change"
        if verdict not in ("better", "worse"):
            return "cannot tell"
        return "agrees" if self.tested.comparison.value * self.published > 0 else "contradicts"

    @property
    def words(self) -> str:
        """`RMSE of No Consistency: published +22.9 %, here −0.5 % [−1.2, +0.2]`."""
        comparison = self.tested.comparison
        percent, span = comparison.percent, comparison.printed_interval()
        change = "–" if percent is None else f"{signed(percent)} %"
        interval = "" if span is None else f" [{signed(span[0])}, {signed(span[1])}]"
        return (
            f"{label_of(self.metric)} of {self.row.title}: published {signed(self.published)} %, here "
            f"{change}{interval}"
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pattern:
    """One reading beside the published table."""

    reading: PaperReading
    entries: tuple[PatternEntry, ...]  # eight, or those that have results
    distance: float | None  # points of percent; None without all eight
    interval: tuple[float, float] | None  # None without seeds and recordings

    @property
    def signs(self) -> Counter[Sign]:
        """How many of the published signs agree, contradict, ..."""
        return Counter(entry.sign for entry in self.entries)

    @property
    def carried(self) -> tuple[PatternEntry, ...]:
        """Those that the table can carry."""
        return tuple(entry for entry in self.entries if entry.carried)

    @property
    def verdict(self) -> SignVerdict:
        """Of the signs that the table can carry."""
        signs = {entry.sign for entry in self.carried}
        if signs & {"contradicts", "no change"}:
            return "signs contradict"
        complete = len(self.entries) == COUNT
        return "signs agree" if complete and signs == {"agrees"} else "cannot tell"

    @property
    def distance_words(self) -> str:
        """`13.1 points [12.0, 14.2]`; empty where it is not known."""
        if self.distance is None:
            return ""
        span = "" if self.interval is None else f" [{self.interval[0]:.1f}, {self.interval[1]:.1f}]"
        return f"{self.distance:.1f} points{span}"

    @property
    def sentence(self) -> str:
        """The reading's verdict, and on what it stands."""
        changes = "; ".join(f"{entry.words}, {entry.sign}" for entry in self.carried)
        text = f"The paper's loss read as {self.reading.title}: {self.verdict}"
        if changes:
            text += f" ({changes})"
        if self.distance is not None:
            text += f"; {self.distance_words} from the published table"
        return f"{text}."


def patterns_of(
    readings: Sequence[PaperReading],
    measurements: Mapping[str, Measurements],
    tested: Sequence[TestedComparison],
) -> tuple[Pattern, ...]:
    """Every reading beside the published table.

    Args:
        readings: of the study.
        measurements: by metric; without one of the two published there is no distance.
        tested: every comparison that was made.
    """
    known = {(t.comparison.question.name, t.comparison.metric): t for t in tested}
    tangents = [_tangent(reading, measurements) for reading in readings]
    noises = iter(with_pooled_df([tangent[1] for tangent in tangents if tangent is not None]))
    patterns = []
    for reading, tangent in zip(readings, tangents, strict=True):
        entries = tuple(
            PatternEntry(row=row, metric=metric, tested=known[key])
            for row in CHANGED
            for metric in PUBLISHED_METRICS
            if (key := (reading.question(row).name, metric)) in known
        )
        distance = interval = None
        if tangent is not None:
            distance = tangent[0]
            interval = _around(distance, next(noises), level=1.0 - (1.0 - _LEVEL) / len(readings))
        patterns.append(
            Pattern(reading=reading, entries=entries, distance=distance, interval=interval)
        )
    return tuple(patterns)


def _tangent(
    reading: PaperReading, measurements: Mapping[str, Measurements]
) -> tuple[float, Estimate] | None:
    """(d, the estimate whose noise is that of d), over the seeds that all five arms have in both metrics."""
    blocks = [measurements[name] for name in PUBLISHED_METRICS if name in measurements]
    arms = list(dict.fromkeys(reading.arms.values()))
    if len(blocks) < len(PUBLISHED_METRICS) or blocks[0].images != blocks[1].images:
        return None
    if not all(block.have_a_seed_in_common(arms) for block in blocks):
        return None
    common = [{block.seeds[place] for place in block.common_seeds(arms)} for block in blocks]
    seeds = sorted(set.intersection(*common))
    if not seeds:
        return None
    changes: list[Array] = []  # [s i] each, in percent
    published = []
    for block, metric in zip(blocks, PUBLISHED_METRICS, strict=True):
        places = [block.seeds.index(seed) for seed in seeds]
        base = block.values[block.place(reading.base)][places]
        mean = abs(float(base.mean()))
        if mean == 0.0:
            return None
        for row in CHANGED:
            own = block.values[block.place(reading.arms[row.arm])][places]
            changes.append(100.0 * (own - base) / mean)
            published.append(row.percent(metric))
    stacked = np.stack(changes)  # [8 s i]
    off = stacked.mean(axis=(1, 2)) - np.array(published)
    distance = float(np.sqrt(np.square(off).mean()))
    if distance == 0.0:
        return None
    slopes = off / (distance * off.size)
    noise: Array = np.tensordot(slopes, stacked, axes=1)
    return distance, estimate(noise, blocks[0].groups)


def _around(distance: float, noise: Estimate, *, level: float) -> tuple[float, float] | None:
    if noise.scope != "both":
        return None
    low, high = (end - noise.value for end in noise.interval(level=level))
    return max(distance + low, 0.0), distance + high
