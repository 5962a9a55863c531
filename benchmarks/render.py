"""How fast fresh synthetic scenes are rendered: `OMP_NUM_THREADS=1 python benchmarks/render.py`.

    [--frames 40] [--processes 2] [--columns 160] [--rows 128]

RGB, thermal and exact depth with 2 x 2 samples a pixel, every frame from a scene of its own, streets and
rooms as they are drawn. First the stages of one process, in milliseconds of CPU time a frame, and the
rays a second while rays are cast, and what a frame costs in the world with many cameras; then frames
a second by the clock for one process and for several.
What others do on the machine slows the second table, hardly the first.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from thermodepth.synthetic.cameras.pose import view_of
from thermodepth.synthetic.cameras.rig import coaxial_rig
from thermodepth.synthetic.cameras.view import View
from thermodepth.synthetic.rendering.gbuffer import trace
from thermodepth.synthetic.rendering.render import exact_depth_m
from thermodepth.synthetic.rendering.thermal_shading import shade_thermal
from thermodepth.synthetic.rendering.visible_shading import shade_visible
from thermodepth.synthetic.sensors.optics import apparent_temperature
from thermodepth.synthetic.sensors.rgb_camera import rgb_picture
from thermodepth.synthetic.space.rays import MISS_M, EmbreeCaster, Hits
from thermodepth.synthetic.space.vectors import Array
from thermodepth.synthetic.worlds.world import make_scene, render_any_camera, render_frame

SAMPLES = 2
FIRST_SEED = 5_000_000  # of no split


class Stopwatch:
    """CPU seconds by stage. Rays are cast within other stages and taken out of those."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.rays = 0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add what happens inside to a stage."""
        began, rays_before = time.process_time(), self.seconds["rays"]
        yield
        taken = time.process_time() - began
        self.seconds[name] += taken - (self.seconds["rays"] - rays_before) * (name != "rays")


class CountingCaster:
    """The ray caster of the package, timed."""

    def __init__(self, caster: EmbreeCaster, watch: Stopwatch) -> None:
        self._caster, self._watch = caster, watch

    def hit(self, origins: Array, directions: Array) -> Hits:
        """The first triangle met."""
        self._watch.rays += len(directions)
        with self._watch.stage("rays"):
            return self._caster.hit(origins, directions)

    def distance(self, origins: Array, directions: Array) -> Array:
        """[n] metres to it."""
        self._watch.rays += len(directions)
        with self._watch.stage("rays"):
            return self._caster.distance(origins, directions)

    def visible(self, origins: Array, directions: Array, limit_m: Array | float = MISS_M) -> Array:
        """[n] bool."""
        free: Array = self.distance(origins, directions) > limit_m
        return free


def staged(seed: int, columns: int, rows: int, watch: Stopwatch) -> int:
    """What `render_frame` does, stage by stage; returns the number of triangles."""
    rig = coaxial_rig(columns, rows)
    rng = np.random.default_rng(seed)
    with watch.stage("scene build"):
        scene = make_scene(seed)
    with watch.stage("ray structure (BVH)"):
        bare = EmbreeCaster(scene.mesh.positions)
    caster = CountingCaster(bare, watch)
    with watch.stage("where the camera stands"):
        body = view_of(scene.camera, scene.kind, caster, rng, 0)
        view = View(rig.thermal, body.matrix())
    with watch.stage("surfaces and patterns"):
        buffer = trace(scene.mesh, caster, view, scene.conditions, samples=SAMPLES, rng=rng)
    with watch.stage("thermal shading"):
        radiance = shade_thermal(scene.mesh, buffer, scene.conditions)
    with watch.stage("visible shading"):
        light = shade_visible(scene.mesh, buffer, scene.conditions, caster, view.origin, rng)
    with watch.stage("depth"):
        exact_depth_m(caster, view)
    with watch.stage("sensors"):
        apparent_temperature(radiance, SAMPLES, rng)
        rgb_picture(light, SAMPLES, rng)
    return len(scene.mesh.positions)


def whole(work: tuple[int, int, int]) -> None:
    """One frame as users get it."""
    seed, columns, rows = work
    render_frame(seed, width=columns, height=rows, samples=SAMPLES)


def cpu_ms(frames: int, columns: int, rows: int) -> tuple[float, float]:
    """CPU milliseconds a frame in one process: of one camera, and of many with as many pixels."""
    spent = [0.0, 0.0]
    for seed in range(FIRST_SEED, FIRST_SEED + frames):
        began = time.process_time()
        whole((seed, columns, rows))
        between = time.process_time()
        render_any_camera(seed, pixels=columns * rows, samples=SAMPLES)
        spent[0] += between - began
        spent[1] += time.process_time() - between
    return 1000 * spent[0] / frames, 1000 * spent[1] / frames


def frames_per_second(frames: int, processes: int, columns: int, rows: int) -> float:
    """By the clock, with processes already started and warm."""
    work = [(FIRST_SEED + i, columns, rows) for i in range(frames)]
    if processes == 1:
        whole(work[0])
        began = time.perf_counter()
        for one in work:
            whole(one)
        return frames / (time.perf_counter() - began)
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        pool.map(whole, work[: 2 * processes], chunksize=1)
        began = time.perf_counter()
        pool.map(whole, work, chunksize=1)
        return frames / (time.perf_counter() - began)


def main() -> None:
    """Print the stages, then the frame rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--columns", type=int, default=160)
    parser.add_argument("--rows", type=int, default=128)
    asked = parser.parse_args()

    staged(FIRST_SEED, asked.columns, asked.rows, Stopwatch())  # noise tables are made once
    watch = Stopwatch()
    triangles = [
        staged(FIRST_SEED + i, asked.columns, asked.rows, watch) for i in range(asked.frames)
    ]
    print(
        f"{asked.frames} frames of {asked.columns} x {asked.rows}, {SAMPLES} x {SAMPLES} samples, "
        f"{np.median(triangles):.0f} triangles in the middle"
    )
    print(f"{'one process':28}{'CPU ms a frame':>16}{'share':>8}")
    total = watch.seconds.total()
    for name, seconds in watch.seconds.most_common():
        print(f"{name:28}{1000 * seconds / asked.frames:16.1f}{seconds / total:8.0%}")
    print(f"{'all':28}{1000 * total / asked.frames:16.1f}")
    print(
        f"{watch.rays / asked.frames / 1000:.0f} thousand rays a frame, "
        f"{watch.rays / watch.seconds['rays'] / 1e6:.2f} million a second"
    )
    one, many = cpu_ms(asked.frames, asked.columns, asked.rows)
    print(f"{'as users get it, one camera':28}{one:16.1f}")
    print(f"{'as users get it, many':28}{many:16.1f}  ({one / many:.2f} of the frames/s)")
    for processes in sorted({1, asked.processes}):
        rate = frames_per_second(asked.frames, processes, asked.columns, asked.rows)
        print(f"{processes} process{'es' if processes > 1 else '':4}{rate:8.2f} frames/s")


if __name__ == "__main__":
    main()
