"""The synthetic long-wave world: a seed in; RGB, apparent temperature and exact depth out.

    from thermodepth.synthetic import render_frame

    frame = render_frame(7, width=320, height=256, condition="night")

Names are imported when first used: reading a pack or drawing sensor noise needs no ray caster.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thermodepth.synthetic.cameras.rig import open_rig as open_rig
    from thermodepth.synthetic.rendering.frame import Frame as Frame
    from thermodepth.synthetic.sensors.microbolometer import (
        MicrobolometerSettings as MicrobolometerSettings,
    )
    from thermodepth.synthetic.sensors.microbolometer import counts as counts
    from thermodepth.synthetic.sensors.microbolometer import kelvin_of_counts as kelvin_of_counts
    from thermodepth.synthetic.storage.building import build_pack as build_pack
    from thermodepth.synthetic.storage.order import RenderOrder as RenderOrder
    from thermodepth.synthetic.storage.pack import IndexRow as IndexRow
    from thermodepth.synthetic.storage.pack import Pack as Pack
    from thermodepth.synthetic.storage.pack import write_pack as write_pack
    from thermodepth.synthetic.worlds.world import make_scene as make_scene
    from thermodepth.synthetic.worlds.world import render_any_camera as render_any_camera
    from thermodepth.synthetic.worlds.world import render_frame as render_frame
    from thermodepth.synthetic.worlds.world import render_frames as render_frames
    from thermodepth.synthetic.worlds.world import (
        render_several_cameras as render_several_cameras,
    )

_HOME = {
    "Frame": "rendering.frame",
    "IndexRow": "storage.pack",
    "MicrobolometerSettings": "sensors.microbolometer",
    "Pack": "storage.pack",
    "RenderOrder": "storage.order",
    "build_pack": "storage.building",
    "counts": "sensors.microbolometer",
    "kelvin_of_counts": "sensors.microbolometer",
    "make_scene": "worlds.world",
    "open_rig": "cameras.rig",
    "render_any_camera": "worlds.world",
    "render_frame": "worlds.world",
    "render_frames": "worlds.world",
    "render_several_cameras": "worlds.world",
    "write_pack": "storage.pack",
}

__all__ = [
    "Frame",
    "IndexRow",
    "MicrobolometerSettings",
    "Pack",
    "RenderOrder",
    "build_pack",
    "counts",
    "kelvin_of_counts",
    "make_scene",
    "open_rig",
    "render_any_camera",
    "render_frame",
    "render_frames",
    "render_several_cameras",
    "write_pack",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'thermodepth.synthetic' has no attribute '{name}'")
    return getattr(importlib.import_module(f"thermodepth.synthetic.{_HOME[name]}"), name)
