"""Seeds in, scenes and frames out: the whole world is a function of a number and of the time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from thermodepth.errors import SettingsError
from thermodepth.synthetic.cameras.lens import draw_rig
from thermodepth.synthetic.cameras.path import clear_travel
from thermodepth.synthetic.cameras.pose import view_of
from thermodepth.synthetic.cameras.rig import Rig, coaxial_rig
from thermodepth.synthetic.grammar.room import build_room
from thermodepth.synthetic.grammar.street import build_street
from thermodepth.synthetic.rendering.frame import Frame
from thermodepth.synthetic.rendering.render import render
from thermodepth.synthetic.rendering.scene import Scene
from thermodepth.synthetic.space.rays import EmbreeCaster
from thermodepth.synthetic.weather.conditions import choose, draw_conditions
from thermodepth.synthetic.weather.skies import vary_conditions
from thermodepth.synthetic.worlds.several import draw_mount, mounted, rig_of
from thermodepth.synthetic.worlds.sites import SITES, draw_site, place_camera

MANY_CAMERAS_VERSION = 4  # the same for frames of many cameras
GENERATOR_VERSION = 4  # raise it when the same seed no longer gives the same frame
LONGEST_SEQUENCE = 100_000

_GRAMMARS = {"street": build_street, "room": build_room}
# Streams of random numbers.
_CHOICE, _WEATHER, _GRAMMAR, _VIEW, _ANY_CAMERA, _MOUNT = 1, 2, 3, 99, 101, 103
_LIT_AFTER_ALL = 0.6  # of dark rooms: an RGB picture of the dark teaches little
_FINE_OPTICS_PX = 0.3  # the rest of the blur is drawn with the core, `sensors.any_core`


def make_scene(
    seed: int, *, kind: str | None = None, condition: str | None = None, time_s: float = 0.0
) -> Scene:
    """The scene of a seed at a moment; kind and condition are drawn from it unless given.

    Raises `SettingsError` for an unknown kind or condition, or one that does not fit the other.
    """
    kind, condition = choose(np.random.default_rng([seed, _CHOICE]), kind, condition)
    conditions = draw_conditions(np.random.default_rng([seed, _WEATHER]), condition)
    rng = np.random.default_rng([seed, _GRAMMAR])
    mesh, camera, travel = _GRAMMARS[kind](rng, conditions, time_s)
    return Scene(
        seed=seed, kind=kind, conditions=conditions, mesh=mesh, camera=camera, travel=travel
    )


def render_frame(
    seed: int,
    *,
    width: int,
    height: int,
    samples: int = 2,
    kind: str | None = None,
    condition: str | None = None,
    view: int = 0,
) -> Frame:
    """One view of the scene of a seed; views above 0 stand further on in the same scene.

    Raises `DependencyError` without the ray caster, `SettingsError` as `make_scene` does.
    """
    scene = make_scene(seed, kind=kind, condition=condition)
    caster = EmbreeCaster(scene.mesh.positions)
    rng = np.random.default_rng([seed, _VIEW, view])
    suffix = f"-v{view}" if view else ""
    return render(
        scene,
        rig=coaxial_rig(width, height),
        samples=samples,
        seed=(seed, view, 0),
        frame_id=_scene_id(scene) + suffix,
        body=view_of(scene.camera, scene.kind, caster, rng, view),
        caster=caster,
    )


def render_frames(
    seed: int,
    *,
    rig: Rig,
    frames: int = 1,
    rate_hz: float = 10.0,
    lidar_channels: int = 0,
    only: Sequence[int] | None = None,
    samples: int = 2,
    kind: str | None = None,
    condition: str | None = None,
) -> Iterator[Frame]:
    """A sequence: the camera moves on, people walk, traffic drives; one frame is a still.

    Args:
        frames: length of the sequence.
        rate_hz: frames a second.
        lidar_channels: 0 for no lidar.
        only: which frames to render, in this order; each is the same whichever others are asked for.

    Raises:
        SettingsError: for a length or rate that cannot be, and as `make_scene` does.
        DependencyError: without the ray caster.
    """
    if not 1 <= frames <= LONGEST_SEQUENCE:
        raise SettingsError(f"a sequence of {frames} frames: expected 1 to {LONGEST_SEQUENCE}")
    if not 0.01 <= rate_hz <= 1000:
        raise SettingsError(f"{rate_hz:g} frames a second: expected 0.01 to 1000")

    def moment(time_s: float) -> Scene:
        return make_scene(seed, kind=kind, condition=condition, time_s=time_s)

    scene = moment(0.0)
    caster = EmbreeCaster(scene.mesh.positions)
    rng = np.random.default_rng([seed, _VIEW, 0])
    start = view_of(scene.camera, scene.kind, caster, rng, 0)
    travel = clear_travel(
        scene.travel,
        start,
        (frames - 1) / rate_hz,
        lambda time_s: EmbreeCaster(moment(time_s).mesh.positions),
    )
    for index in range(frames) if only is None else only:
        time_s = index / rate_hz
        name = _scene_id(scene)
        yield render(
            moment(time_s) if index else scene,
            rig=rig,
            samples=samples,
            seed=(seed, 0, index),
            frame_id=f"{name}-t{index:04d}" if frames > 1 else name,
            sequence=name if frames > 1 else "",
            time_s=time_s,
            body=travel.pose(start, time_s),
            caster=None if index else caster,
            lidar_channels=lidar_channels,
        )


def generator_version(cameras: str) -> int:
    """Of frames by `one` camera, by `several` or by `many`."""
    return MANY_CAMERAS_VERSION if cameras == "many" else GENERATOR_VERSION


def render_several_cameras(
    seed: int,
    *,
    width: int,
    height: int,
    samples: int = 2,
    condition: str | None = None,
    lidar_channels: int = 0,
) -> Frame:
    """The scene of a seed through one of the lenses of `several.MOUNTS`. The frame has a sky map.

    Raises:
        SettingsError: for an unknown condition.
        DependencyError: without the ray caster.
    """
    scene = make_scene(seed, condition=condition)
    caster = EmbreeCaster(scene.mesh.positions)
    rng = np.random.default_rng([seed, _VIEW, _MOUNT])
    mount = draw_mount(rng)
    return render(
        scene,
        rig=rig_of(mount, width, height),
        samples=samples,
        seed=(seed, 0, 0, _MOUNT),
        body=mounted(scene.camera, scene.kind, mount, caster, rng),
        caster=caster,
        lidar_channels=lidar_channels,
        with_sky=True,
    )


def render_any_camera(
    seed: int,
    *,
    pixels: int,
    samples: int = 2,
    condition: str | None = None,
    lidar_channels: int = 0,
) -> Frame:
    """The scene of a seed in the world with many cameras, by the camera that the seed draws.

    Sites, lenses, heights and tilts are those of `sites`, `cameras.lens` and `cameras.standpoint`. The
    frame has a sky map.

    Args:
        seed: of everything.
        pixels: about so many in the frame, whatever its shape.
        samples: rays a pixel along each side.
        condition: only this one of `conditions.WEATHER`; None: drawn.
        lidar_channels: 0 for no lidar.

    Raises:
        SettingsError: for an unknown condition.
        DependencyError: without the ray caster.
    """
    rng = np.random.default_rng([seed, _ANY_CAMERA])
    weather_kind = None if condition is None else choose(rng, None, condition)[0]
    site = draw_site(rng, weather_kind)
    row = SITES[site]
    _, name = choose(rng, row.conditions, condition)
    if name == "dark" and condition is None and rng.random() < _LIT_AFTER_ALL:
        name = "lit"
    conditions = draw_conditions(np.random.default_rng([seed, _WEATHER, _ANY_CAMERA]), name)
    conditions = vary_conditions(rng.spawn(1)[0], conditions)
    built = row.build(np.random.default_rng([seed, _GRAMMAR, _ANY_CAMERA]), conditions)
    rig = draw_rig(rng.spawn(1)[0], pixels, built.field_deg)
    mesh, pose, caster = place_camera(built, conditions, rig, rng.spawn(1)[0])
    scene = Scene(seed=seed, kind=site, conditions=conditions, mesh=mesh, camera=pose)
    return render(
        scene,
        rig=rig,
        samples=samples,
        seed=(seed, 0, 0, _ANY_CAMERA),
        caster=caster,
        lidar_channels=lidar_channels,
        optics_sigma_px=_FINE_OPTICS_PX,
        with_sky=True,
    )


def _scene_id(scene: Scene) -> str:
    return f"{scene.kind}-{scene.conditions.name}-{scene.seed:07d}"
