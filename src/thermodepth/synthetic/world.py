"""Seeds in, scenes and frames out: the whole world is a function of a number."""

from __future__ import annotations

import numpy as np

from thermodepth.synthetic.cameras.pose import view_of
from thermodepth.synthetic.conditions import choose, draw_conditions
from thermodepth.synthetic.frame import Frame
from thermodepth.synthetic.grammar.room import build_room
from thermodepth.synthetic.grammar.street import build_street
from thermodepth.synthetic.rays import EmbreeCaster
from thermodepth.synthetic.rendering.render import render
from thermodepth.synthetic.scene import Scene

GENERATOR_VERSION = 2  # raise it when the same seed no longer gives the same frame

# Disjoint on purpose: no scene of one split is ever seen in another.
SPLIT_STARTS: dict[str, int] = {
    "train": 0,
    "val": 100_000,
    "test": 200_000,
    "teacher": 1_000_000,
}

_GRAMMARS = {"street": build_street, "room": build_room}
_CHOICE, _WEATHER, _GRAMMAR, _VIEW = 1, 2, 3, 99  # streams of random numbers


def make_scene(seed: int, *, kind: str | None = None, condition: str | None = None) -> Scene:
    """The scene of a seed; kind and condition are drawn from it unless given.

    Raises `SettingsError` for an unknown kind or condition, or one that does not fit the other.
    """
    kind, condition = choose(np.random.default_rng([seed, _CHOICE]), kind, condition)
    conditions = draw_conditions(np.random.default_rng([seed, _WEATHER]), condition)
    mesh, camera = _GRAMMARS[kind](np.random.default_rng([seed, _GRAMMAR]), conditions)
    return Scene(seed=seed, kind=kind, conditions=conditions, mesh=mesh, camera=camera)


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
    pose = view_of(scene.camera, scene.kind, caster, rng, view)
    suffix = f"-v{view}" if view else ""
    return render(
        scene,
        width=width,
        height=height,
        samples=samples,
        seed=seed * 16 + view,
        frame_id=f"{scene.kind}-{scene.conditions.name}-{seed:07d}{suffix}",
        pose=pose,
        caster=caster,
    )
