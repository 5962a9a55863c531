"""Streets and rooms through several cameras: five lenses, mounted at several heights and tilts.

Between one camera and any camera: what stands in a scene is that of one camera, so that a small training
learns it, and yet no metre can be read off a picture whose lens is not known, and no row of the picture is
always as far away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from thermodepth.camera import pinhole
from thermodepth.synthetic.cameras.pose import LEEWAY, CameraPose, is_clear, view_of
from thermodepth.synthetic.cameras.rig import Rig, RigCamera
from thermodepth.synthetic.space.rays import EmbreeCaster, RayCaster


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A lens and how it is carried."""

    field_deg: float  # across the width
    pitch_deg: float  # mean
    height: tuple[float, float]  # as shares of the scene's own camera height


#: From a narrow lens that looks ahead to a wide one that looks down.
MOUNTS = (
    Mount(field_deg=34.0, pitch_deg=0.0, height=(0.9, 1.4)),
    Mount(field_deg=45.0, pitch_deg=-2.0, height=(0.7, 1.2)),
    Mount(field_deg=57.0, pitch_deg=-3.0, height=(0.8, 1.5)),
    Mount(field_deg=75.0, pitch_deg=-6.0, height=(0.8, 1.6)),
    Mount(field_deg=95.0, pitch_deg=-9.0, height=(0.7, 1.6)),
)
_PITCH_SD_DEG, _ROLL_SD_DEG = 3.0, 2.0
_TRIES = 8


def draw_mount(rng: np.random.Generator) -> Mount:
    """One of `MOUNTS`, all as often."""
    return MOUNTS[int(rng.integers(len(MOUNTS)))]


def rig_of(mount: Mount, width: int, height: int) -> Rig:
    """Both bands through the lens of a mount."""
    focal_px = width / 2 / math.tan(math.radians(mount.field_deg) / 2)
    camera = RigCamera(
        width=width,
        height=height,
        intrinsics=pinhole(focal_px, width, height).astype(np.float64),
        body_from_camera=np.eye(4),
    )
    return Rig(name="coaxial", thermal=camera, rgb=camera)


def mounted(
    pose: CameraPose, kind: str, mount: Mount, caster: EmbreeCaster, rng: np.random.Generator
) -> CameraPose:
    """The scene's own camera, raised and tilted as the mount does; unraised where no place is free."""
    start = view_of(pose, kind, caster, rng, 0)
    tilted = start
    for _ in range(_TRIES):
        x, y, z = start.position
        tilted = replace(
            start,
            pitch=math.radians(rng.normal(mount.pitch_deg, _PITCH_SD_DEG)),
            roll=math.radians(rng.normal(0.0, _ROLL_SD_DEG)),
        )
        raised = replace(tilted, position=(x, y, z * float(rng.uniform(*mount.height))))
        if _is_free(raised, kind, caster):
            return raised
    return tilted


def _is_free(pose: CameraPose, kind: str, caster: RayCaster) -> bool:
    """Clear ahead and around, and a hand's breadth below the ceiling."""
    up = np.array([[0, 0, 1]], np.float32)
    above_m = float(caster.distance(np.array([pose.position], np.float32), up)[0])
    return above_m > 0.2 and is_clear(pose, caster, LEEWAY[kind])
