"""One frame's maps to rows under a protocol, and many frames one after the other.

Per map: under every alignment that its geometry allows, each metric of the error family over all scored
pixels. Under its natural alignment (the least it needs) and under the protocol's own, also a few errors by
slice. Under its natural alignment, the metrics that look at the map as a picture.

A model that tells its relative error is scored for that too, as a head of its own: the depth as it is, under
no alignment, because that is what it speaks of.

A structural head is also scored against the teacher's map, where there is one: the teacher's map, brought
to metres by its own fit to the truth, takes the truth's place, and so has an answer at every pixel.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from thermodepth.errors import DataError
from thermodepth.evaluation.head_maps import RELATIVE_ERROR, GeometryMap, Head, HeadMaps
from thermodepth.evaluation.protocols.alignment import (
    ALIGNMENTS,
    alignments_of,
    apply_fit,
    fit_map,
)
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.rows.rows import TEACHER_ARM, WHOLE_FRAME, Row, rows_from_records
from thermodepth.evaluation.scoring.density import DepthDensity, density_of
from thermodepth.evaluation.scoring.frame_truth import FrameTruth
from thermodepth.evaluation.scoring.metres import (
    at_own_size,
    fit_of,
    fittable_of,
    limited_to_range,
    own_size_of,
)
from thermodepth.evaluation.scoring.metres import metres_of as metres_of
from thermodepth.metrics import (
    ERRORS,
    EXPECTED,
    MAP_FAMILIES,
    METRICS,
    Map,
    PixelErrors,
    Pixels,
    TruthMap,
    checked_expected,
    metric_rows,
)
from thermodepth.metrics.boundary import BOUNDARY_OWN
from thermodepth.types import Geometry, Sample

_log = logging.getLogger(__name__)

#: What is also measured slice by slice.
SLICED = ("abs_rel", "rmse", "silog", "log_bias", "delta_1")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameScores:
    """What one frame gave."""

    rows: list[Row]
    densities: dict[str, DepthDensity] = field(default_factory=dict)  # by arm, of its metric map
    floored: Counter[str] = field(default_factory=Counter)  # by arm, scored pixels at or below 0 m
    limited: Counter[str] = field(default_factory=Counter)  # by arm, outside the range, as it is
    counted: Counter[str] = field(default_factory=Counter)  # by arm, scored pixels of metric maps


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The rows of many frames, and what was left out of them."""

    rows: pa.Table  # rows.ROW_SCHEMA
    frames: int  # how many were scored
    skipped: tuple[str, ...]  # ids of frames with too little truth inside the protocol's range
    densities: Mapping[str, DepthDensity] = field(default_factory=dict)

    def note(self) -> str:
        """One line for a report: how many frames stand behind the numbers."""
        return counted(self.frames, self.skipped)


def counted(frames: int, skipped: Sequence[str]) -> str:
    """How many frames were scored, and which were not."""
    text = f"{frames} frame{'s' * (frames != 1)} scored"
    if skipped:
        listing = ", ".join(skipped[:3]) + (", ..." if len(skipped) > 3 else "")
        text += f"; {len(skipped)} skipped, having too little truth inside the range ({listing})"
    return text


