"""Visible textures, painted per sample from surface coordinates. A pattern is one function and one row.

Each detail fades out when the pixel's footprint grows past its size, 1 / (1 + (footprint / detail)^2), so
that far walls do not sparkle. Patterns change the RGB picture, and through the albedo the heat taken
from the sun; they are not seen by the thermal camera itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from thermodepth.synthetic.materials.noise import bilinear, cell, nearest, rough, smooth, white
from thermodepth.synthetic.space.vectors import Array


@dataclass(frozen=True, slots=True)
class Place:
    """Where the samples of one pattern lie: all [n]."""

    u: Array  # metres along the surface
    v: Array
    footprint_m: Array  # the pixel's width on the surface
    offset: Array  # 0..1, one value an object

    def fade(self, detail_m: float) -> Array:
        """1 where `detail_m` is resolved, towards 0 where it is not."""
        resolved_share: Array = 1 / (1 + (self.footprint_m / detail_m) ** 2)
        return resolved_share


def _fraction(x: Array) -> Array:
    fraction: Array = x - np.floor(x)
    return fraction


def brick(at: Place) -> Array:
    """Courses of 22 x 7.5 cm bricks with mortar joints."""
    course = np.floor(at.v / 0.075)
    along = at.u / 0.22 + 0.5 * (course % 2)
    mortar = (_fraction(at.v / 0.075) < 0.13) | (_fraction(along) < 0.05)
    tone = cell(white(), np.floor(along) * 7, course * 13)
    factor: Array = 1 + at.fade(0.06) * (np.where(mortar, 1.45, 0.72 + 0.5 * tone) - 1)
    return factor[:, None]


def _grid(at: Place, size_m: float) -> Array:
    """Square plates with dark joints."""
    a, b = at.u / size_m, at.v / size_m
    joint = (_fraction(a) < 0.03) | (_fraction(b) < 0.03)
    tone = cell(white(), np.floor(a) * 5, np.floor(b) * 11)
    factor: Array = 1 + at.fade(0.12) * ((0.85 + 0.3 * tone) * np.where(joint, 0.55, 1) - 1)
    return factor[:, None]


def tiles(at: Place) -> Array:
    """40 cm floor tiles."""
    return _grid(at, 0.4)


def paving(at: Place) -> Array:
    """50 cm slabs."""
    return _grid(at, 0.5)


def panels(at: Place) -> Array:
    """1.25 m facade panels."""
    return _grid(at, 1.25)


def asphalt(at: Place) -> Array:
    """Grain, worn patches, cracks."""
    grain = nearest(white(), at.u, at.v, 60.0) - 0.5
    worn = bilinear(smooth(), at.u, at.v, 14.0, at.offset)
    crack = np.abs(bilinear(rough(), at.u, at.v, 22.0, 0.7)) < 0.035
    factor: Array = 1 + 0.5 * grain * at.fade(0.03) + 0.16 * worn - 0.35 * crack * at.fade(0.06)
    return factor[:, None]


def wood(at: Place) -> Array:
    """Boards of 13 cm with grain along u."""
    grain = nearest(smooth(), at.u * 0.15, at.v, 160.0, at.offset)
    board = cell(white(), np.floor(at.v / 0.13), np.full(len(at.v), 3)) - 0.5
    factor: Array = 1 + 0.22 * grain * at.fade(0.02) + 0.25 * board * at.fade(0.1)
    return factor[:, None]


def stripes(at: Place) -> Array:
    """9 cm bands, as on awnings and jumpers."""
    fade = at.fade(0.06)
    factor: Array = np.where(_fraction(at.v / 0.09) < 0.5, 1 + 0.55 * fade, 1 - 0.45 * fade)
    return factor[:, None]


def leaf(at: Place) -> Array:
    """Uneven green."""
    factor: Array = 1 + 0.3 * nearest(rough(), at.u, at.v, 120.0, at.offset)
    return factor[:, None]


def grass(at: Place) -> Array:
    """Blades, and patches that are drier."""
    blades = 0.3 * nearest(rough(), at.u, at.v, 130.0) * at.fade(0.02)
    lush = 1 + blades + 0.2 * bilinear(smooth(), at.u, at.v, 9.0, 0.2)
    dry = 1 + 0.25 * bilinear(smooth(), at.u, at.v, 5.0, 0.6)
    return np.stack([lush * dry, lush, lush], -1)


def _random_cells(at: Place, column: Array, row: Array) -> Array:
    """[n 3] one random colour a cell, different on every object."""
    seed = np.floor(at.offset * 500)
    channels = [
        cell(white(), column * 17 + seed + 31 * c, row * 29 + seed * 3 + 7 * c) for c in range(3)
    ]
    colours = np.stack(channels, -1)
    # Half way to grey: prints are rarely as loud as a random colour.
    muted: Array = 0.5 * colours + 0.5 * colours.mean(-1, keepdims=True)
    return muted


def poster(at: Place) -> Array:
    """A patchwork of colours: prints, signs, notices."""
    return 1.3 * _random_cells(at, np.floor(at.u / 0.16), np.floor(at.v / 0.11))


def books(at: Place) -> Array:
    """Spines of 4.5 cm."""
    return 1.1 * _random_cells(at, np.floor(at.u / 0.045), np.zeros(len(at.u)))


def plain(at: Place) -> Array:
    """Nothing beyond the wear that every surface has."""
    return np.ones((len(at.u), 1))


PATTERNS: dict[str, Callable[[Place], Array]] = {
    "plain": plain,
    "brick": brick,
    "tiles": tiles,
    "paving": paving,
    "panels": panels,
    "asphalt": asphalt,
    "wood": wood,
    "stripes": stripes,
    "leaf": leaf,
    "grass": grass,
    "poster": poster,
    "books": books,
    "screen": poster,  # a monitor shows a patchwork too; `glow` makes it shine
}

PATTERN_INDEX: dict[str, int] = {name: index for index, name in enumerate(PATTERNS)}


def albedo(colour: Array, pattern: Array, uv: Array, footprint_m: Array, offset: Array) -> Array:
    """Colours [n 3] with their patterns [n] painted on; uv [n 2]; result in 0.01..0.95."""
    everywhere = Place(uv[:, 0], uv[:, 1], footprint_m, offset)
    wear = nearest(rough(), everywhere.u, everywhere.v, 90.0, offset) * 0.07 * everywhere.fade(0.05)
    wear += (
        nearest(rough(), everywhere.u, everywhere.v, 11.0, offset + 0.3)
        * 0.06
        * everywhere.fade(0.4)
    )
    painted = colour * (1 + wear)[:, None]
    paints = list(PATTERNS.values())
    for index in np.unique(pattern).tolist():
        if paints[index] is plain:
            continue
        rows = np.flatnonzero(pattern == index)
        samples = Place(uv[rows, 0], uv[rows, 1], footprint_m[rows], offset[rows])
        painted[rows] *= paints[index](samples)
    return painted.clip(0.01, 0.95).astype(np.float32)
