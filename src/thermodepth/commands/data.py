"""`thermodepth data info` and `thermodepth data render`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from thermodepth.commands.terminal import console, counting
from thermodepth.data import open_dataset
from thermodepth.data.frames import Frames
from thermodepth.errors import SettingsError
from thermodepth.threads import available_cores

MIN_SIDE, MAX_SIDE = 32, 4096  # of a rendered frame, pixels
MOST_FRAMES = 200  # of a split that are looked at; evenly spread


def print_info(spec: str) -> None:
    """Open a data set, read frames of every split, and say what is in them."""
    dataset = open_dataset(spec)
    console.print(f"{dataset.note}")
    console.print(f"licence {dataset.licence}; protocol {dataset.protocol}; ", end="")
    console.print(f"fingerprint {dataset.fingerprint()}")
    for name, frames in dataset.splits.items():
        if frames.sample_ids:
            first, *rest = _describe(frames)
            console.print(f"\n[bold]{name:8}[/bold]{first}")
            for line in rest:
                console.print(f"{'':8}{line}")


def _describe(frames: Frames) -> list[str]:
    count = len(frames.sample_ids)
    looked_at = np.unique(np.linspace(0, count - 1, min(count, MOST_FRAMES)).round().astype(int))
    depths, holes, rgb, sizes, units = [], [], 0, set(), set()
    conditions: Counter[str] = Counter()
    low, high = np.inf, -np.inf
    for index in looked_at:
        sample = frames.read(int(index))
        assert sample.depth_m is not None
        valid = sample.depth_m[np.isfinite(sample.depth_m)]
        depths.append(valid[:: max(valid.size // 2000, 1)])
        holes.append(1 - valid.size / sample.depth_m.size)
        rgb += sample.rgb is not None
        sizes.add(f"{sample.size[1]}x{sample.size[0]}")
        units.add(str(sample.thermal_unit))
        low, high = min(low, sample.thermal.min()), max(high, sample.thermal.max())
        conditions[sample.condition or "no condition given"] += 1
    spread = np.percentile(np.concatenate(depths), [5, 50, 95])
    pictures = "all" if rgb == len(looked_at) else f"{rgb} of {len(looked_at)}"
    return [
        f"{count} frames of {', '.join(sorted(sizes))}",
        f"thermal  {'/'.join(sorted(units))}, {low:.0f} to {high:.0f}",
        f"depth    {spread[0]:.2f}, {spread[1]:.2f}, {spread[2]:.2f} m at 5, 50, 95 %; "
        f"holes {100 * min(holes):.0f} to {100 * max(holes):.0f} % of a frame",
        f"RGB      {pictures}",
        f"content  {', '.join(f'{name} {number}' for name, number in conditions.most_common())}",
    ]


def render_pack(out: Path, *, frames: Mapping[str, int], size: str, processes: int | None) -> None:
    """Render scenes into a pack file.

    Raises:
        SettingsError: for a size that is not WIDTHxHEIGHT.
        DependencyError: when the ray caster is not installed.
    """
    from thermodepth.synthetic.storage.building import build_pack
    from thermodepth.synthetic.world import SPLIT_STARTS

    width, cross, height = size.partition("x")
    sides = [int(side) for side in (width, height) if side.isdecimal() and len(side) < 6]
    if not cross or len(sides) < 2 or not MIN_SIDE <= min(sides) <= max(sides) <= MAX_SIDE:
        raise SettingsError(
            f"--size {size}: expected WIDTHxHEIGHT such as 128x96, {MIN_SIDE} to {MAX_SIDE} each"
        )
    seeds = {
        split: range(SPLIT_STARTS[split], SPLIT_STARTS[split] + count)
        for split, count in frames.items()
        if count
    }
    with counting("rendering") as tell:
        build_pack(
            out,
            seeds=seeds,
            width=sides[0],
            height=sides[1],
            workers=processes or available_cores(),
            progress=tell,
        )
    console.print(f"{out}: {sum(frames.values())} frames, {out.stat().st_size / 1e6:.1f} MB")
