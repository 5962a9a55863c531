"""Which number sees which mistake: the tables of docs/ledger.md, computed. `python tools/what_moves.py`.

Nine small frames of three places (a floor, a wall with a gentle relief, boxes and a ball) are "predicted" by
their own truth with one known mistake at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy import ndimage

from places import fill
from thermodepth.evaluation.results.ledger import log_ledger, metric_ledger
from thermodepth.evaluation.results.stability import scale_stability
from thermodepth.evaluation.rows.rows import WHOLE_FRAME, Row, rows_from_records
from thermodepth.metrics import ERRORS, MAP_FAMILIES, METRICS, Map, Measured, PixelErrors, TruthMap
from thermodepth.report.evaluation.ledger import ledger_table
from thermodepth.report.table import Column, Table

SEQUENCES, FRAMES = 3, 3
HEIGHT, WIDTH, FOCAL_PX = 96, 128, 100.0
INTRINSICS = np.array([[FOCAL_PX, 0, 64], [0, FOCAL_PX, 40], [0, 0, 1]])
# Nearer than this to its optimum a number has not moved: only rounding is left.
STILL = 1e-10


# --- the truth -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """One frame of the little world."""

    sequence: int
    step: int  # place in its sequence
    depth_m: Map

    @property
    def sample_id(self) -> str:
        """Such as `place-1/2`."""
        return f"place-{self.sequence}/{self.step}"


def depth_map(sequence: int, step: int) -> Map:
    """[h w] metres: the camera, 1.6 m above the floor, walks towards the wall past boxes and a ball."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    random = np.random.default_rng(sequence)
    wall = 11.0 + 4.0 * sequence - 0.5 * step
    depth: Map = wall * np.exp(0.03 * np.sin(x / 9.0) * np.cos(y / 7.0))
    below = y > 40.0
    depth[below] = np.minimum(depth[below], 1.6 * FOCAL_PX / (y[below] - 40.0))
    for _ in range(4):
        distance = random.uniform(3.0, 9.0) - 0.5 * step
        left, width, top = random.uniform(5, 100), random.uniform(8, 25), random.uniform(15, 45)
        across = (x - 64.0) * (1.0 + 0.05 * step) + 64.0
        box = (across > left) & (across < left + width) & (y > top)
        depth[box] = np.minimum(depth[box], distance)
    centre, radius_px = 30.0 + 30.0 * sequence, 13.0
    square = np.square(x - centre - 2.0 * step) + np.square(y - 60.0)
    ball = square < radius_px**2
    front = 2.2 - 0.4 * np.sqrt(1.0 - square[ball] / radius_px**2)
    depth[ball] = np.minimum(depth[ball], front)
    return depth


def frames() -> list[Frame]:
    """Every frame, sequence by sequence."""
    return [
        Frame(sequence=s, step=k, depth_m=depth_map(s, k))
        for s in range(SEQUENCES)
        for k in range(FRAMES)
    ]


# --- the mistakes --------------------------------------------------------------------------------


def compressed(frame: Frame) -> Map:
    """p = c d^0.8 with one c for all frames, such that their mean ln p is their mean ln d."""
    centre = np.mean([np.log(each.depth_m).mean() for each in frames()])
    return np.asarray(np.exp(0.2 * centre) * frame.depth_m**0.8)


def with_noise(frame: Frame, size: float, *, near_edges: bool) -> Map:
    """Noise in ln d within two pixels of a jump of more than 10 %, or everywhere else."""
    log_depth = np.log(frame.depth_m)
    jump = np.zeros(log_depth.shape, bool)
    jump[:, 1:] |= np.abs(np.diff(log_depth, axis=1)) > 0.1
    jump[1:] |= np.abs(np.diff(log_depth, axis=0)) > 0.1
    near = ndimage.binary_dilation(jump, iterations=2)
    random = np.random.default_rng(10 * frame.sequence + frame.step)
    noise = size * random.normal(size=log_depth.shape)
    return np.asarray(np.exp(log_depth + np.where(near == near_edges, noise, 0.0)))


