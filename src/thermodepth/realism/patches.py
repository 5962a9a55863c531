"""Thermal frames as patches, and eight numbers a patch.

Every frame is brought to the same number of rows and stretched over its own 1 to 99 percentiles first, so
that neither resolution nor the unit of the values tells two sets apart. What is left: how contrast is spread
over scales, how lopsided and how spiky it is, and whether rows and columns show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS = 96  # of a frame before it is cut
SIDE = 32  # of a patch
MOST_PATCHES = 12  # of a frame, evenly spread
BANDS = ((1, 2), (2, 4), (4, 8), (8, 17))  # cycles a patch, octaves up to the pixel
STATISTICS = (
    "contrast",  # log of the standard deviation
    "skewness",
    "spikiness",  # log of the kurtosis
    "octave 1-2",  # log of the share of variance in a band, cycles a patch
    "octave 2-4",
    "octave 4-8",
    "octave 8-16",
    "stripes",  # log ratio: fine variance of row and column means to what white noise has
)
_LEAST_CONTRAST = 1e-3  # a patch that is flat to the last grey level has no statistics


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PatchSet:
    """The patches of many frames."""

    statistics: NDArray[np.float64]  # [n 8] in the order of STATISTICS
    spectrum: NDArray[np.float64]  # [n 16] variance in rings of 1 to 16 cycles a patch
    group: NDArray[
        np.intp
    ]  # [n] which recording: patches of one never stand on both sides of a fold
    pixels: NDArray[np.float32]  # [n 32 32] in 0..1

    def __len__(self) -> int:
        return len(self.group)


def patches_of(frames: list[tuple[str, NDArray[Any]]]) -> PatchSet:
    """The patches of `(recording, thermal frame [h w])` in any unit.

    Raises:
        DataError: for no frames, or none with any contrast.
    """
    numbers: dict[str, int] = {}
    pixels, groups = [], []
    for name, raw in frames:
        cut = _cut(_stretched(_at_one_height(raw)))
        number = numbers.setdefault(name, len(numbers))
        pixels.append(cut)
        groups.append(np.full(len(cut), number, np.intp))
    patches = np.concatenate(pixels) if pixels else np.zeros((0, SIDE, SIDE), np.float32)
    group = np.concatenate(groups) if groups else np.zeros(0, np.intp)
    varied = patches.std((1, 2)) > _LEAST_CONTRAST
    if not varied.any():
        raise DataError("no thermal frame with any contrast to compare")
    patches, group = patches[varied], group[varied]
    statistics, spectrum = _statistics(patches)
    return PatchSet(statistics=statistics, spectrum=spectrum, group=group, pixels=patches)


def _at_one_height(raw: NDArray[Any]) -> NDArray[np.float32]:
    """At `ROWS` rows, by area when it shrinks."""
    import cv2

    height, width = raw.shape
    columns = max(round(width * ROWS / height), SIDE)
    method = cv2.INTER_AREA if height >= ROWS else cv2.INTER_LINEAR
    image = np.ascontiguousarray(raw, np.float32)
    return np.asarray(cv2.resize(image, (columns, ROWS), interpolation=method), np.float32)


def _stretched(image: NDArray[np.float32]) -> NDArray[np.float32]:
    low, high = np.percentile(image, (1, 99)).tolist()
    stretched: NDArray[np.float32] = ((image - low) / max(high - low, 1e-6)).clip(0, 1)
    return stretched.astype(np.float32)


def _cut(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """[p 32 32] from an even grid, at most `MOST_PATCHES` of them."""
    rows, columns = image.shape[0] // SIDE, image.shape[1] // SIDE
    grid = image[: rows * SIDE, : columns * SIDE].reshape(rows, SIDE, columns, SIDE)
    every = grid.transpose(0, 2, 1, 3).reshape(-1, SIDE, SIDE)
    indices = np.unique(np.linspace(0, len(every) - 1, min(len(every), MOST_PATCHES)).round())
    cut: NDArray[np.float32] = every[indices.astype(np.intp)]
    return cut


def _statistics(
    patches: NDArray[np.float32],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[n 8] and [n 16] of patches [n 32 32]."""
    values = patches.astype(np.float64)
    centred = values - values.mean((1, 2), keepdims=True)
    deviation = centred.std((1, 2))
    scaled = centred / deviation[:, None, None]
    spectrum = _rings(centred)
    total = spectrum.sum(1)
    octaves = [spectrum[:, low - 1 : high - 1].sum(1) / total for low, high in BANDS]
    columns = (
        np.log(deviation),
        (scaled**3).mean((1, 2)),
        np.log((scaled**4).mean((1, 2))),
        *(np.log(share + 1e-6) for share in octaves),
        _stripes(centred),
    )
    return np.stack(columns, 1), spectrum


def _rings(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n 16] variance at 1, 2, .. 16 cycles a patch, of Hann-windowed patches [n 32 32]."""
    window = np.hanning(SIDE + 2)[1:-1]
    power = np.abs(np.fft.fft2(centred * window[:, None] * window[None, :])) ** 2 / SIDE**4
    cycles = np.fft.fftfreq(SIDE) * SIDE
    ring = np.rint(np.hypot(cycles[:, None], cycles[None, :])).astype(int)
    return np.stack([power[:, ring == r].sum(1) for r in range(1, SIDE // 2 + 1)], 1)


def _stripes(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n] 0 for white noise, above where rows and columns show."""
    fine = centred[:, 1:-1, 1:-1] - 0.25 * (
        centred[:, :-2, 1:-1] + centred[:, 2:, 1:-1] + centred[:, 1:-1, :-2] + centred[:, 1:-1, 2:]
    )
    along = fine.mean(2).var(1) + fine.mean(1).var(1)
    # Of white noise a mean along a line keeps .375 where a pixel keeps 1.25 of the variance.
    expected = 2 * 0.3 * fine.var((1, 2)) / fine.shape[1]
    ratio: NDArray[np.float64] = np.log((along + 1e-12) / (expected + 1e-12))
    return ratio
