"""The viewing ray of every pixel of a picture that its lens distorts.

A calibration says where the ray (x, y, 1) of a pinhole lands, (x', y') in units of the focal length:

    radtan        x' = x g(r2) + 2 p1 x y + p2 (r2 + 2 x2),   y' alike,   g = 1 + k1 r2 + k2 r4 + k3 r6
    rational      the same with g divided by 1 + k4 r2 + k5 r4 + k6 r6, and a thin prism: s1 r2 + s2 r4, ...
    equidistant   (x, y) (t / r) (1 + k1 t2 + k2 t4 + k3 t6 + k4 t8),   t = atan r
    fov           (x, y) atan(2 r tan(w / 2)) / (w r)

Sources: Brown (1971) and OpenCV's `calib3d` for the first two, Kannala & Brandt (2006), Devernay & Faugeras
(2001). Here that is turned round by Newton's method. A pixel that no ray reaches, beyond the fold of a
polynomial, has none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.calibration.types import Distortion
from thermodepth.camera import rays

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Coordinates = NDArray[np.float64]
    _Lens = Callable[[Coordinates, Coordinates, tuple[float, ...]], tuple[Coordinates, Coordinates]]

_STEPS = 20
_CLOSE = 1e-9  # of a focal length
_DIFFERENCE = 1e-6  # for the derivatives
#: Nothing is looked for farther out, as a multiple of a focal length: 89 degrees from the axis.
_FARTHEST = 60.0


def applies(distortion: Distortion) -> bool:
    """Whether this is a model, with as many coefficients, that is known here."""
    counts = COEFFICIENTS.get(distortion.model, ())
    return len(distortion.coefficients) in counts


def undistorted_rays(
    intrinsics: NDArray[Any], size: tuple[int, int], distortion: Distortion
) -> NDArray[np.float32]:
    """`[3 h w]` as `camera.rays`, through the lens; NaN where no ray reaches the pixel.

    Args:
        intrinsics: `[3 3]` in pixels of the grid.
        size: (rows, columns) of the grid.
        distortion: for which `applies` is true.
    """
    assert applies(distortion), distortion
    straight = np.asarray(rays(intrinsics, size), np.float64)
    x, y = undistort(straight[0], straight[1], distortion)
    return np.stack([x, y, np.where(np.isnan(x), np.nan, 1.0)]).astype(np.float32)


def distort(
    x: Coordinates, y: Coordinates, distortion: Distortion
) -> tuple[Coordinates, Coordinates]:
    """Where the rays (x, y, 1) land, in units of the focal length."""
    return _LENSES[distortion.model](x, y, distortion.coefficients)


def undistort(
    landed_x: Coordinates, landed_y: Coordinates, distortion: Distortion
) -> tuple[Coordinates, Coordinates]:
    """The rays (x, y, 1) that land there, NaN for none: the inverse of `distort`."""
    shape = landed_x.shape
    target = np.stack([landed_x.ravel(), landed_y.ravel()])
    fold = _fold(distortion)
    ray = target * np.minimum(1, fold / np.maximum(np.hypot(*target), _CLOSE))
    open_pixels = np.arange(target.shape[1])
    for _ in range(_STEPS):
        moved = _newton_step(ray[:, open_pixels], target[:, open_pixels], distortion)
        # Past the fold of a polynomial two rays land on one pixel, and the outer one is not the lens's.
        moved *= np.minimum(1, fold / np.maximum(np.hypot(*moved), _CLOSE))
        still_moves = np.abs(moved - ray[:, open_pixels]).max(0) > _CLOSE
        ray[:, open_pixels] = moved
        open_pixels = open_pixels[still_moves]
        if not open_pixels.size:
            break
    at_x, at_y = distort(ray[0], ray[1], distortion)
    ray[:, np.hypot(at_x - target[0], at_y - target[1]) > 1e3 * _CLOSE] = np.nan
    return ray[0].reshape(shape), ray[1].reshape(shape)


def _newton_step(ray: Coordinates, target: Coordinates, distortion: Distortion) -> Coordinates:
    """`[2 n]` rays that land closer to their pixels `[2 n]`."""
    x, y = ray
    landed = np.stack(distort(x, y, distortion))
    right = (np.stack(distort(x + _DIFFERENCE, y, distortion)) - landed) / _DIFFERENCE
    down = (np.stack(distort(x, y + _DIFFERENCE, distortion)) - landed) / _DIFFERENCE
    off = landed - target
    determinant = right[0] * down[1] - right[1] * down[0]
    safe = np.where(np.abs(determinant) > _CLOSE, determinant, 1.0)
    step_x = (down[1] * off[0] - down[0] * off[1]) / safe
    step_y = (right[0] * off[1] - right[1] * off[0]) / safe
    return np.stack([x - step_x, y - step_y])


def _fold(distortion: Distortion) -> float:
    """How far from the axis rays go on landing farther out, in units of the focal length."""
    radii = np.concatenate([np.linspace(0, 4, 4001), np.geomspace(4, _FARTHEST, 2000)[1:]])
    landed, _ = distort(radii, np.zeros_like(radii), distortion)
    back = np.nonzero(np.diff(landed) <= 0)[0]
    return float(radii[back[0]]) if back.size else _FARTHEST


def _brown(
    x: Coordinates, y: Coordinates, coefficients: tuple[float, ...]
) -> tuple[Coordinates, Coordinates]:
    k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4 = (*coefficients, *[0.0] * 12)[:12]
    r2 = x * x + y * y
    radial = (1 + r2 * (k1 + r2 * (k2 + r2 * k3))) / (1 + r2 * (k4 + r2 * (k5 + r2 * k6)))
    landed_x = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x) + r2 * (s1 + r2 * s2)
    landed_y = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y + r2 * (s3 + r2 * s4)
    return landed_x, landed_y


def _equidistant(
    x: Coordinates, y: Coordinates, coefficients: tuple[float, ...]
) -> tuple[Coordinates, Coordinates]:
    k1, k2, k3, k4 = (*coefficients, *[0.0] * 4)[:4]
    r = np.hypot(x, y)
    t = np.arctan(r)
    t2 = t * t
    bent = t * (1 + t2 * (k1 + t2 * (k2 + t2 * (k3 + t2 * k4))))
    scale = np.divide(bent, r, out=np.ones_like(r), where=r > 0)
    return x * scale, y * scale


def _fov(
    x: Coordinates, y: Coordinates, coefficients: tuple[float, ...]
) -> tuple[Coordinates, Coordinates]:
    (w,) = coefficients
    r = np.hypot(x, y)
    bent = np.arctan(2 * r * np.tan(w / 2)) / w
    scale = np.divide(bent, r, out=np.full_like(r, 2 * np.tan(w / 2) / w), where=r > 0)
    return x * scale, y * scale


#: Model -> how many coefficients it may have. OpenCV's 14 end in a tilted sensor, which is not known here.
COEFFICIENTS = {"radtan": (4, 5), "rational": (8, 12), "equidistant": (0, 4), "fov": (1,)}
_LENSES: dict[str, _Lens] = {
    "radtan": _brown,
    "rational": _brown,
    "equidistant": _equidistant,
    "fov": _fov,
}