def score_frame(
    head_maps: Mapping[str, HeadMaps],
    sample: Sample,
    protocol: Protocol,
    *,
    frame: int,
    study: str,
    seed: int,
    metrics: Sequence[str] | None = None,
) -> FrameScores | None:
    """What each arm says of one frame, scored; None for a frame without enough truth in range.

    The arm `TEACHER_ARM` may answer NaN where it has no label and is then scored on fewer pixels; of every
    other arm a value is demanded at each scored pixel. A slice without pixels gives no row (nothing was
    measured there, which is not an error of 0), nor does one with fewer pixels than a metric needs.

    Raises:
        DataError: naming frame and arm, for a map that is not [h w], is not finite on a scored pixel,
            not positive where the protocol does not clamp, or cannot be resized.
        SettingsError: for a metric that does not exist.
    """
    metrics = tuple(METRICS) if metrics is None else tuple(metrics)  # with those of extensions
    metric_rows(metrics)
    truth = FrameTruth.from_sample(sample, frame=frame, protocol=protocol)
    if truth is None:
        return None
    scores = FrameScores(rows=[])
    teacher = head_maps.get(TEACHER_ARM)
    own_size = own_size_of(head_maps, truth.size)
    for arm, maps in head_maps.items():
        subject = _Subject(study=study, arm=arm, seed=seed, metrics=metrics, own_size=own_size)
        for head, claim in maps.items():
            try:
                _score_map(claim, truth, subject, head=head, against="truth", into=scores)
            except ValueError as error:
                raise DataError(f"{subject.where(sample)}: {error}") from None
    if teacher is not None and (taught := _teacher_truth(teacher["structure"], truth)) is not None:
        for arm, maps in head_maps.items():
            if arm != TEACHER_ARM and "structure" in maps:
                subject = _Subject(
                    study=study, arm=arm, seed=seed, metrics=metrics, own_size=own_size
                )
                claim = maps["structure"]
                _score_map(claim, taught, subject, head="structure", against="teacher", into=scores)
    return scores


def score_frames(
    pairs: Iterable[tuple[HeadMaps, Sample]],
    protocol: Protocol,
    *,
    study: str,
    arm: str,
    seed: int,
    metrics: Sequence[str] | None = None,
) -> Scores:
    """Score the (answer, sample) pairs of one arm, taken one at a time.

    Frames with too little truth inside the range are counted, named in the result and logged; never scored.
    The rows stand under the protocol for exactly these frames.

    Raises:
        DataError: as `score_frame`; when a frame comes twice; when not one frame could be scored.
        SettingsError: for a protocol that was made for other frames.
    """
    records: list[Row] = []
    frames = 0
    skipped: list[str] = []
    densities: dict[str, DepthDensity] = {}
    ids: list[str] = []
    for index, (maps, sample) in enumerate(pairs):
        ids.append(sample.sample_id)
        scored = score_frame(
            {arm: maps}, sample, protocol, frame=index, study=study, seed=seed, metrics=metrics
        )
        if scored is None:
            skipped.append(sample.sample_id)
            continue
        frames += 1
        records.extend(scored.rows)
        add_densities(densities, scored.densities)
    if not frames:
        raise nothing_scored(protocol, len(skipped))
    settled = protocol.for_frames(ids)
    protocol_id = settled.protocol_id()
    for record in records:
        record["protocol"] = protocol_id
    scores = Scores(
        rows=rows_from_records(records, protocol=settled),
        frames=frames,
        skipped=tuple(skipped),
        densities=densities,
    )
    if skipped:
        _log.warning("arm '%s', seed %d: %s", arm, seed, scores.note())
    return scores


def add_densities(total: dict[str, DepthDensity], more: Mapping[str, DepthDensity]) -> None:
    """Add histograms arm by arm, in place."""
    for arm, density in more.items():
        total[arm] = total[arm] + density if arm in total else density


def nothing_scored(protocol: Protocol, frames: int) -> DataError:
    """The error for a set of frames of which none could be scored."""
    return DataError(
        f"no frame has {_enough(protocol)} between {protocol.min_depth_m:g} and "
        f"{protocol.max_depth_m:g} m (protocol '{protocol.name}'); {frames} frames were given"
    )


def _enough(protocol: Protocol) -> str:
    fewest = protocol.least_pixels
    return "truth" if fewest == 1 else f"{fewest} pixels of truth (least_pixels)"


# --- one map -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """Whose map it is, and what is asked of it."""

    study: str
    arm: str
    seed: int
    metrics: tuple[str, ...]
    own_size: tuple[int, int] | None  # at which boundaries are looked for as well

    def where(self, sample: Sample) -> str:
        return f"frame '{sample.sample_id}' (arm '{self.arm}', seed {self.seed})"


