"""From 14 bits to 8 as cameras do it: a kind of gain control is a function and a row in `GAIN_CONTROLS`.

Each takes raw counts [h w] float32 and a generator for its own settings, and gives [h w] in 0..1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

from thermodepth.synthetic.space.vectors import Array

_BINS = 1024
_TILE_BINS = 128
_LEAST_SPAN = 12.0  # counts: less is not stretched over the whole picture, but by equalisation


def _scaled(raw: Array, low: float, high: float) -> Array:
    middle, span = (low + high) / 2, max(high - low, _LEAST_SPAN)
    scaled: Array = ((raw - middle) / span + 0.5).clip(0, 1)
    return scaled


def linear(raw: Array, rng: np.random.Generator) -> Array:
    """Between two percentiles, now and then the extremes, with a tone curve."""
    tail = float(rng.uniform(0, 2.5))
    low, high = np.percentile(raw, (tail, 100 - tail)).tolist()
    # Some leave room at both ends, some are set by hand and too dark or too bright.
    room = float(rng.uniform(0, 0.35))
    shift = float(rng.normal(0, 0.08))
    toned: Array = (room / 2 + (1 - room) * _scaled(raw, low, high) + shift).clip(0, 1)
    return toned ** float(np.exp(rng.normal(0, 0.2)))


def equalised(raw: Array, rng: np.random.Generator) -> Array:
    """Histogram equalisation, mixed with a straight line."""
    return _equalised(raw, plateau=1.0, straight=float(rng.uniform(0, 0.3)))


def plateau(raw: Array, rng: np.random.Generator) -> Array:
    """Histogram equalisation whose bins count up to a limit: a large even area takes less of the range."""
    share = float(np.exp(rng.uniform(np.log(0.002), np.log(0.03))))
    return _equalised(raw, plateau=share, straight=float(rng.uniform(0.1, 0.6)))


def _equalised(raw: Array, *, plateau: float, straight: float) -> Array:
    """`plateau` is the most that a bin counts, as a share of all pixels."""
    low, high = np.percentile(raw, (0.2, 99.8)).tolist()
    scaled = _scaled(raw, low, high)
    bins = np.bincount((scaled * (_BINS - 1)).astype(np.int64).ravel(), minlength=_BINS)
    limited = np.minimum(bins, max(plateau * raw.size, 1.0))
    curve = np.cumsum(limited) / limited.sum()
    mapped = np.interp(scaled, np.linspace(0, 1, _BINS), curve)
    toned: Array = (1 - straight) * mapped + straight * scaled
    return toned.astype(np.float32)


def local(raw: Array, rng: np.random.Generator) -> Array:
    """Slow changes pressed together, detail lifted, as digital detail enhancement does."""
    reach = float(rng.uniform(0.04, 0.15)) * max(raw.shape)
    low, high = np.percentile(raw, (0.5, 99.5)).tolist()
    scaled = _scaled(raw, low, high)
    grey = Image.fromarray((scaled * 255).astype(np.uint8))
    base = np.asarray(grey.filter(ImageFilter.BoxBlur(reach)), np.float32) / 255
    slow, lift = float(rng.uniform(0.3, 0.9)), float(rng.uniform(1.0, 2.0))
    toned: Array = (0.5 + slow * (base - 0.5) + lift * (scaled - base)).clip(0, 1)
    return toned


def clahe(raw: Array, rng: np.random.Generator) -> Array:
    """Equalised tile by tile with a limit on the slope (contrast-limited adaptive, Zuiderveld 1994).

    The limit bounds what noise is lifted by, so that an even sky stays even.
    """
    low, high = np.percentile(raw, (0.5, 99.5)).tolist()
    scaled = _scaled(raw, low, high)
    down = int(rng.integers(2, 7))
    across = max(round(down * raw.shape[1] / raw.shape[0]), 2)
    limit, straight = float(rng.uniform(1.5, 4.0)), float(rng.uniform(0.1, 0.5))
    level = (scaled * (_TILE_BINS - 1)).astype(np.int64)
    row, weight_row, tile_row = _tiles(raw.shape[0], down)
    column, weight_column, tile_column = _tiles(raw.shape[1], across)
    tile = tile_row[:, None] * across + tile_column[None, :]
    counts = np.bincount((tile * _TILE_BINS + level).ravel(), minlength=down * across * _TILE_BINS)
    share = counts.reshape(down, across, _TILE_BINS).astype(np.float32)
    share /= share.sum(-1, keepdims=True)
    clipped = np.minimum(share, limit / _TILE_BINS)
    clipped += (1 - clipped.sum(-1, keepdims=True)) / _TILE_BINS
    curve = np.cumsum(clipped, -1) - clipped / 2
    mapped = np.zeros(raw.shape, np.float32)
    for step_row, part_row in ((0, 1 - weight_row), (1, weight_row)):
        for step_column, part_column in ((0, 1 - weight_column), (1, weight_column)):
            rows = np.minimum(row + step_row, down - 1)[:, None]
            columns = np.minimum(column + step_column, across - 1)[None, :]
            mapped += curve[rows, columns, level] * (part_row[:, None] * part_column[None, :])
    toned: Array = ((1 - straight) * mapped + straight * scaled).clip(0, 1)
    return toned


def _tiles(length: int, count: int) -> tuple[Array, Array, Array]:
    """Of each pixel along a side: the tile whose middle lies before it, the share of the next, its own."""
    position = (np.arange(length) + 0.5) * count / length
    before = (position - 0.5).clip(0, count - 1)
    first = np.floor(before).astype(np.int64)
    return first, (before - first).astype(np.float32), np.floor(position).astype(np.int64)


GAIN_CONTROLS: dict[str, Callable[[Array, np.random.Generator], Array]] = {
    "linear": linear,
    "equalised": equalised,
    "plateau": plateau,
    "local": local,
    "clahe": clahe,
}
