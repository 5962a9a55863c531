"""Ground without end: what lies round a site, so that no ray below the horizon meets the sky."""

from __future__ import annotations

import numpy as np

from thermodepth.synthetic.grammar.colours import varied
from thermodepth.synthetic.grammar.mesh import MeshBuilder, Surface

FAR_M = 12_000.0  # where the air hides it
_INNER_M = 600.0  # near triangles stay small, so that their depth stays exact


def lay_open_ground(mesh: MeshBuilder, rng: np.random.Generator, z: float) -> None:
    """A level field at height `z` from the origin to where the air hides it."""
    mesh.begin_object()
    field = Surface("grass", varied(rng, (0.12, 0.2, 0.06), 0.5, 1.3), "grass")
    near, far = _INNER_M, FAR_M
    mesh.quad((-near, -near, z), (2 * near, 0.0, 0.0), (0.0, 2 * near, 0.0), field)
    for corner, size in (
        ((-far, near), (2 * far, far - near)),
        ((-far, -far), (2 * far, far - near)),
        ((-far, -near), (far - near, 2 * near)),
        ((near, -near), (far - near, 2 * near)),
    ):
        mesh.quad((*corner, z), (size[0], 0.0, 0.0), (0.0, size[1], 0.0), field)


def far_hills(mesh: MeshBuilder, rng: np.random.Generator) -> None:
    """Low hills and lines of trees on every side, 90 to 900 m away."""
    mesh.begin_object()
    for _ in range(int(rng.integers(4, 12))):
        angle, far = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(350, 900))
        grass = Surface("grass", varied(rng, (0.12, 0.2, 0.06), 0.5, 1.2), "grass")
        size = (float(rng.uniform(80, 260)), float(rng.uniform(60, 160)), float(rng.uniform(6, 45)))
        mesh.ellipsoid((far * np.sin(angle), far * np.cos(angle), 0.0), size, grass, detail=2)
    for _ in range(int(rng.integers(10, 45))):
        angle, far = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(90, 260))
        crown = Surface("leaf", varied(rng, (0.09, 0.18, 0.04), 0.4, 1.1), "leaf")
        size = (float(rng.uniform(3, 12)), float(rng.uniform(3, 8)), float(rng.uniform(3, 10)))
        mesh.ellipsoid((far * np.sin(angle), far * np.cos(angle), 2.0), size, crown, detail=1)
