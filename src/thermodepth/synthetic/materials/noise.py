"""Tileable noise textures, made once from fixed seeds and looked up by position.

`fractal(beta)` has an amplitude spectrum of k^-beta (k in cycles per tile), clipped to 2.6 sigma. They
are part of the world, not of a scene: two scenes differ by the offset at which they look.
"""

from __future__ import annotations

import functools

import numpy as np

from thermodepth.synthetic.space.vectors import Array

TEXELS = 512  # a power of two: wrapping is a bit mask
_MASK = TEXELS - 1


@functools.cache
def fractal(beta: float, seed: int, lowest_cycle: int = 0) -> Array:
    """[512 512] float32, zero mean, unit variance; `lowest_cycle` removes the slowest waves."""
    rng = np.random.default_rng(seed)
    fy, fx = np.fft.fftfreq(TEXELS) * TEXELS, np.fft.rfftfreq(TEXELS) * TEXELS
    cycles = np.hypot(fy[:, None], fx[None, :])
    cycles[0, 0] = 1.0
    phases = rng.normal(size=cycles.shape) + 1j * rng.normal(size=cycles.shape)
    spectrum = phases * cycles**-beta * (cycles > lowest_cycle)
    waves = np.fft.irfft2(spectrum, (TEXELS, TEXELS))
    waves -= waves.mean()
    tile: Array = (waves / waves.std()).clip(-2.6, 2.6).astype(np.float32)
    return tile


def rough() -> Array:
    """Grain: much fine detail."""
    return fractal(1.0, 1)


def smooth() -> Array:
    """Clouds and patches: little fine detail, nothing as slow as the tile."""
    return fractal(1.7, 2, 2)


@functools.cache
def white() -> Array:
    """[512 512] uniform in 0..1: one independent value per brick, tile or book."""
    return np.random.default_rng(3).random((TEXELS, TEXELS)).astype(np.float32)


def cell(texture: Array, row: Array, column: Array) -> Array:
    """The texel at integer (row, column), wrapped."""
    value: Array = texture[row.astype(np.int64) & _MASK, column.astype(np.int64) & _MASK]
    return value


def nearest(texture: Array, u: Array, v: Array, per_m: float, offset: Array | float = 0.0) -> Array:
    """Texture at (u, v) metres with `per_m` texels a metre; for detail finer than a pixel."""
    return cell(texture, np.floor(u * per_m + offset * 517.3), np.floor(v * per_m + offset * 811.7))


def bilinear(
    texture: Array, u: Array, v: Array, per_m: float, offset: Array | float = 0.0
) -> Array:
    """As `nearest`, interpolated; for patches that are larger than a pixel."""
    a, b = u * per_m + offset * 517.3, v * per_m + offset * 811.7
    row, column = np.floor(a), np.floor(b)
    fa, fb = (a - row).astype(np.float32), (b - column).astype(np.float32)
    r0, c0 = row.astype(np.int64) & _MASK, column.astype(np.int64) & _MASK
    r1, c1 = (r0 + 1) & _MASK, (c0 + 1) & _MASK
    upper = texture[r0, c0] * (1 - fb) + texture[r0, c1] * fb
    lower = texture[r1, c0] * (1 - fb) + texture[r1, c1] * fb
    value: Array = upper * (1 - fa) + lower * fa
    return value
