"""Depth maps: their scale and their holes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from thermodepth.doctor.evidence import Evidence
from thermodepth.doctor.facts import DepthFacts, FrameFacts
from thermodepth.doctor.finding import Finding, Severity, finding
from thermodepth.doctor.views import SCALE_FACTORS

DEPTH_SCALE = "depth-scale"
DEPTH_HOLES = "depth-holes"

#: Share of a frame's values inside the declared range below which the frame as a whole is off.
LEAST_INSIDE = 0.5
#: Share inside that another scale must reach to be named as the likely one.
EXPLAINED = 0.9
#: No depth camera here measures a whole scene nearer or farther than this.
POSSIBLE_M = (0.3, 500.0)
#: Share of frames that makes it the set's fault and not the frames'.
SYSTEMATIC = 0.05
#: Mean relative disagreement of two views, occlusion and all: rendered rigs with exact depth are at 0.03
#: (at most 0.07 in a frame), at 0.15 and more with a scale that is off by 3.9.
AGREES, DISAGREES = 0.08, 0.12
#: A scale is named when it explains this share of the frames twice as well as the present one.
EXPLAINED_FRAMES, TWICE = 0.8, 0.5
#: Values a square of 20 pixels in a picture of 640 x 480: nothing can be learnt from fewer.
SPARSE = 0.001
#: The greatest 16-bit number as depth in the usual units, which some writers use for "none".
FULL_SCALE_M = (65.535, 65535 / 256, 65535.0)
FULL_SCALE_SHARE = 0.01

#: {stored as whole numbers: {what a value is: metres}}.
_UNITS = {
    True: {"value/1000": 1e-3, "value/256": 1 / 256},
    False: {"metres": 1.0, "millimetres": 1e-3},
}


def scale(evidence: Evidence) -> Iterator[Finding]:
    """Against the declared range, against what can be, and against the distance between two cameras."""
    maps = [
        (f, f.depth) for f in evidence.readable if f.depth is not None and f.depth.quantiles.size
    ]
    metres = [(f, facts) for f, facts in maps if facts.in_metres]
    if metres and evidence.subject.depth_range_m is not None:
        off = list(_declared(metres, evidence.subject.depth_range_m))
        # A scale that is wrong shows in both ways: one is told.
        yield from off or _two_views(evidence)
    yield from _stored([(f, facts) for f, facts in maps if not facts.in_metres])


def _declared(
    maps: Sequence[tuple[FrameFacts, DepthFacts]], range_m: tuple[float, float]
) -> Iterator[Finding]:
    near, far = range_m
    off = [(f, d) for f, d in maps if _inside(d, near, far) < LEAST_INSIDE]
    if not off:
        return
    reasons: Counter[str] = Counter()
    for _, facts in off:
        shares = {
            reason: _inside(facts, near / mend, far / mend)
            for reason, mend in SCALE_FACTORS.items()
        }
        reason, share = max(shares.items(), key=lambda item: item[1])
        if share >= EXPLAINED:
            reasons[reason] += 1
    likely, votes = reasons.most_common(1)[0] if reasons else ("", 0)
    medians = [float(d.quantiles[len(d.quantiles) // 2]) for _, d in off]
    systematic = len(off) > SYSTEMATIC * len(maps)
    hint = f"; it fits depth {likely}" if votes > len(off) / 2 else ""
    yield finding(
        DEPTH_SCALE,
        Severity.ERROR if systematic else Severity.WARNING,
        f"{len(off)} depth maps lie mostly outside {near:g} to {far:g} m, with a median of "
        f"{float(np.median(medians)):.3g} m{hint}",
        [f"{f.name}: median {m:.3g} m" for (f, _), m in zip(off, medians, strict=True)],
        total=len(maps),
        meaning="the metric head cannot say such distances, and no score counts them",
        remedy="look up the unit of the files: metres are value/1000 or value/256, mostly",
    )


def _inside(facts: DepthFacts, near: float, far: float) -> float:
    return float(((facts.quantiles >= near) & (facts.quantiles <= far)).mean())


def _two_views(evidence: Evidence) -> Iterator[Finding]:
    """Depth maps of two cameras a known distance apart agree at the right scale only."""
    views = [
        (frame.name, frame.view.disagreement)
        for frame in evidence.readable
        if frame.view is not None and 1.0 in frame.view.disagreement
    ]
    if not views:
        return
    error = float(np.mean([errors[1.0] for _, errors in views]))
    for reason, factor in SCALE_FACTORS.items():
        better = [
            name
            for name, errors in views
            if errors.get(factor, np.inf) < min(AGREES, TWICE * errors[1.0])
        ]
        if len(better) >= EXPLAINED_FRAMES * len(views):
            yield finding(
                DEPTH_SCALE,
                Severity.ERROR,
                f"the depth maps of the two cameras disagree by {error:.0%}, and fit depth {reason}",
                better,
                total=len(views),
                meaning="distances are in another unit than the distance between the cameras",
                remedy="look up the unit of the depth files",
            )
            return
    if error > DISAGREES:
        yield finding(
            DEPTH_SCALE,
            Severity.WARNING,
            f"the depth maps of the two cameras disagree by {error:.0%} about the same points",
            [name for name, errors in views if errors[1.0] > DISAGREES],
            total=len(views),
            meaning="the calibration between the cameras is wrong, or the two maps are of other times",
            remedy="check rotation and translation: their direction (a from b), their unit, their pair",
        )


def _stored(maps: Sequence[tuple[FrameFacts, DepthFacts]]) -> Iterator[Finding]:
    """A bare folder does not say its unit: tell what each reading would mean, folder by folder."""
    folders: dict[str, list[DepthFacts]] = defaultdict(list)
    for frame, facts in maps:
        folders[frame.sequence].append(facts)
    possible: list[str] = []
    impossible: list[str] = []
    for folder, members in folders.items():
        middle = float(np.median([d.quantiles[len(d.quantiles) // 2] for d in members]))
        units = _UNITS[members[0].integer]
        readings = ", ".join(f"{middle * metres:.3g} m as {name}" for name, metres in units.items())
        low, high = POSSIBLE_M
        fits = any(low <= middle * metres <= high for metres in units.values())
        (possible if fits else impossible).append(f"{folder}: {readings}")
    for severity, entries, meaning in (
        (Severity.NOTE, possible, "a folder does not say its unit, and the two differ by 3.9"),
        (Severity.WARNING, impossible, "no usual unit gives a distance that a camera sees"),
    ):
        if entries:
            yield finding(
                DEPTH_SCALE,
                severity,
                f"the median depth of {len(entries)} folders, by the unit that it may have",
                entries,
                total=len(folders),
                meaning=meaning,
                remedy="compare with something whose distance you know, then name the unit when reading",
            )


def holes(evidence: Evidence) -> Iterator[Finding]:
    """Maps without values, with next to none, and with the greatest number for none."""
    maps = [(f, f.depth) for f in evidence.readable if f.depth is not None]
    empty = [f.name for f, facts in maps if not facts.valid]
    if empty:
        yield finding(
            DEPTH_HOLES,
            Severity.ERROR,
            f"{len(empty)} depth maps are all hole",
            empty,
            total=len(maps),
            meaning="no pixel teaches or scores anything: the projection or the sensor failed",
            remedy="make these maps again, or leave the frames out",
        )
    sparse = [f"{f.name}: {facts.valid:.3%}" for f, facts in maps if 0 < facts.valid < SPARSE]
    if sparse:
        yield finding(
            DEPTH_HOLES,
            Severity.WARNING,
            f"{len(sparse)} depth maps have values in less than {SPARSE:.1%} of their pixels",
            sparse,
            total=len(maps),
            meaning="a frame counts as much as others in a score, by a handful of pixels",
            remedy="look at these maps; leave them out if the sensor had failed",
        )
    full = [f.name for f, facts in maps if _has_full_scale(facts)]
    if full:
        yield finding(
            DEPTH_HOLES,
            Severity.WARNING,
            f"{len(full)} depth maps have 65535, the greatest number, in over {FULL_SCALE_SHARE:.0%} of "
            "their values",
            full,
            total=len(maps),
            meaning="a writer that means 'none' or 'too far' by it: it is taught as a distance",
            remedy="write 0 for no value",
        )


def _has_full_scale(facts: DepthFacts) -> bool:
    near_full = any(abs(facts.highest - value) < 1e-4 * value for value in FULL_SCALE_M)
    return near_full and facts.at_highest >= FULL_SCALE_SHARE
