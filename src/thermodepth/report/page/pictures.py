"""Maps as pictures for a page: coloured, small, and honest about where there is no value.

Depth is coloured on one logarithmic scale, near bright. The error is ln p/d, blue where the prediction p
is nearer than the truth d, red where it is farther, white where it is right, and clipped at a factor of
1.5. Grey has no value. Sparse truth, a lidar's, would vanish in a picture as wide as a phone: its points
are enlarged for display, and only for that.
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.colour import THERMAL_MAP, paint

if TYPE_CHECKING:
    from numpy.typing import NDArray

ERROR_MAP = "RdBu_r"
ERROR_FACTOR = 1.5  # the ends of the error's colours: predicted 1.5 times too near or too far
MOST_WIDE_PX = 640
SPARSE = 0.3  # of the pixels; truth with fewer is drawn enlarged
POINT_RADIUS_PX = 2  # of an enlarged point, in pixels of the picture shown
_QUALITIES = (85, 70, 50, 30, 15)
_LEAST_WIDE_PX = 64  # smaller would show nothing


def thermal_picture(thermal: NDArray[Any]) -> NDArray[np.uint8]:
    """Raw values [h w] of any unit as grey [h w 3]: 1st to 99th percentile, hot is white."""
    values = np.asarray(thermal, dtype=np.float64)
    known = np.isfinite(values)
    low, high = np.percentile(values[known], (1.0, 99.0)) if known.any() else (0.0, 1.0)
    return paint(np.where(known, (values - low) / max(high - low, 1e-12), np.nan), name=THERMAL_MAP)


def log_error(prediction_m: NDArray[Any], truth_m: NDArray[Any]) -> NDArray[np.float64]:
    """ln p/d [h w], NaN where either is no positive number."""
    error = np.full(truth_m.shape, np.nan)
    known = is_depth(prediction_m) & is_depth(truth_m)
    error[known] = np.log(prediction_m[known].astype(np.float64) / truth_m[known])
    return error


def error_picture(error: NDArray[np.float64]) -> NDArray[np.uint8]:
    """ln p/d [h w] as RGB [h w 3]."""
    return paint(error / (2 * math.log(ERROR_FACTOR)) + 0.5, name=ERROR_MAP)


def is_depth(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a map holds a positive, finite number."""
    with np.errstate(invalid="ignore"):
        valid: NDArray[np.bool_] = np.isfinite(values) & (values > 0)
    return valid


def is_sparse(truth_m: NDArray[Any]) -> bool:
    """Whether truth [h w] is drawn with enlarged points."""
    return bool(is_depth(truth_m).mean() < SPARSE)


def enlarged(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """A map of points [h w], NaN between them, with every pixel near a point at the nearest one's value."""
    from scipy.ndimage import distance_transform_edt

    known = np.isfinite(values)
    if not known.any():
        return values
    radius = POINT_RADIUS_PX * max(1.0, values.shape[1] / MOST_WIDE_PX)
    distance, nearest = distance_transform_edt(~known, return_indices=True)
    return np.where(distance <= radius + 0.5, values[tuple(nearest)], np.nan)


def encoded(picture: NDArray[np.uint8], *, most_bytes: int, sharp: bool) -> bytes:
    """RGB [h w 3] as WebP, at most 640 wide; coarser, then smaller, until it is at most `most_bytes` long.

    `sharp`: a map with holes or points, whose colours must not run into each other.
    """
    from PIL import Image

    way_to_shrink = Image.Resampling.NEAREST if sharp else Image.Resampling.BOX
    image = Image.fromarray(np.ascontiguousarray(picture))
    width = min(image.width, MOST_WIDE_PX)
    ways: list[dict[str, Any]] = [{"lossless": True, "quality": 60}] if sharp else []
    ways += [{"quality": quality} for quality in _QUALITIES]
    while True:
        height = max(1, round(image.height * width / image.width))
        smaller = image if width == image.width else image.resize((width, height), way_to_shrink)
        for way in ways:
            stream = io.BytesIO()
            smaller.save(stream, "WEBP", method=4, **way)
            content = stream.getvalue()
            if len(content) <= most_bytes:
                return content
        if width < 2 * _LEAST_WIDE_PX:
            return content
        width, ways = round(0.7 * width), ways[-1:]
