"""Colours for maps: depth and inverse depth with near = bright, thermal in grey, missing values in grey.

The depth map is `magma`: perceptually uniform, the widest range of lightness of its family, so it still
reads in black-and-white print and with colour blindness (Smith and van der Walt 2015). No colour of it is
neutral grey, which leaves grey for "no value". Its table stands here, so that a prediction is painted without
matplotlib, whose import alone takes a tenth of a second and 18 MB; other maps are looked up there.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.errors import DataError, SettingsError, unknown

if TYPE_CHECKING:
    from matplotlib.colors import Colormap
    from numpy.typing import NDArray

DEPTH_MAP = "magma"  # its bright end is near, whether the values are metres or their inverse
THERMAL_MAP = "gray"  # white is hot
NO_VALUE = (152, 152, 152)  # holes, sky, pixels no sensor measured

#: The 256 colours of `magma` (CC0), RGB.
_MAGMA = base64.b64decode(
    "AAAEAQAFAQEGAQEIAgEJAgILAgINAwMPAwMSBAQUBQQWBgUYBgUaBwYcCAceCQcgCggiCwkkDAkmDQopDgsrEAstEQwv"
    "Eg0xEw00FA42FQ44Fg87GA89GRA/GhBCHBBEHRFHHhFJIBFLIRFOIhFQJBJTJRJVJxJYKRFaKhFcLBFfLRFhLxFjMRFl"
    "MxBnNBBpNhBrOBBsOQ9uOw9wPQ9xPw9yQA90Qg91RA92RRB3RxB4SRB4ShB5TBF6ThF7TxJ7URJ8UhN8VBN9VhR9VxV+"
    "WRV+WhZ+XBZ/XRd/Xxh/YBiAYhmAZBqAZRqAZxuAaByBahyBax2BbR2Bbh6BcB+Bch+BcyCBdSGBdiGBeCKBeSKCeyOC"
    "fCOCfiSCgCWCgSWBgyaBhCaBhieBiCeBiSiBiymBjCmBjiqBkCqBkSuBkyuAlCyAliyAmC2AmS2Amy5/nC5/ni9/oC9/"
    "oTB+ozB+pTF+pjF9qDJ9qjN9qzN8rTR8rjR7sDV7sjV7szZ6tTZ6tzd5uDd5ujh4vDl4vTl3vzp3wDp2wjt1xDx1xTx0"
    "xz1zyD5zyj5yzD9xzUBxz0Bw0EFv0kJv00Nu1URt1kVs2EVs2UZr20dq3Ehp3klo30po4Exn4k1m405l5E9k5VBk51Jj"
    "6FNi6VRi6lZh61dg7Fhg7Vpf7lte711e8F9e8WBd8mJd8mRc82Vc9Gdc9Glc9Wtc9mxc9m5c93Bc93Jc+HRc+HZc+Xhd"
    "+Xld+Xtd+n1e+n9e+oFf+4Nf+4Vg+4dh/Ilh/Ipi/Ixj/I5k/JBl/ZJm/ZRn/ZZo/Zhp/Zpq/Ztr/p1s/p9t/qFu/qNv"
    "/qVx/qdy/qlz/qp0/qx2/q53/rB4/rJ6/rR7/rZ8/rd+/rl//ruB/r2C/r+E/sGF/sKH/sSI/saK/siM/sqN/syP/s2Q"
    "/s+S/tGU/tOV/tWX/teZ/tia/dqc/dye/d6g/eCh/eKj/eOl/eWn/eep/emq/eus/Oyu/O6w/PCy/PK0/PS2/Pa4/Pe5"
    "/Pm7/Pu9/P2/"
)


@lru_cache(maxsize=8)
def colour_map(name: str = DEPTH_MAP) -> Colormap:
    """A matplotlib colour map by its name, `..._r` for its reverse.

    Raises:
        SettingsError: for a name that matplotlib does not know.
    """
    from matplotlib import colormaps

    if name not in colormaps:
        raise SettingsError(unknown("colour map", name, list(colormaps)))
    return colormaps[name]


@lru_cache(maxsize=8)
def _palette(name: str) -> NDArray[np.uint8]:
    """[257 3]: the 256 colours of a map, then the colour of no value."""
    if name == DEPTH_MAP:
        colours = np.frombuffer(_MAGMA, np.uint8).reshape(256, 3)
    elif name == THERMAL_MAP:
        colours = np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1)
    else:
        sampled = colour_map(name)(np.linspace(0.0, 1.0, 256))[:, :3]
        colours = np.rint(sampled * 255).astype(np.uint8)
    palette: NDArray[np.uint8] = np.vstack([colours, np.array(NO_VALUE, np.uint8)])
    palette.setflags(write=False)
    return palette


def paint(values: NDArray[Any], *, name: str = DEPTH_MAP) -> NDArray[np.uint8]:
    """Values [h w] in 0..1 as RGB [h w 3]: 1 is the bright end; outside is the end itself; NaN is grey.

    Raises:
        SettingsError: for a colour map that does not exist.
    """
    unit = np.asarray(values, dtype=np.float64)
    valid = ~np.isnan(unit)
    index = np.full(unit.shape, 256, dtype=np.intp)
    index[valid] = np.rint(unit[valid].clip(0.0, 1.0) * 255).astype(np.intp)
    painted: NDArray[np.uint8] = _palette(name)[index]
    return painted


def colour_depth(
    depth_m: NDArray[Any], *, near_m: float, far_m: float, name: str = DEPTH_MAP
) -> NDArray[np.uint8]:
    """Metres [h w] as RGB [h w 3], logarithmic: equal factors of distance are equal steps of colour.

    What is nearer than `near_m` or farther than `far_m` takes the end colour; what is not a positive
    number is grey.

    Raises:
        SettingsError: unless 0 < near_m < far_m; for a colour map that does not exist.
    """
    if not 0 < near_m < far_m < np.inf:
        raise SettingsError(f"near_m={near_m:g}, far_m={far_m:g}: expected 0 < near_m < far_m")
    depth = np.asarray(depth_m, dtype=np.float64)
    usable = np.isfinite(depth) & (depth > 0)
    log_depth = np.log(np.where(usable, depth, 1.0))
    unit = (np.log(far_m) - log_depth) / (np.log(far_m) - np.log(near_m))
    return paint(np.where(usable, unit, np.nan), name=name)


def colour_inverse(
    inverse: NDArray[Any], *, low: float, high: float, name: str = DEPTH_MAP
) -> NDArray[np.uint8]:
    """Inverse depth or structure [h w] as RGB [h w 3], linear: larger is nearer is brighter; NaN is grey.

    Raises:
        SettingsError: unless low < high; for a colour map that does not exist.
    """
    if not -np.inf < low < high < np.inf:
        raise SettingsError(f"low={low:g}, high={high:g}: expected low < high")
    values = np.asarray(inverse, dtype=np.float64)
    usable = np.isfinite(values)
    return paint(
        np.where(usable, (np.where(usable, values, 0) - low) / (high - low), np.nan), name=name
    )


def colour_thermal(picture: NDArray[np.uint8], *, name: str = THERMAL_MAP) -> NDArray[np.uint8]:
    """An 8-bit thermal picture [h w], as `thermal.display` makes it, as RGB [h w 3]; hot is bright.

    Raises:
        SettingsError: for a colour map that does not exist.
    """
    assert picture.dtype == np.uint8, (
        f"{picture.dtype}: stretch raw frames with thermal.display first"
    )
    return _palette(name)[picture]


def depth_limits(
    maps: Iterable[NDArray[Any]], *, low_percentile: float = 1.0, high_percentile: float = 99.0
) -> tuple[float, float]:
    """(near, far) for one colour scale over several depth maps: percentiles of their positive values.

    Percentiles, because one stray pixel would otherwise take the whole scale. A scene at one distance
    gets five percent to either side.

    Raises:
        DataError: when no map holds a positive number.
    """
    flat = [np.asarray(m, dtype=np.float64).ravel() for m in maps]
    values = np.concatenate([m[np.isfinite(m) & (m > 0)] for m in flat]) if flat else np.zeros(0)
    if values.size == 0:
        raise DataError("no map holds a positive depth, so it has no colour scale")
    near, far = (float(q) for q in np.percentile(values, [low_percentile, high_percentile]))
    if far < near * 1.02:
        near, far = near / 1.05, far * 1.05
    return near, far
