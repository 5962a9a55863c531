"""How well labels are moved from the RGB view into the thermal one: `python benchmarks/label_transfer.py`.

    [--seeds 900:910] [--columns 640] [--rows 256] [--noise 0 ...] [--soft-px 0 ...] [--set PATH=VALUE ...]

Scenes are rendered for MS2's rig. The teacher is the exact RGB depth as inverse depth with a random factor
and offset, and with relative noise where `--noise` asks for it: the error of a noisy teacher's labels is
mostly that noise, so what the transfer itself costs is measured without. Truth is the thermal camera's sparse
lidar, moved into the RGB view. A thermal pixel is *occluded* where its exact point lies within the RGB
picture, and behind what RGB saw around there. What is printed of each frame: milliseconds of CPU time on one
thread, the share of thermal pixels that got a label, the share of those that RGB sees, the relative error of
their depth in per cent (median, 95 and 99 of 100 pixels), the share with more than 10 %, and the share of the
occluded pixels that got no label. At the end the means over scenes, and the worst scene of each column.
"""

from __future__ import annotations

import argparse
import time

import cv2
import numpy as np
from numpy.typing import NDArray

from thermodepth.camera import moved, project, unproject
from thermodepth.config import parse_edit
from thermodepth.synthetic import Frame, open_rig, render_frames
from thermodepth.teacher import TransferSettings
from thermodepth.teacher.quality import picture_quality
from thermodepth.teacher.transfer import transfer_map
from thermodepth.types import Geometry, RgbView, Sample, ThermalUnit

SKY_M = 1e4  # as far as it needs to be for the sky not to move
ERRORS = ("median", "95 %", "99 %", "> 10 %")
#: Of each column of the table.
HIGH_IS_BAD = np.array([True, False, False, *[True] * len(ERRORS), True, False])


def main() -> None:
    """Print a line a scene and their means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="900:910")
    parser.add_argument("--columns", type=int, default=640)
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--noise", type=float, nargs="+", default=[0.0])
    parser.add_argument("--soft-px", type=float, nargs="+", default=[0.0])
    parser.add_argument("--set", action="append", default=[], dest="edits")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    settings = TransferSettings().edit(dict(map(parse_edit, given.edits)))
    first, last = map(int, given.seeds.split(":"))
    names = ("ms", "labelled", "of visible", *ERRORS, "occluded", "masked")
    print(f"{'':34}" + "".join(f"{name:>11}" for name in names))
    teachers = [(noise, soft_px) for noise in given.noise for soft_px in given.soft_px]
    rows: dict[tuple[float, float], list[list[float]]] = {teacher: [] for teacher in teachers}
    for seed in range(first, last):
        rig = open_rig("ms2", (given.columns, given.rows))
        frame = next(render_frames(seed, rig=rig, lidar_channels=64))
        for (noise, soft_px), scenes in rows.items():
            scenes.append(measured(frame, settings, seed, noise=noise, soft_px=soft_px))
            print(line(frame.frame_id, scenes[-1]), flush=True)
    for (noise, soft_px), scenes in rows.items():
        table = np.array(scenes)
        teacher = f"noise {noise:g}, soft {soft_px:g} px"
        print(line(f"mean, {teacher}", list(np.nanmean(table, axis=0))))
        worst = np.where(HIGH_IS_BAD, np.nanmax(table, axis=0), np.nanmin(table, axis=0))
        print(line(f"worst, {teacher}", list(worst)))


def line(name: str, row: list[float]) -> str:
    """One row of the table."""
    return f"{name:34}{row[0]:11.0f}" + "".join(f"{value:11.4f}" for value in row[1:])


def measured(
    frame: Frame, settings: TransferSettings, seed: int, *, noise: float, soft_px: float
) -> list[float]:
    """The numbers of one frame, in the order of the table."""
    view = frame.rgb_view
    assert view is not None
    assert view.depth_m is not None
    sample = Sample(
        sample_id=frame.frame_id,
        thermal=frame.apparent_temperature_k,
        thermal_unit=ThermalUnit.KELVIN,
        intrinsics=frame.intrinsics,
        depth_m=frame.lidar_m,
        rgb=frame.rgb,
        rgb_view=RgbView(intrinsics=view.intrinsics, rgb_from_thermal=view.rgb_from_thermal),
    )
    rng = np.random.default_rng(seed)
    inverse = np.nan_to_num(1 / view.depth_m) * (
        1 + noise * rng.standard_normal(frame.rgb.shape[:2])
    )
    if soft_px:
        inverse = cv2.GaussianBlur(inverse, (0, 0), soft_px)
    values = (np.exp(rng.uniform(-3, 3)) * inverse + rng.normal()).astype(np.float32)
    picture = picture_quality(frame.rgb)
    start = time.process_time()
    transfer = transfer_map(values, Geometry.AFFINE_INVERSE, sample, settings, picture=picture)
    seconds = time.process_time() - start
    visible, occluded = seen_by_rgb(frame, view)
    has_label = np.isfinite(transfer.label)
    both = has_label & np.isfinite(frame.depth_m)
    errors = np.abs(1 / transfer.label[both] / frame.depth_m[both] - 1)
    return [
        1e3 * seconds,
        float(has_label.mean()),
        float((has_label & visible).sum() / max(visible.sum(), 1)),
        *(100 * np.quantile(errors, [0.5, 0.95, 0.99]) if errors.size else [np.nan] * 3),
        float((errors > 0.1).mean()) if errors.size else float("nan"),
        float(occluded.mean()),
        1 - float((has_label & occluded).sum() / max(occluded.sum(), 1)),
    ]


def seen_by_rgb(frame: Frame, view: RgbView) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """`[h w]` masks of the thermal pixels whose exact point RGB sees, and from which it is occluded."""
    assert view.depth_m is not None
    height, width = view.depth_m.shape
    depth_m = np.where(np.isfinite(frame.depth_m), frame.depth_m, np.float32(SKY_M))
    points = moved(unproject(depth_m, frame.intrinsics), view.rgb_from_thermal)
    column, row = project(points, view.intrinsics)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    across = np.where(inside, column, 0).astype(int)
    down = np.where(inside, row, 0).astype(int)
    there_m = np.where(np.isfinite(view.depth_m), view.depth_m, np.float32(np.inf))
    farthest_m = cv2.dilate(there_m, np.ones((3, 3)))  # a point beside an edge may belong to either
    visible = inside & (points[2] <= 1.03 * there_m[down, across])
    return visible, inside & (points[2] > 1.05 * farthest_m[down, across])


if __name__ == "__main__":
    main()
