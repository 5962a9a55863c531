"""What a person should hear before the numbers: files in a wrong unit, maps that run against the truth."""

from __future__ import annotations

import math
from collections.abc import Iterable

from thermodepth.evaluation.protocols.alignment import ALIGNMENTS
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.results.findings import EvaluationFindings
from thermodepth.evaluation.scoring.baselines import BASELINES
from thermodepth.evaluation.scoring.chunks import Scored
from thermodepth.metrics import MetricRow
from thermodepth.report.evaluation.guessers import beaten_notes

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


def evaluation_warnings(
    findings: EvaluationFindings, scored: Scored, *, foreign: bool
) -> list[str]:
    """All of them. `foreign`: maps come from files, whose units a person says."""
    protocol = findings.protocol
    hints = (unit_hint(findings, foreign=foreign), against_truth_note(findings, foreign=foreign))
    return [
        *(
            f"{arm}: {count} scored pixels are at or below 0 m and count as {protocol.min_depth_m:g} m; in "
            "float files 0 is a depth, NaN is none"
            for arm, count in scored.floored.items()
        ),
        *(hint for hint in hints if hint),
        *beaten_notes(findings),
        *_limited_notes(scored, protocol),
    ]


def _limited_notes(scored: Scored, protocol: Protocol) -> list[str]:
    """What limiting to the range does to a number, where it does anything that can be printed."""
    shares = {arm: share for arm, share in scored.limited.items() if share >= 0.0005}
    if not shares:
        return []
    listing = ", ".join(f"{arm} {share:.1%}" for arm, share in shares.items())
    return [
        f"Limited to {protocol.min_depth_m:g} to {protocol.max_depth_m:g} m, share of the scored "
        f"pixels: {listing}. Log bias, ledger and all errors are those of the limited maps; scale "
        "and its steadiness are taken before."
    ]


def unit_hint(findings: EvaluationFindings, *, foreign: bool = True) -> str:
    """A line where the first map is off by a factor that no network makes by itself; else empty.

    `foreign`: maps come from files, whose units a person says, and not from a model of ours. Of predictions
    that were limited to the range first, one a thousand times too far is only as far off as the range goes.
    """
    first = findings.maps[0]
    group = findings.means.group(first, "none")
    scale = math.exp(-group.values["log_bias"]) if group else 1.0
    if 1 / _WRONG_UNIT < scale < _WRONG_UNIT:
        return ""
    side = "near" if scale > 1 else "far"
    bound = "at least " if findings.protocol.clamp_prediction else ""
    cause = (
        "is a unit or scale of the files wrong? Whole numbers are divided by --png-scale / --truth-scale; "
        "float files hold metres."
        if foreign
        else "is the lens another than that of its training, or the unit of the truth wrong?"
    )
    return f"{first.title} is off by a factor of {bound}{max(scale, 1 / scale):.1f} (too {side}): {cause}"


def against_truth_note(findings: EvaluationFindings, *, foreign: bool = True) -> str:
    """A line for each map that knows nothing of the depth, baselines left out, which are meant to."""
    notes = []
    for scored in findings.maps:
        if scored.against != "truth" or scored.arm in BASELINES:
            continue
        slope = findings.means.natural_group(scored).values.get("range_slope", 0.0)
        fitted = ALIGNMENTS[findings.means.natural(scored)].numbers > 0
        if fitted and slope < _FLAT:
            fault = "says nothing of the depth after its fit (flat, or near and far exchanged)"
        elif slope < _EXCHANGED:  # metres in a wrong unit are flat as well, at an end of the range
            fault = "has near and far exchanged"
        else:
            continue
        notes.append(f"{scored.title} {fault}{': is --geometry right?' if foreign else '.'}")
    return "\n".join(notes)
