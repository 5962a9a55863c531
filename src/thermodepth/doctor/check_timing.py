"""When frames were taken: stamps by themselves, and the two cameras against each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from thermodepth.doctor.evidence import Evidence
from thermodepth.doctor.facts import Band
from thermodepth.doctor.finding import Finding, Severity, finding
from thermodepth.doctor.stamps import StampList

Seconds = NDArray[np.float64]

STAMPS = "stamps"
SKEW = "skew"

#: A step longer than so many median ones, and than half a second, is a gap.
GAP_STEPS, GAP_S = 3.0, 0.5
#: At 10 m/s the camera moves half a metre in 50 ms, more than depth is wrong by; real rigs without a
#: common trigger have a median of 20 ms, which is worth knowing.
HARMFUL_S, NOTABLE_S = 0.050, 0.010
#: The cameras' files may begin so many frames apart.
MOST_SHIFT = 20
#: How much better a shifted pairing must be to be named.
SHIFT_GAIN = 0.5


def stamps(evidence: Evidence) -> Iterator[Finding]:
    """Each list by itself."""
    back, still, gaps, uneven = [], [], [], []
    for one in evidence.stamps:
        steps = np.diff(one.time_s)
        if (n := int((steps < 0).sum())) > 0:
            first = int(np.argmax(steps < 0))
            back.append(
                f"{one.name}: {n} times, first after line {first + 1}, by {-steps[first]:.3g} s"
            )
        if (n := int((steps == 0).sum())) > 0:
            still.append(f"{one.name}: {n} times, first in line {int(np.argmax(steps == 0)) + 2}")
        usual = float(np.median(steps))
        if (n := int(((steps > GAP_STEPS * usual) & (steps > GAP_S)).sum())) > 0:
            gaps.append(f"{one.name}: {n}, the longest {float(steps.max()):.3g} s")
        if one.pictures is not None and one.pictures != len(one.time_s):
            uneven.append(f"{one.name}: {len(one.time_s)} stamps, {one.pictures} pictures")
    total = len(evidence.stamps)
    if back:
        yield finding(
            STAMPS,
            Severity.ERROR,
            f"time goes back in {len(back)} of {total} recordings",
            back,
            total=total,
            meaning="frames out of order, or a clock that was set while recording: pairs made by time "
            "are wrong",
            remedy="sort frames and stamps together, and look at what the clock did",
        )
    if still:
        yield finding(
            STAMPS,
            Severity.WARNING,
            f"stamps come twice in {len(still)} of {total} recordings",
            still,
            total=total,
            meaning="a frame that was written twice, or one stamped with its neighbour's time",
            remedy="compare the pictures of these lines; use the stamps of exposure, not of arrival",
        )
    if uneven:
        yield finding(
            STAMPS,
            Severity.WARNING,
            f"stamps and pictures differ in number in {len(uneven)} of {total} recordings",
            uneven,
            total=total,
            meaning="line n is not frame n, from some place on",
            remedy="find the frames that were lost; a part of a recording needs the lines of that part",
        )
    if gaps:
        yield finding(
            STAMPS,
            Severity.NOTE,
            f"{len(gaps)} of {total} recordings have gaps in time",
            gaps,
            total=total,
            meaning="dropped frames or pauses: frames on both sides are no neighbours",
            remedy="nothing for single frames; split the recording there for video",
        )


def skew(evidence: Evidence) -> Iterator[Finding]:
    """Between RGB and thermal exposures of one number, from stamp files, or from what the reader says."""
    by_group: dict[str, dict[Band, StampList]] = defaultdict(dict)
    for one in evidence.stamps:
        by_group[one.group].setdefault(one.camera, one)
    seconds: list[Seconds] = []
    offsets: list[tuple[float, str]] = []
    for cameras in by_group.values():
        if Band.THERMAL in cameras and Band.RGB in cameras:
            apart, line = _apart(cameras[Band.THERMAL], cameras[Band.RGB])
            seconds.append(apart)
            offsets.append((float(np.median(apart)), line))
    if not seconds:
        views = [(f.name, abs(f.view.later_s)) for f in evidence.readable if f.view is not None]
        seconds = [np.array([s for _, s in views])] if views else []
        offsets = [(s, f"{name}: {1000 * s:.0f} ms") for name, s in views]
    if not seconds:
        return
    middle = float(np.median(np.concatenate(seconds)))
    worst = [line for apart, line in sorted(offsets, reverse=True) if apart > HARMFUL_S]
    high = float(np.quantile(np.concatenate(seconds), 0.95))
    title = f"{1000 * middle:.1f} ms (95 %: {1000 * high:.1f} ms) between RGB and thermal exposures"
    if worst and (middle > HARMFUL_S or high > 2 * HARMFUL_S):
        yield finding(
            SKEW,
            Severity.WARNING,
            title,
            worst,
            total=len(offsets),
            meaning="what moves, and all of it when the cameras move, stands elsewhere in the two pictures",
            remedy="pair frames by time, not by number; move labels by the motion in between",
        )
    elif middle > NOTABLE_S:
        yield finding(
            SKEW,
            Severity.NOTE,
            title,
            [line for _, line in sorted(offsets, reverse=True)],
            total=len(offsets),
            meaning="usual for cameras without a common trigger; seen at the edges of near things",
            remedy="nothing, or move labels by the motion in between",
        )


def _apart(thermal: StampList, rgb: StampList) -> tuple[Seconds, str]:
    """Seconds between frames of one number, and a line about it."""
    offset = float(rgb.origin_s - thermal.origin_s)
    later = rgb.time_s + offset
    apart = _shifted(thermal.time_s, later, 0)
    middle = float(np.median(apart))
    line = f"{rgb.name} against {thermal.name}: {1000 * middle:.1f} ms"
    best = min(
        (k for k in range(-MOST_SHIFT, MOST_SHIFT + 1) if len(_shifted(thermal.time_s, later, k))),
        key=lambda k: float(np.median(_shifted(thermal.time_s, later, k))),
    )
    mended = float(np.median(_shifted(thermal.time_s, later, best)))
    if best and middle > HARMFUL_S and mended < SHIFT_GAIN * middle:
        line += f"; {1000 * mended:.1f} ms with RGB frame n{best:+d} for thermal frame n"
    return apart, line


def _shifted(first: Seconds, second: Seconds, by: int) -> Seconds:
    """[n] |second[i + by] - first[i]|."""
    a, b = first[max(-by, 0) :], second[max(by, 0) :]
    length = min(len(a), len(b))
    apart: Seconds = np.abs(b[:length] - a[:length])
    return apart
