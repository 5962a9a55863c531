"""Thermal frames: gain control taken for counts, impossible temperatures, broken pixels."""

from __future__ import annotations

from collections.abc import Iterator

from thermodepth.doctor.evidence import Evidence
from thermodepth.doctor.facts import FrameFacts, ThermalFacts
from thermodepth.doctor.finding import Finding, Severity, finding
from thermodepth.doctor.pixels import MIN_FRAMES
from thermodepth.types import ThermalUnit

GAIN_CONTROL = "gain-control"
TELEMETRY = "telemetry"
TEMPERATURE = "temperature"
BAD_PIXELS = "bad-pixels"

LEVELS_OF_8_BIT = 256
#: Distance between levels that no thermal camera leaves empty: counts of a 12-bit one in the upper bits of
#: 16 stand 16 apart. In kelvin, the same at 64 counts a kelvin, five times the noise.
LEAST_GAP = {ThermalUnit.COUNTS: 16.0, ThermalUnit.KELVIN: 0.25}
#: Gain control fills its 256 levels, or most of them; a quiet 12-bit scene in the upper bits does not.
LEAST_SPAN_LEVELS = 128
#: Share of pixels at both ends that clipping leaves. Dead and hot pixels are far fewer.
CLIPPED = 0.004
MIN_CLIPPED_FRAMES = 5
#: Surfaces that people film: dry ice to molten glass.
POSSIBLE_K = (180.0, 1500.0)
#: Share of broken pixels that makers allow in a new sensor, about; cameras hide them when they are fine.
ALLOWED_BROKEN = 0.001


def gain_control(evidence: Evidence) -> Iterator[Finding]:
    """8-bit content in a wider type, pictures stretched one by one, and honest 8-bit ones."""
    thermal = [(f, f.thermal) for f in evidence.readable if f.thermal is not None]
    narrow = [f.name for f, facts in thermal if _holds_8_bit(facts)]
    if narrow:
        yield finding(
            GAIN_CONTROL,
            Severity.ERROR,
            f"{len(narrow)} thermal frames hold 8-bit pictures in a wider type",
            narrow,
            total=len(thermal),
            meaning="gain control has stretched each frame on its own and dropped the temperature; what "
            "is read as counts or kelvin is only contrast",
            remedy="record the raw 14/16-bit stream; if there is none, store the frames as 8-bit, which "
            "is read as what it is",
        )
    stretched = _stretched([(f, facts) for f, facts in thermal if not _holds_8_bit(facts)])
    if stretched:
        yield finding(
            GAIN_CONTROL,
            Severity.WARNING,
            f"{len(stretched)} thermal frames are clipped at the same two values",
            stretched,
            total=len(thermal),
            meaning="each frame seems stretched to the whole range, so equal values are not equal "
            "temperatures",
            remedy="look for a gain control or normalisation in the recording, and record without it",
        )
    display = [f.name for f, facts in thermal if facts.unit is ThermalUnit.DISPLAY]
    if display:
        yield finding(
            GAIN_CONTROL,
            Severity.NOTE,
            f"{len(display)} thermal frames are 8-bit",
            display,
            total=len(thermal),
            meaning="pictures after the camera's gain control: contrast without temperature",
            remedy="nothing, if there is no raw stream; never mix them with raw frames",
        )


def _holds_8_bit(facts: ThermalFacts) -> bool:
    if facts.unit is ThermalUnit.DISPLAY:
        return False
    if facts.unit is ThermalUnit.COUNTS and facts.high < LEVELS_OF_8_BIT:
        return True
    if facts.gap < LEAST_GAP[facts.unit] or not 2 < facts.levels <= LEVELS_OF_8_BIT:
        return False
    return (facts.high - facts.low) / facts.gap >= LEAST_SPAN_LEVELS


def _stretched(thermal: list[tuple[FrameFacts, ThermalFacts]]) -> list[str]:
    raw = [(f, facts) for f, facts in thermal if facts.unit is not ThermalUnit.DISPLAY]
    ends: dict[tuple[float, float], list[str]] = {}
    for frame, facts in raw:
        if min(facts.clipped) >= CLIPPED:
            ends.setdefault((facts.low, facts.high), []).append(frame.name)
    names = max(ends.values(), key=len, default=[])
    return names if len(names) >= MIN_CLIPPED_FRAMES else []


def telemetry(evidence: Evidence) -> Iterator[Finding]:
    """Rows at the top or bottom of a file that are the camera's words and not its picture."""
    thermal = [(f.name, f.thermal) for f in evidence.readable if f.thermal is not None]
    entries = [f"{name}: {facts.telemetry}" for name, facts in thermal if facts.telemetry]
    if entries:
        yield finding(
            TELEMETRY,
            Severity.ERROR,
            f"{len(entries)} thermal frames have rows that are no picture",
            entries,
            total=len(thermal),
            meaning="counters, serial numbers and zeros would stretch the input; no reader takes such frames",
            remedy="drop the rows when reading: thermal.drop in a folder's description, --drop for predict",
        )


def temperature(evidence: Evidence) -> Iterator[Finding]:
    """Medians in kelvin outside of what is ever filmed."""
    kelvin = [
        (f.name, f.thermal.median)
        for f in evidence.readable
        if f.thermal is not None and f.thermal.unit is ThermalUnit.KELVIN
    ]
    low, high = POSSIBLE_K
    odd = [f"{name}: {median:.0f} K" for name, median in kelvin if not low <= median <= high]
    if odd:
        yield finding(
            TEMPERATURE,
            Severity.ERROR,
            f"{len(odd)} thermal frames have a median outside {low:.0f} to {high:.0f} K",
            odd,
            total=len(kelvin),
            meaning="degrees Celsius taken for kelvin, counts taken for temperatures, or a wrong factor",
            remedy="look up the unit of the files and the offset between the two scales, 273.15",
        )


def bad_pixels(evidence: Evidence) -> Iterator[Finding]:
    """Pixels that are wrong in all frames of a size."""
    for watch in evidence.watches:
        columns, rows, single = watch.broken()
        height, width = watch.size
        frames = f"in all of {watch.frames} frames of {width}x{height}"
        lines = [*(f"column {c}" for c in columns), *(f"row {r}" for r in rows)]
        if lines:
            yield finding(
                BAD_PIXELS,
                Severity.WARNING,
                f"{len(lines)} columns or rows of the thermal camera are dead {frames}",
                lines,
                total=height + width,
                meaning="a line that no scene has, which a network may take for an edge",
                remedy="fill the line from its neighbours before training, and do the same at prediction",
            )
        if single:
            many = len(single) > ALLOWED_BROKEN * height * width
            yield finding(
                BAD_PIXELS,
                Severity.WARNING if many else Severity.NOTE,
                f"{len(single)} thermal pixels are stuck, dead or hot {frames}",
                [f"row {r}, column {c}" for r, c in single],
                total=height * width,
                meaning="more than a sensor should have" if many else "as every sensor has a few",
                remedy="fill them from their neighbours; with percentile normalisation a few do no harm",
            )
    few = [w for w in evidence.watches if w.frames < MIN_FRAMES]
    if few and len(few) == len(evidence.watches):
        yield finding(
            BAD_PIXELS,
            Severity.NOTE,
            f"too few thermal frames to tell broken pixels from scenery ({few[0].frames})",
            [],
            total=sum(w.frames for w in few),
            meaning=f"{MIN_FRAMES} frames that differ are needed",
            remedy="nothing, or check more frames",
        )
