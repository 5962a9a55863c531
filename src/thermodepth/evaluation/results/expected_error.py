"""Tables of what models tell of their own errors: is the share right, and is the order?

Frames of a scene are wrong together, so a share that is covered wanders from set to set by more than its
pixels suggest. Beside each stands its standard error over scenes, with w the weight of a frame (1, or its
pixels), v its value, m the mean and C scenes c:

    SE = sqrt( C/(C-1) sum_c (sum_{i in c} w_i (v_i - m))^2 ) / sum w
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.results.cells import averaged, frames_words, metric_heading, slice_title
from thermodepth.evaluation.results.remarks import published_note
from thermodepth.evaluation.results.rows import WHOLE_FRAME
from thermodepth.evaluation.results.tables import Cell, Column, Number, Table
from thermodepth.evaluation.scoring.answer import RELATIVE_ERROR
from thermodepth.evaluation.scoring.slices import slice_names
from thermodepth.metrics import EXPECTED

_COVERAGES = ("error_coverage_68", "error_coverage_90")
_KINDS = {"range": "m away", "edge": "px to an edge", "contrast": "contrast", "density": "density"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """One metric of one arm over some frames."""

    value: float
    standard_error: float | None  # over scenes; None of a single one
    frames: int
    pixels: int


class ExpectedErrors:
    """The rows of models that tell their relative error, and their tables."""

    def __init__(self, rows: pa.Table, protocol: Protocol) -> None:
        self._protocol = protocol
        own = rows.filter(pc.equal(rows["head"], RELATIVE_ERROR))
        names = ("arm", "metric", "slice", "condition", "sequence", "sample_id")
        self._texts = {name: np.array(own[name].to_pylist(), dtype=object) for name in names}
        self._values = own["value"].to_numpy()
        self._pixels = own["pixels"].to_numpy()
        self.arms = tuple(dict.fromkeys(self._texts["arm"].tolist()))

    def mean(
        self, arm: str, metric: str, *, slice: str = WHOLE_FRAME, condition: str | None = None
    ) -> Mean | None:
        """Over the frames of one condition, or all; None where nothing was measured."""
        inside = self._texts["arm"] == arm
        inside &= self._texts["metric"] == metric
        inside &= self._texts["slice"] == slice
        if condition is not None:
            inside &= self._texts["condition"] == condition
        values = self._values[inside]
        if not values.size:
            return None
        pixels = self._pixels[inside]
        pooled = self._protocol.averaging == "pooled"
        weights = pixels.astype(np.float64) if pooled else np.ones(values.size)
        mean = float((weights * values).sum() / weights.sum())
        scenes = [
            sequence or sample
            for sequence, sample in zip(
                self._texts["sequence"][inside], self._texts["sample_id"][inside], strict=True
            )
        ]
        return Mean(
            value=mean,
            standard_error=_standard_error(values - mean, weights, scenes),
            frames=values.size,
            pixels=int(pixels.sum()),
        )

    def tables(self) -> dict[str, Table]:
        """By the stem of their file; none where no model tells."""
        if not self.arms:
            return {}
        return {"expected_error": self._whole(), "expected_error_by_slice": self._by_slice()}

    def _whole(self) -> Table:
        lines: list[tuple[Cell, ...]] = []
        frames = 0
        for row in EXPECTED.values():
            means = [self.mean(arm, row.name) for arm in self.arms]
            frames = max(frames, *(mean.frames for mean in means if mean is not None), 0)
            lines.append((metric_heading(row), *(_number(mean, row.digits) for mean in means)))
            if row.name in _COVERAGES:
                errors = (None if mean is None else mean.standard_error for mean in means)
                errors_of = (
                    None if error is None else Number(error, row.digits) for error in errors
                )
                lines.append((f"standard error over scenes, {row.label}", *errors_of))
        return Table(
            title="What models expect of their own error",
            columns=(
                Column(label="Metric", align="left"),
                *(Column(label=arm) for arm in self.arms),
            ),
            rows=tuple(lines),
            notes=(
                f"Protocol {self._protocol.protocol_id()}; {averaged(self._protocol)} "
                f"{frames_words(frames)}, of metres as they were predicted, neither aligned nor limited. A "
                "larger relative error is a worse one. AUSE says how far the order of the pixels is from the "
                "best; the random order is what knowing nothing gives.",
                *published_note(EXPECTED.values()),
            ),
        )

    def _by_slice(self) -> Table:
        lines = []
        for kind, names in slice_names(self._protocol).items():
            lines += [
                self._line(f"{slice_title(name)} {_KINDS[kind]}", slice=name) for name in names
            ]
        for condition in sorted(set(self._texts["condition"].tolist())):
            lines.append(self._line(condition or "(no condition given)", condition=condition))
        metrics = [EXPECTED[name] for name in _COVERAGES]
        return Table(
            title="Share of the pixels inside the expected error, by slice",
            columns=(
                Column(label="Slice", align="left"),
                Column(label="pixels"),
                Column(label="frames"),
                *(
                    column
                    for arm in self.arms
                    for row in metrics
                    for column in (
                        Column(
                            label=_of(row.label, arm, self.arms),
                            digits=row.digits,
                            better=row.better,
                            optimum=row.optimum,
                        ),
                        Column(label=_of("±", arm, self.arms), digits=row.digits),
                    )
                ),
            ),
            rows=tuple(lines),
            notes=(
                f"Protocol {self._protocol.protocol_id()}. ±: standard error over scenes. Distance is that "
                "of the truth, which no model knows when it speaks: what is far and was put near is told too "
                "small an error.",
            ),
        )

    def _line(
        self, title: str, *, slice: str = WHOLE_FRAME, condition: str | None = None
    ) -> tuple[Cell, ...]:
        means = [
            self.mean(arm, metric, slice=slice, condition=condition)
            for arm in self.arms
            for metric in _COVERAGES
        ]
        first = next((mean for mean in means if mean is not None), None)
        cells: list[Cell] = [0, 0] if first is None else [first.pixels, first.frames]
        for mean in means:
            cells += [None, None] if mean is None else [mean.value, mean.standard_error]
        return (title, *cells)


def _number(mean: Mean | None, digits: int) -> Cell:
    return None if mean is None else Number(mean.value, digits)


def _of(label: str, arm: str, arms: tuple[str, ...]) -> str:
    return f"{label}, {arm}" if len(arms) > 1 else label


def _standard_error(
    off: NDArray[np.float64], weights: NDArray[np.float64], scenes: list[str]
) -> float | None:
    numbers = np.unique(scenes, return_inverse=True)[1]
    sums = np.bincount(numbers, weights=weights * off)
    if sums.size < 2:
        return None
    spread = float(np.sqrt(sums.size / (sums.size - 1) * np.square(sums).sum()))
    return spread / float(weights.sum())