def warped(frame: Frame) -> Map:
    """One wave over the whole picture."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    wave = np.sin(2 * np.pi * x / WIDTH) * np.cos(np.pi * y / HEIGHT)
    return np.asarray(frame.depth_m * np.exp(0.1 * wave))


MISTAKES: dict[str, Callable[[Frame], Map]] = {
    "perfect": lambda f: f.depth_m.copy(),
    "scaled by 3": lambda f: 3.0 * f.depth_m,
    "shifted by 2 m": lambda f: f.depth_m + 2.0,
    "scale drifts in sequences": lambda f: f.depth_m * math.exp(0.1 * (f.step - 1)),
    "scale differs by sequence": lambda f: f.depth_m * math.exp(0.1 * (f.sequence - 1)),
    "range compressed": compressed,
    "low-frequency warp": warped,
    "blurred": lambda f: np.exp(ndimage.gaussian_filter(np.log(f.depth_m), 2.0)),
    "noise at edges": lambda f: with_noise(f, 0.1, near_edges=True),
    "noise off edges": lambda f: with_noise(f, 0.02, near_edges=False),
}


def mixture(frame: Frame) -> Map:
    """Several mistakes at once, as a network makes them."""
    log_depth = ndimage.gaussian_filter(np.log(compressed(frame)), 1.0)
    factor = 0.15 + 0.08 * (frame.sequence - 1) + 0.05 * (-1) ** frame.step
    return np.asarray(np.exp(log_depth + factor))


# --- scoring -------------------------------------------------------------------------------------

Mistakes = Mapping[str, Callable[[Frame], Map]]


def scored(mistakes: Mistakes = MISTAKES) -> pa.Table:
    """Rows of every mistake as an arm; the truth of each frame is derived once."""
    return rows_from_records(list(_records(mistakes)))


def _records(mistakes: Mistakes) -> Iterator[Row]:
    for place, frame in enumerate(frames()):
        truth = TruthMap(sample_id=frame.sample_id, depth_m=frame.depth_m, intrinsics=INTRINSICS)
        for name, mistake in mistakes.items():
            prediction = mistake(frame)
            errors = PixelErrors(prediction.ravel(), frame.depth_m.ravel())
            count = frame.depth_m.size
            scores = {
                key: Measured(float(row.compute(errors)[0]), count) for key, row in ERRORS.items()
            }
            for family in MAP_FAMILIES.values():
                scores |= family.measure(prediction, truth)
            for metric, score in scores.items():
                yield Row(
                    study="what-moves",
                    arm=name,
                    seed=0,
                    frame=place,
                    sample_id=frame.sample_id,
                    sequence=f"place-{frame.sequence}",
                    condition="",
                    protocol="what-moves",
                    head="depth",
                    against="truth",
                    alignment="none",
                    slice=WHOLE_FRAME,
                    metric=metric,
                    value=score.value,
                    pixels=score.count,
                )


# --- the tables ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number:
    """One column: its heading, digits, and the value of a perfect prediction."""

    label: str
    digits: int
    optimum: float = 0.0


LOG = {
    "calibration": Number("calibration", 5),
    "between_sequences": Number("between sequences", 5),
    "frame_to_frame": Number("frame to frame", 5),
    "range": Number("range", 5),
    "coarse": Number("coarse", 5),
    "fine": Number("fine", 5),
}
METRIC = {
    "scale_m2": Number("scale (m²)", 4),
    "shift_m2": Number("shift (m²)", 4),
    "shape_m2": Number("shape (m²)", 4),
}
SCALE = {
    "abs_rel": Number("AbsRel", 4),
    "silog": Number("SILog", 2),
    "range_slope": Number("range slope", 3),
    "log_std": Number("std ln s", 4),
    "flicker": Number("flicker", 4),
}
STRUCTURE = {
    "boundary_f1": Number("boundary F1", 3, 1.0),
    "edge_accuracy_px": Number("edge accuracy (px)", 2),
    "gradient_error_1": Number("gradient error 1 px", 4),
    "normal_angle_mean_deg": Number("normals (°)", 2),
    "ordinal_error": Number("ordinal error", 4),
    "total_variation_ratio": Number("variation ratio", 3, 1.0),
    "off_edge_variation": Number("off-edge variation (%/px)", 3),
    "edge_sharpness": Number("edge sharpness", 3, 1.0),
}
TABLES = {
    "log": ("Parts of the mean square of ln p − ln d", LOG),
    "metric": ("Parts of the mean square in metres, and the steadiness of scale", METRIC | SCALE),
    "structure": ("What looks at the map as a picture", STRUCTURE),
}


def measured() -> dict[str, dict[str, float]]:
    """Mistake -> the number of every column."""
    rows = scored()
    values: dict[str, dict[str, list[float]]] = {name: {} for name in MISTAKES}
    for arm, metric, value in zip(
        *(rows[name].to_pylist() for name in ("arm", "metric", "value")), strict=True
    ):
        values[arm].setdefault(metric, []).append(value)
    logs, metres, steady = log_ledger(rows), metric_ledger(rows), scale_stability(rows)
    return {
        arm: {
            **{metric: math.fsum(scores) / len(scores) for metric, scores in by_metric.items()},
            "mean_square_log": _mean_square(by_metric["rmse_log"]),
            **logs[arm, 0].parts,
            **metres[arm, 0].parts,
            "log_std": steady[arm, 0].log_std or 0.0,
            "flicker": steady[arm, 0].flicker or 0.0,
        }
        for arm, by_metric in values.items()
    }


def _mean_square(values: Sequence[float]) -> float:
    return math.fsum(value * value for value in values) / len(values)


def table(name: str, numbers: dict[str, dict[str, float]]) -> Table:
    """One of the page's tables; what has not moved from its optimum is printed without digits."""
    title, columns = TABLES[name]
    return Table(
        title=title,
        columns=(
            Column(label="mistake", align="left"),
            *(Column(label=number.label) for number in columns.values()),
        ),
        rows=tuple(
            (arm, *(cell(values[key], number) for key, number in columns.items()))
            for arm, values in numbers.items()
        ),
    )


def example() -> Table:
    """What `ledger_table` prints, of the mixture."""
    return ledger_table(log_ledger(scored({"mixture": mixture})))


def cell(value: float, number: Number) -> str:
    """The number as printed."""
    if abs(value - number.optimum) < STILL:
        return f"{number.optimum:g}"
    least = 10.0**-number.digits
    if abs(value) < least / 2:
        return f"< {least:.{number.digits}f}"
    return f"{value:.{number.digits}f}".replace("-", "−")


def tables(numbers: dict[str, dict[str, float]]) -> dict[str, str]:
    """Of every place of the page."""
    printed = {name: table(name, numbers) for name in TABLES}
    return {name: each.markdown() for name, each in {**printed, "example": example()}.items()}


if __name__ == "__main__":
    assert set(SCALE) | set(STRUCTURE) <= set(METRICS) | {"log_std", "flicker"}
    fill("ledger.md", "what_moves", tables(measured()))
