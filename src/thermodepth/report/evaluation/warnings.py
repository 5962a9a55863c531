"""What a person should hear before the numbers: files in a wrong unit, maps that run against the truth."""

from __future__ import annotations

import math
from collections.abc import Iterable

from thermodepth.evaluation.protocols.alignment import ALIGNMENTS
from thermodepth.evaluation.results.map_means import MapMeans
from thermodepth.evaluation.scoring.baselines import BASELINES
from thermodepth.metrics import MetricRow

_WRONG_UNIT = 3.0  # millimetres for metres make 1000, 1/256 for millimetres makes 3.9
_FLAT = -0.98  # the range slope of a flat map is -1
_EXCHANGED = -1.02  # below -1 what is far is put near


def published_note(rows: Iterable[MetricRow]) -> tuple[str, ...]:
    """Which of these metrics bear a published name and are computed in another way, if any."""
    labels: dict[str, list[str]] = {}
    for row in rows:
        if row.differs:
            labels.setdefault(row.differs, []).append(row.label)
    if not labels:
        return ()
    differences = "; ".join(f"{', '.join(names)} ({how})" for how, names in labels.items())
    return (f"Not comparable with published numbers of the same name: {differences}.",)


def unit_hint(means: MapMeans, *, clamped: bool, foreign: bool) -> str:
    """A line where the first map is off by a factor that no network makes by itself; else empty.

    `clamped`: predictions were limited to the range first, so one a thousand times too far is only as far
    off as the range goes. `foreign`: maps come from files, whose units a person says.
    """
    first = means.maps[0]
    group = means.of(first, "none")
    scale = math.exp(-group.values["log_bias"]) if group else 1.0
    if 1 / _WRONG_UNIT < scale < _WRONG_UNIT:
        return ""
    side = "near" if scale > 1 else "far"
    least = "at least " if clamped else ""
    cause = (
        "is a unit or scale of the files wrong? Whole numbers are divided by --png-scale / --truth-scale; "
        "float files hold metres."
        if foreign
        else "is the lens another than that of its training, or the unit of the truth wrong?"
    )
    return f"{first.title} is off by a factor of {least}{max(scale, 1 / scale):.1f} (too {side}): {cause}"


def against_truth_note(means: MapMeans, *, foreign: bool) -> str:
    """A line for each map that knows nothing of the depth, baselines left out, which are meant to."""
    lines = []
    for scored in means.maps:
        if scored.against != "truth" or scored.arm in BASELINES:
            continue
        slope = means.natural_of(scored).values.get("range_slope", 0.0)
        fitted = ALIGNMENTS[means.natural(scored)].numbers > 0
        if fitted and slope < _FLAT:
            what = "says nothing of the depth after its fit (flat, or near and far exchanged)"
        elif slope < _EXCHANGED:  # metres in a wrong unit are flat as well, at an end of the range
            what = "has near and far exchanged"
        else:
            continue
        lines.append(f"{scored.title} {what}{': is --geometry right?' if foreign else '.'}")
    return "\n".join(lines)
