"""How far a graph is from the network that it was written of, on frames that say where graphs go wrong.

Sizes that nothing in the graph was made for; frames that are flat, saturated or nothing but noise, as a
shutter, a fire and a broken camera give; a scene with a ground, warm boxes and hot pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.errors import WeightsError
from thermodepth.types import ThermalUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from thermodepth.inference.depth import Depth
    from thermodepth.inference.frame_predictor import FramePredictor

#: (rows, columns): of common cameras, odd, prime, and smaller than what networks see.
SIZES = ((512, 640), (240, 321), (97, 131), (120, 160))
#: The largest relative difference of metres, of structure over its span, and of 1 + expected error, of an
#: export in float32.
MOST_DIFFERENCE = 1e-3
#: The largest share of pixels that are sky to one of the two: the mask is a threshold, and nearly equal
#: numbers may fall on either side of it.
MOST_SKY = 0.01
_LEVEL, _SPAN = 0.45, {ThermalUnit.COUNTS: 16383.0, ThermalUnit.DISPLAY: 255.0}
_COLDEST_K, _SPAN_K = 260.0, 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """A graph against its network on one frame."""

    runtime: str
    frame: str  # a row of TRIALS
    size: tuple[int, int]
    depth: float  # the largest difference of metres, relative to the network's
    mean_depth: float  # their mean
    structure: float  # the largest difference, relative to the network's span
    #: The largest difference of 1 + error, at 68 or 90 %, relative to the network's; None: neither tells it.
    relative_error: float | None
    sky: (
        float | None
    )  # share of the pixels that are sky to one of them only; None: neither tells it


def parity(
    network: FramePredictor,
    graph: FramePredictor,
    *,
    runtime: str,
    unit: ThermalUnit,
    sizes: Sequence[tuple[int, int]] = SIZES,
) -> list[Parity]:
    """A row for every trial frame of every size.

    Args:
        network: run by torch, at the graph's short side.
        graph: the export.
        runtime: its name.
        unit: of the frames.
        sizes: (rows, columns) of the frames.
    """
    rows = []
    for size in sizes:
        for name, draw in TRIALS.items():
            frame = in_unit(draw(size, np.random.default_rng(0)), unit)
            focal_px = [1.1 * size[1]]
            reference, exported = (
                predictor.predict([frame], unit=unit, lens=focal_px)[0]
                for predictor in (network, graph)
            )
            rows.append(_row(reference, exported, runtime=runtime, frame=name, size=size))
    return rows


def check_parity(rows: Sequence[Parity]) -> None:
    """
    Raises:
        WeightsError: naming the worst frame, where metres, structure or expected error differ by more than
            MOST_DIFFERENCE, or sky does on more than MOST_SKY of the pixels.
    """
    differences = [("metres", row.depth, row) for row in rows]
    differences += [("structure", row.structure, row) for row in rows]
    differences += [("expected errors", row.relative_error or 0.0, row) for row in rows]
    name, most, worst = max(differences, key=lambda entry: entry[1])
    for row in rows:
        if row.sky is not None and row.sky > MOST_SKY:
            raise WeightsError(
                f"runtime {row.runtime}: sky of the frame '{row.frame}' of {row.size[1]}x{row.size[0]} "
                f"differs from torch's on {row.sky:.1%} of the pixels, more than {MOST_SKY:.0%}; nothing is "
                "written"
            )
    if most > MOST_DIFFERENCE:
        raise WeightsError(
            f"runtime {worst.runtime}: {name} of the frame '{worst.frame}' of {worst.size[1]}x"
            f"{worst.size[0]} differ from torch's by up to {most:.2g}, more than {MOST_DIFFERENCE:g}; "
            "nothing is written"
        )


def in_unit(shares: NDArray[np.floating], unit: ThermalUnit) -> NDArray[Any]:
    """A frame of shares of the range, 0 to 1, as a camera of this unit gives it."""
    if unit is ThermalUnit.KELVIN:
        return (_COLDEST_K + _SPAN_K * shares).astype(np.float32)
    kind = np.uint8 if unit is ThermalUnit.DISPLAY else np.uint16
    frame: NDArray[Any] = np.rint(shares * _SPAN[unit]).astype(kind)
    return frame


def _scene(size: tuple[int, int], random: np.random.Generator) -> NDArray[np.float64]:
    rows, columns = size
    shares = np.linspace(0.38, 0.5, rows)[:, None] + random.normal(0, 0.002, size)
    for _ in range(6):
        top = int(random.integers(rows // 3, max(rows - 8, rows // 3 + 1)))
        left = int(random.integers(max(columns - 8, 1)))
        shares[top : top + rows // 6, left : left + columns // 9] += 0.08
    hot = random.integers(0, rows * columns, 3)
    shares.reshape(-1)[hot] = 1.0
    return shares.clip(0, 1)


def _flat(size: tuple[int, int], random: np.random.Generator) -> NDArray[np.float64]:
    del random
    return np.full(size, _LEVEL)


def _saturated(size: tuple[int, int], random: np.random.Generator) -> NDArray[np.float64]:
    return (_scene(size, random) > _LEVEL).astype(np.float64)


def _noise(size: tuple[int, int], random: np.random.Generator) -> NDArray[np.float64]:
    return random.random(size)


TRIALS: dict[str, Callable[[tuple[int, int], np.random.Generator], NDArray[np.float64]]] = {
    "scene": _scene,
    "flat": _flat,
    "saturated": _saturated,
    "noise": _noise,
}


def _row(
    network: Depth, graph: Depth, *, runtime: str, frame: str, size: tuple[int, int]
) -> Parity:
    relative = np.abs(graph.depth_m / network.depth_m - 1)
    span = float(np.ptp(network.structure))
    structure = float(np.abs(graph.structure - network.structure).max())
    error = sky = None
    ours, theirs = ([d.relative_error, d.relative_error_90] for d in (graph, network))
    if any(each is not None for each in (*ours, *theirs)):
        error = max(_error_difference(*pair) for pair in zip(ours, theirs, strict=True))
    if network.sky is not None or graph.sky is not None:
        both = network.sky is not None and graph.sky is not None
        sky = float(np.mean(network.sky != graph.sky)) if both else 1.0
    return Parity(
        runtime=runtime,
        frame=frame,
        size=size,
        depth=float(relative.max()),
        mean_depth=float(relative.mean()),
        structure=structure / max(span, 1e-12),
        relative_error=error,
        sky=sky,
    )


def _error_difference(
    graph: NDArray[np.float32] | None, network: NDArray[np.float32] | None
) -> float:
    """Infinite where one of the two does not tell it."""
    if graph is None or network is None:
        return float("inf")
    return float(np.abs((1 + graph) / (1 + network) - 1).max())