def _score_map(
    claim: GeometryMap,
    truth: FrameTruth,
    subject: _Subject,
    *,
    head: Head,
    against: str,
    into: FrameScores,
) -> None:
    values = truth.resized(claim)
    if subject.arm == TEACHER_ARM:
        labelled = truth.where(np.isfinite(values))
        if labelled is None:
            return
        truth = labelled
    scored = values[truth.scored]
    # Before any clamp, which would turn infinity into a plausible far distance.
    if not np.isfinite(scored).all():
        bad = int(np.count_nonzero(~np.isfinite(scored)))
        raise ValueError(f"{bad} of {scored.size} scored pixels of the prediction are not finite")
    if claim.geometry is Geometry.METRIC_DEPTH and truth.protocol.clamp_prediction:
        into.floored[subject.arm] += int(np.count_nonzero(scored <= 0.0))
        low, high = truth.protocol.min_depth_m, truth.protocol.max_depth_m
        into.limited[subject.arm] += int(np.count_nonzero((scored < low) | (scored > high)))
        into.counted[subject.arm] += scored.size

    rows = _MapRows(truth, subject, head=head, against=against, into=into.rows)
    natural, *fitted = alignments_of(claim.geometry)
    fit = fit_of(natural, claim.geometry, scored, truth.pixels, truth)
    fittable = fittable_of(natural, claim.geometry, scored, truth.protocol)
    unlimited = apply_fit(fit, claim.geometry, fittable)
    depth = limited_to_range(unlimited, natural, truth.protocol)
    errors = PixelErrors(depth, truth.pixels, log_truth=truth.log_pixels)
    rows.whole_frame(natural.name, errors)
    rows.slices(natural.name, errors)
    if head == "depth" and against == "truth":
        into.densities[subject.arm] = density_of(truth.protocol, depth, truth.pixels)
    rows.picture(
        natural.name,
        depth,
        unlimited,
        at_own_size=at_own_size(claim, values, natural, fit, truth, subject.own_size),
    )
    if claim.relative_error is not None and against == "truth" and natural.name == "none":
        error_rows = _MapRows(truth, subject, head=RELATIVE_ERROR, against=against, into=into.rows)
        error_rows.expected(unlimited, _expected_of(claim.relative_error, truth))
    for alignment in fitted:
        fit = fit_of(alignment, claim.geometry, scored, truth.pixels, truth)
        fittable = fittable_of(alignment, claim.geometry, scored, truth.protocol)
        depth = limited_to_range(
            apply_fit(fit, claim.geometry, fittable), alignment, truth.protocol
        )
        errors = PixelErrors(depth, truth.pixels, log_truth=truth.log_pixels)
        rows.whole_frame(alignment.name, errors)
        if alignment.name == truth.protocol.alignment:
            rows.slices(alignment.name, errors)


def _expected_of(relative_error: NDArray[np.floating], truth: FrameTruth) -> NDArray[np.float64]:
    """[levels n] at the scored pixels, brought to the truth's size as depth is.

    Raises:
        ValueError: for a map that cannot be resized.
    """
    levels = (
        truth.resized(GeometryMap(values=level, geometry=Geometry.METRIC_DEPTH))
        for level in relative_error
    )
    return np.stack([level[truth.scored] for level in levels])


