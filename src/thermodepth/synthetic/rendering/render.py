"""A scene and a rig in, a frame out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thermodepth.synthetic.cameras.lidar import Surroundings, sweep
from thermodepth.synthetic.cameras.pose import CameraPose
from thermodepth.synthetic.cameras.rig import Rig
from thermodepth.synthetic.cameras.view import View
from thermodepth.synthetic.materials.registry import COLUMNS
from thermodepth.synthetic.rendering.frame import Frame
from thermodepth.synthetic.rendering.gbuffer import trace
from thermodepth.synthetic.rendering.scene import Scene
from thermodepth.synthetic.rendering.thermal_shading import shade_thermal
from thermodepth.synthetic.rendering.visible_shading import shade_visible
from thermodepth.synthetic.sensors.optics import OPTICS_SIGMA_PX, apparent_temperature
from thermodepth.synthetic.sensors.rgb_camera import rgb_picture
from thermodepth.synthetic.space.rays import MISS_M, EmbreeCaster, RayCaster
from thermodepth.types import RgbView

# One stream of random numbers a purpose: changing how one is used leaves the others alone.
_RAYS, _LIGHTS, _RGB, _OPTICS, _RGB_RAYS, _LIDAR = 5, 6, 11, 13, 17, 19


def render(
    scene: Scene,
    *,
    rig: Rig,
    seed: tuple[int, ...],
    samples: int = 2,
    body: CameraPose | None = None,
    caster: RayCaster | None = None,
    frame_id: str | None = None,
    sequence: str = "",
    time_s: float = 0.0,
    lidar_channels: int = 0,
    optics_sigma_px: float = OPTICS_SIGMA_PX,
    with_sky: bool = False,
) -> Frame:
    """Render one view; `samples` x `samples` rays a pixel for the pictures, exactly one for depth.

    `body` (where the rig stands) and `caster` default to the scene's own; pass them to render several
    views of one scene. `seed` is that of the ray directions and of the optics' chance.
    `optics_sigma_px` is the lens blur; `with_sky` keeps apart which rays meet nothing.
    """
    body = body or scene.camera
    caster = caster or EmbreeCaster(scene.mesh.positions)
    mesh, conditions = scene.mesh, scene.conditions
    streams = {
        stream: np.random.default_rng([*seed, stream])
        for stream in (_RAYS, _LIGHTS, _RGB, _OPTICS, _RGB_RAYS, _LIDAR)
    }
    thermal_view = View(rig.thermal, body.matrix() @ rig.thermal.body_from_camera)
    buffer = trace(mesh, caster, thermal_view, conditions, samples=samples, rng=streams[_RAYS])
    radiance = shade_thermal(mesh, buffer, conditions)
    rgb_view = thermal_view
    if not rig.coaxial:
        rgb_view = View(rig.rgb, body.matrix() @ rig.rgb.body_from_camera)
        buffer = trace(mesh, caster, rgb_view, conditions, samples=samples, rng=streams[_RGB_RAYS])
    light = shade_visible(mesh, buffer, conditions, caster, rgb_view.origin, streams[_LIGHTS])
    depth_m, surroundings = _centres(scene, caster, thermal_view)
    return Frame(
        frame_id=frame_id or f"{scene.kind}-{conditions.name}-{scene.seed:07d}",
        kind=scene.kind,
        condition=conditions.name,
        seed=scene.seed,
        rgb=rgb_picture(light, samples, streams[_RGB]),
        apparent_temperature_k=apparent_temperature(
            radiance, samples, streams[_OPTICS], sigma_px=optics_sigma_px
        ),
        depth_m=depth_m,
        intrinsics=rig.thermal.intrinsics.astype(np.float32),
        sequence=sequence,
        time_s=time_s,
        world_from_camera=thermal_view.world_from_camera,
        rgb_view=None if rig.coaxial else _own_view(rig, caster, rgb_view),
        sky=np.isnan(depth_m) if with_sky else None,
        lidar_m=(
            sweep(thermal_view, depth_m, surroundings, lidar_channels, streams[_LIDAR])
            if lidar_channels
            else None
        ),
    )


def _own_view(rig: Rig, caster: RayCaster, view: View) -> RgbView:
    return RgbView(
        depth_m=exact_depth_m(caster, view),
        intrinsics=rig.rgb.intrinsics.astype(np.float32),
        rgb_from_thermal=rig.rgb_from_thermal,
    )


def exact_depth_m(caster: RayCaster, view: View) -> NDArray[np.float32]:
    """[h w] depth along the optical axis at each pixel centre, NaN for sky."""
    origin, directions, stretch = view.rays(1)
    metres = caster.distance(np.broadcast_to(origin, directions.shape), directions)
    depth_m = np.where(metres < MISS_M, metres / stretch, np.nan)
    return depth_m.astype(np.float32).reshape(view.camera.height, view.camera.width)


def _centres(
    scene: Scene, caster: RayCaster, view: View
) -> tuple[NDArray[np.float32], Surroundings]:
    """Exact depth and, of the same hits, what a laser would make of the surfaces."""
    origin, directions, stretch = view.rays(1)
    shape = view.camera.height, view.camera.width
    hits = caster.hit(np.broadcast_to(origin, directions.shape), directions)
    met = hits.triangle >= 0
    mesh = scene.mesh
    surface = mesh.surface[hits.triangle]
    normal = mesh.normals[hits.triangle].mean(1)
    cosine = np.abs(np.einsum("nx,nx->n", normal, directions))
    material = mesh.material[surface]
    wet = scene.conditions.wet & (normal[:, 2] > 0.7) & ~COLUMNS.living[material]
    depth_m = np.where(met, hits.distance_m / stretch, np.nan).astype(np.float32).reshape(shape)
    surroundings = Surroundings(
        range_m=np.where(met, hits.distance_m, np.inf).reshape(shape),
        cosine=cosine.reshape(shape),
        albedo=mesh.colour[surface].mean(1).reshape(shape),
        mirrors=(COLUMNS.mirror[material] | wet).reshape(shape),
    )
    return depth_m, surroundings
