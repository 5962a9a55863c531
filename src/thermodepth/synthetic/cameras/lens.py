"""Any lens: the camera that one scene of a world with many cameras is seen by."""

from __future__ import annotations

import math

import numpy as np

from thermodepth.synthetic.cameras.rig import MIN_SIDE, Rig, RigCamera

FIELD_OF_VIEW_DEG = (20.0, 110.0)  # across the width, log-uniform
ASPECT = (4 / 3, 5 / 2)  # width over height
# Most cameras that people mount see this much. Were telephoto lenses as frequent, most pictures would be
# a detail that nobody could put metres to, and a training would learn little else.
_COMMON_FIELD_DEG, _COMMON_FIELD_SHARE = (38.0, 80.0), 0.75
_COMMON_ASPECTS = (4 / 3, 4 / 3, 4 / 3, 1.6, 16 / 9, 5 / 2)  # of most cameras
_COMMON_ASPECT_SHARE = 0.75
_OFF_CENTRE = 0.02  # sigma of the principal point, as a share of the width
_FARTHEST_OFF = 0.05


def log_uniform(rng: np.random.Generator, ends: tuple[float, float]) -> float:
    """As likely between 1 and 2 as between 2 and 4."""
    return math.exp(rng.uniform(math.log(ends[0]), math.log(ends[1])))


def draw_rig(
    rng: np.random.Generator, pixels: int, field_deg: tuple[float, float] | None = None
) -> Rig:
    """A rig of one lens for both bands, with about so many pixels, all square.

    `field_deg` is what most cameras see across where the site has a range of its own.
    """
    is_common = rng.random() < _COMMON_FIELD_SHARE
    common_deg = field_deg or _COMMON_FIELD_DEG
    field = math.radians(log_uniform(rng, common_deg if is_common else FIELD_OF_VIEW_DEG))
    aspect = log_uniform(rng, ASPECT)
    common = float(rng.choice(_COMMON_ASPECTS))
    if rng.random() < _COMMON_ASPECT_SHARE:
        aspect = common
    off = (_OFF_CENTRE * rng.standard_normal(2)).clip(-_FARTHEST_OFF, _FARTHEST_OFF).tolist()
    height = max(round(math.sqrt(pixels / aspect)), MIN_SIDE)
    # Rounding must not leave the range of shapes.
    width = min(max(round(height * aspect), math.ceil(height * ASPECT[0])), int(height * ASPECT[1]))
    focal_px = width / 2 / math.tan(field / 2)
    middle = (width * (0.5 + off[0]), height / 2 + width * off[1] * 0.5)
    intrinsics = np.array([[focal_px, 0, middle[0]], [0, focal_px, middle[1]], [0, 0, 1]])
    camera = RigCamera(
        width=width, height=height, intrinsics=intrinsics, body_from_camera=np.eye(4)
    )
    return Rig(name="coaxial", thermal=camera, rgb=camera)
