"""A scene and a pose in, a frame out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thermodepth.synthetic.cameras.pose import CameraPose, intrinsics, primary_rays
from thermodepth.synthetic.frame import Frame
from thermodepth.synthetic.rays import EmbreeCaster, RayCaster
from thermodepth.synthetic.rendering.gbuffer import trace
from thermodepth.synthetic.rendering.thermal_shading import shade_thermal
from thermodepth.synthetic.rendering.visible_shading import shade_visible
from thermodepth.synthetic.scene import Scene
from thermodepth.synthetic.sensors.microbolometer import apparent_temperature, rgb_picture
from thermodepth.synthetic.vectors import Array

# One stream of random numbers a purpose: changing how one is used leaves the others alone.
_RAYS, _LIGHTS, _RGB, _OPTICS = 5, 6, 11, 13


def render(
    scene: Scene,
    *,
    width: int,
    height: int,
    samples: int = 2,
    seed: int,
    frame_id: str | None = None,
    pose: CameraPose | None = None,
    caster: RayCaster | None = None,
) -> Frame:
    """Render one view; `samples` x `samples` rays a pixel for the pictures, exactly one for depth.

    `pose` and `caster` default to the scene's own; pass them to render several views of one scene.
    """
    pose = pose or scene.camera
    caster = caster or EmbreeCaster(scene.mesh.positions)
    streams = {
        stream: np.random.default_rng([seed, stream]) for stream in (_RAYS, _LIGHTS, _RGB, _OPTICS)
    }
    buffer = trace(
        scene.mesh,
        caster,
        pose,
        scene.conditions,
        width=width,
        height=height,
        samples=samples,
        rng=streams[_RAYS],
    )
    radiance = shade_thermal(scene.mesh, buffer, scene.conditions)
    origin: Array = np.array(pose.position)
    light = shade_visible(scene.mesh, buffer, scene.conditions, caster, origin, streams[_LIGHTS])
    name = scene.conditions.name
    return Frame(
        frame_id=frame_id or f"{scene.kind}-{name}-{scene.seed:07d}",
        kind=scene.kind,
        condition=name,
        seed=scene.seed,
        rgb=rgb_picture(light, samples, streams[_RGB]),
        apparent_temperature_k=apparent_temperature(radiance, samples, streams[_OPTICS]),
        depth_m=exact_depth_m(caster, pose, width, height),
        intrinsics=intrinsics(width, height),
    )


def exact_depth_m(
    caster: RayCaster, pose: CameraPose, width: int, height: int
) -> NDArray[np.float32]:
    """[h w] depth along the optical axis at each pixel centre, NaN for sky."""
    origin, directions, stretch = primary_rays(pose, width, height, 1)
    hits = caster.hit(np.broadcast_to(origin, directions.shape), directions)
    depth_m = np.where(hits.triangle >= 0, hits.distance_m / stretch, np.nan)
    return depth_m.astype(np.float32).reshape(height, width)
