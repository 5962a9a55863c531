"""Tables of what models tell of their own errors."""

from __future__ import annotations

from thermodepth.evaluation.results.expected_error import ExpectedErrors, Mean
from thermodepth.evaluation.rows.rows import WHOLE_FRAME
from thermodepth.evaluation.scoring.slices import slice_names
from thermodepth.metrics import EXPECTED
from thermodepth.report.evaluation.cells import averaged, frames_words, metric_heading, slice_title
from thermodepth.report.evaluation.warnings import published_note
from thermodepth.report.table import Cell, Column, Number, Table

_COVERAGES = ("error_coverage_68", "error_coverage_90")
_KINDS = {"range": "m away", "edge": "px to an edge", "contrast": "contrast", "density": "density"}


def expected_error_tables(errors: ExpectedErrors) -> dict[str, Table]:
    """By the stem of their file; none where no model tells."""
    if not errors.arms:
        return {}
    return {"expected_error": _whole(errors), "expected_error_by_slice": _by_slice(errors)}


def _whole(errors: ExpectedErrors) -> Table:
    rows: list[tuple[Cell, ...]] = []
    frames = 0
    for row in EXPECTED.values():
        means = [errors.mean(arm, row.name) for arm in errors.arms]
        frames = max(frames, *(mean.frames for mean in means if mean is not None), 0)
        rows.append((metric_heading(row), *(_number(mean, row.digits) for mean in means)))
        if row.name in _COVERAGES:
            spreads = (None if mean is None else mean.standard_error for mean in means)
            errors_of = (None if error is None else Number(error, row.digits) for error in spreads)
            rows.append((f"standard error over scenes, {row.label}", *errors_of))
    return Table(
        title="What models expect of their own error",
        columns=(
            Column(label="Metric", align="left"),
            *(Column(label=arm) for arm in errors.arms),
        ),
        rows=tuple(rows),
        notes=(
            f"Protocol {errors.protocol.protocol_id()}; {averaged(errors.protocol)} "
            f"{frames_words(frames)}, of metres as they were predicted, neither aligned nor limited. A "
            "larger relative error is a worse one. AUSE says how far the order of the pixels is from the "
            "best; the random order is what knowing nothing gives.",
            *published_note(EXPECTED.values()),
        ),
    )


def _by_slice(errors: ExpectedErrors) -> Table:
    rows = []
    for kind, names in slice_names(errors.protocol).items():
        rows += [_line(errors, f"{slice_title(name)} {_KINDS[kind]}", slice=name) for name in names]
    for condition in errors.conditions:
        rows.append(_line(errors, condition or "(no condition given)", condition=condition))
    metrics = [EXPECTED[name] for name in _COVERAGES]
    return Table(
        title="Share of the pixels inside the expected error, by slice",
        columns=(
            Column(label="Slice", align="left"),
            Column(label="pixels"),
            Column(label="frames"),
            *(
                column
                for arm in errors.arms
                for row in metrics
                for column in (
                    Column(
                        label=_of(row.label, arm, errors.arms),
                        digits=row.digits,
                        better=row.better,
                        optimum=row.optimum,
                    ),
                    Column(label=_of("±", arm, errors.arms), digits=row.digits),
                )
            ),
        ),
        rows=tuple(rows),
        notes=(
            f"Protocol {errors.protocol.protocol_id()}. ±: standard error over scenes. Distance is that "
            "of the truth, which no model knows when it speaks: what is far and was put near is told too "
            "small an error.",
        ),
    )


def _line(
    errors: ExpectedErrors, title: str, *, slice: str = WHOLE_FRAME, condition: str | None = None
) -> tuple[Cell, ...]:
    means = [
        errors.mean(arm, metric, slice=slice, condition=condition)
        for arm in errors.arms
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