class _MapRows:
    """Writes the rows of one map."""

    def __init__(
        self,
        truth: FrameTruth,
        subject: _Subject,
        *,
        head: Head | Literal["relative_error"],
        against: str,
        into: list[Row],
    ) -> None:
        self._truth = truth
        self._into = into
        self._errors = [ERRORS[name] for name in subject.metrics if name in ERRORS]
        self._sliced = [row for row in self._errors if row.name in SLICED]
        self._requested = dict.fromkeys(subject.metrics)
        sample = truth.sample
        self._same = Row(
            study=subject.study,
            arm=subject.arm,
            seed=subject.seed,
            frame=truth.frame,
            sample_id=sample.sample_id,
            sequence=sample.sequence,
            condition=sample.condition,
            protocol=truth.protocol.protocol_id(),
            head=head,
            against=against,
            alignment="none",
            slice=WHOLE_FRAME,
            metric="",
            value=0.0,
            pixels=0,
        )

    def whole_frame(self, alignment: str, errors: PixelErrors) -> None:
        """Every error over all scored pixels."""
        count = int(errors.d.size)
        for row in self._errors:
            if count >= row.least_pixels:
                self._add(alignment, WHOLE_FRAME, row.name, float(row.compute(errors)[0]), count)

    def slices(self, alignment: str, errors: PixelErrors) -> None:
        """A few errors over each slice."""
        if not self._sliced:
            return
        names, groups = self._truth.slices
        grouped, sizes = errors.regrouped(groups), groups.sizes
        for row in self._sliced:
            for name, value, count in zip(names, row.compute(grouped), sizes, strict=True):
                if count >= row.least_pixels:
                    self._add(alignment, name, row.name, float(value), int(count))

    def expected(self, depth_m: Pixels, expected: NDArray[np.float64]) -> None:
        """What was told of the errors of the map as it is, over all scored pixels and by slice.

        Raises:
            ValueError: for metres or expected errors that are none.
        """
        chosen = [EXPECTED[name] for name in self._requested if name in EXPECTED]
        if not chosen:
            return
        errors = PixelErrors(depth_m, self._truth.pixels, log_truth=self._truth.log_pixels)
        expected = checked_expected(expected, errors.d.size)
        names, groups = self._truth.slices
        grouped, sizes = errors.regrouped(groups), groups.sizes
        for row in chosen:
            value = float(row.compute(errors, expected)[0])
            self._add("none", WHOLE_FRAME, row.name, value, int(errors.d.size))
            if row.sliced:
                values = row.compute(grouped, expected)
                for name, value, count in zip(names, values, sizes, strict=True):
                    if count:
                        self._add("none", name, row.name, float(value), int(count))

    def picture(
        self,
        alignment: str,
        depth_m: Pixels,
        unlimited_m: Pixels,
        *,
        at_own_size: tuple[Map, TruthMap] | None,
    ) -> None:
        """What looks at the map as a picture; pixels that are not scored hold 1 m and count nowhere.

        `unlimited_m` is the map before it was limited to the range; `at_own_size` map and truth at the size
        that it was made at.
        """
        families = [
            f for f in MAP_FAMILIES.values() if any(row.name in self._requested for row in f.rows)
        ]
        if not families:
            return
        picture = self._picture_of(depth_m)
        for family in families:
            if at_own_size is not None and family is BOUNDARY_OWN:
                measured = family.measure(*at_own_size)
            else:
                predicted = picture if family.limited else self._picture_of(unlimited_m)
                measured = family.measure(predicted, self._truth.map)
            for name, result in measured.items():
                if name in self._requested:
                    self._add(alignment, WHOLE_FRAME, name, result.value, result.count)

    def _picture_of(self, pixels: Pixels) -> Map:
        picture: Map = np.ones(self._truth.size)
        picture[self._truth.scored] = pixels
        return picture

    def _add(self, alignment: str, part: str, metric: str, value: float, count: int) -> None:
        row = self._same.copy()
        row["alignment"] = alignment
        row["slice"] = part
        row["metric"] = metric
        row["value"] = value
        row["pixels"] = count
        self._into.append(row)


def _teacher_truth(claim: GeometryMap, truth: FrameTruth) -> FrameTruth | None:
    """The teacher's map in metres, in the truth's place; None where it cannot be fitted."""
    values = truth.resized(claim)
    labelled = truth.where(np.isfinite(values))
    if labelled is None:
        return None
    alignment = ALIGNMENTS["affine_inverse"]
    fit = fit_map(alignment, claim.geometry, values[labelled.scored], labelled.pixels)
    if fit.scale <= 0.0:
        return None  # it runs against the truth: there is no depth to read from it
    usable = np.isfinite(values)
    depth = np.full(truth.size, np.nan, dtype=np.float32)
    depth[usable] = apply_fit(fit, claim.geometry, values[usable])
    sample = replace(truth.sample, depth_m=depth)
    return FrameTruth.from_sample(sample, frame=truth.frame, protocol=truth.protocol)
