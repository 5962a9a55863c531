"""Casting rays into a mesh: three questions, and the library that answers them.

embreex keeps a bare pointer to the triangles, so the `TriangleMesh` object must live as long as the
scene; it wants contiguous float32; a miss comes back as a distance above 1e30.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from thermodepth.errors import DependencyError
from thermodepth.synthetic.space.vectors import Array

MISS_M = 1e30


@dataclass(frozen=True, slots=True)
class Hits:
    """The first triangle along each of n rays; -1 where there is none."""

    triangle: Array  # [n] int
    u: Array  # [n] barycentric
    v: Array
    distance_m: Array  # [n] along the ray, > MISS_M where there is none


class RayCaster(Protocol):
    """What the renderer asks of a mesh. Origins and unit directions are [n 3] float32."""

    def hit(self, origins: Array, directions: Array) -> Hits:
        """The first triangle met."""
        ...

    def distance(self, origins: Array, directions: Array) -> Array:
        """[n] metres to it, > MISS_M where there is none."""
        ...

    def visible(self, origins: Array, directions: Array, limit_m: Array | float = MISS_M) -> Array:
        """[n] bool: nothing stands within `limit_m`."""
        ...


class EmbreeCaster:
    """Embree through the `embreex` wheel: one thread, about 2 million rays a second."""

    def __init__(self, positions: Array) -> None:
        """`positions` [t 3 3] float32 triangles in metres."""
        try:
            from embreex.mesh_construction import TriangleMesh
            from embreex.rtcore_scene import EmbreeScene
        except ImportError as error:
            raise DependencyError(
                "rendering synthetic frames needs the ray caster embreex: "
                "pip install 'thermodepth[synthetic]' (wheels: Linux x86_64, macOS 13+, Windows x64; "
                "there is none for Linux on ARM: build the pack on another machine and copy it)"
            ) from error
        self._scene: Any = EmbreeScene()
        self._triangles: Any = TriangleMesh(
            self._scene, np.ascontiguousarray(positions, np.float32)
        )

    def hit(self, origins: Array, directions: Array) -> Hits:
        """The first triangle met."""
        hits = self._run(origins, directions, output=1)
        return Hits(hits["primID"], hits["u"], hits["v"], hits["tfar"])

    def distance(self, origins: Array, directions: Array) -> Array:
        """[n] metres to it."""
        metres: Array = self._run(origins, directions, query="DISTANCE")
        return metres

    def visible(self, origins: Array, directions: Array, limit_m: Array | float = MISS_M) -> Array:
        """[n] bool. Asked through the distance: what embreex's OCCLUDED query returns is not documented."""
        free: Array = self.distance(origins, directions) > limit_m
        return free

    def _run(self, origins: Array, directions: Array, **options: Any) -> Any:
        return self._scene.run(
            np.ascontiguousarray(origins, np.float32),
            np.ascontiguousarray(directions, np.float32),
            **options,
        )
