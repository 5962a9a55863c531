"""A world that can be checked by hand: one wall, square to the camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from thermodepth.synthetic.cameras.pose import CameraPose
from thermodepth.synthetic.grammar.mesh import MeshBuilder, Surface
from thermodepth.synthetic.rendering.frame import Frame
from thermodepth.synthetic.rendering.scene import Scene
from thermodepth.synthetic.weather.conditions import draw_conditions

WALL_M = 5.0


@pytest.fixture
def wall_scene() -> Callable[..., Scene]:
    """`wall_scene(wall_k, air_k)`: an even wall at y = 5 m in a room, no object offsets."""

    def make(wall_k: float, air_k: float, pose: CameraPose | None = None) -> Scene:
        builder = MeshBuilder()
        surface = Surface("paper", (0.5, 0.5, 0.5), "plain", wall_k, 1.0)
        builder.quad((-40.0, WALL_M, -40.0), (80.0, 0.0, 0.0), (0.0, 0.0, 80.0), surface)
        mesh = builder.finish()
        # An object's own temperature offset is (random - .5) / 2 kelvin: switch it off.
        mesh = replace(mesh, object_random=np.full_like(mesh.object_random, 0.5))
        conditions = replace(draw_conditions(np.random.default_rng(0), "lit"), air_k=air_k)
        level = CameraPose(position=(0.0, 0.0, 1.4), yaw=0.0, pitch=0.0, roll=0.0)
        return Scene(seed=0, kind="room", conditions=conditions, mesh=mesh, camera=pose or level)

    return make


@pytest.fixture
def made_frame() -> Callable[[int], Frame]:
    """`made_frame(number)`: a frame of 12 x 8 pixels without any rendering."""

    def make(number: int) -> Frame:
        rng = np.random.default_rng(number)
        depth_m = rng.uniform(1, 80, (8, 12)).astype(np.float32)
        depth_m[0, :3] = np.nan
        return Frame(
            frame_id=f"street-day-{number:07d}",
            kind="street",
            condition="day",
            seed=number,
            rgb=np.full((8, 12, 3), (200, 120, 40), np.uint8),
            apparent_temperature_k=rng.uniform(260, 320, (8, 12)).astype(np.float32),
            depth_m=depth_m,
            intrinsics=np.array([[10.4, 0, 6], [0, 10.4, 4], [0, 0, 1]], np.float32),
        )

    return make
