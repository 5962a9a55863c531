"""`thermodepth data info`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated

import typer

from thermodepth.cli.options import SPECS, With, load_with
from thermodepth.threads import set_thread_policy

if TYPE_CHECKING:
    from thermodepth.data.frames import Frames

MOST_SIZES = 4  # that are named
MOST_FRAMES = 200  # of a split that are looked at; evenly spread

Data = Annotated[str, typer.Argument(help=SPECS)]


def info(data: Data, extensions: With = []) -> None:
    """What a data set holds: splits, sizes, units, ranges, conditions, holes."""
    set_thread_policy()
    load_with(extensions)
    from rich.text import Text

    from thermodepth.cli.terminal import console
    from thermodepth.data import open_dataset

    dataset = open_dataset(data)
    console.print(f"{dataset.note}")
    console.print(f"licence {dataset.licence}; protocol {dataset.protocol}; ", end="")
    console.print(f"fingerprint {dataset.fingerprint()}")
    width = max(map(len, dataset.splits)) + 2
    for name, frames in dataset.splits.items():
        if frames.sample_ids:
            first, *further = _describe(frames)
            console.print(Text("\n").append(f"{name:{width}}", style="bold").append(first))
            for line in further:
                console.print(f"{'':{width}}{line}")


def _describe(frames: Frames) -> list[str]:
    import numpy as np

    count = len(frames.sample_ids)
    indices = np.unique(np.linspace(0, count - 1, min(count, MOST_FRAMES)).round().astype(int))
    depths, holes, rgb, sizes, units = [], [], 0, set(), set()
    conditions: Counter[str] = Counter()
    low, high = np.inf, -np.inf
    for index in indices:
        sample = frames.read(int(index))
        assert sample.depth_m is not None
        valid = sample.depth_m[np.isfinite(sample.depth_m)]
        depths.append(valid[:: max(valid.size // 2000, 1)])
        holes.append(1 - valid.size / sample.depth_m.size)
        rgb += sample.rgb is not None
        sizes.add((sample.size[1], sample.size[0]))
        units.add(str(sample.thermal_unit))
        low, high = min(low, sample.thermal.min()), max(high, sample.thermal.max())
        conditions[sample.condition or "no condition given"] += 1
    spread = np.percentile(np.concatenate(depths), [5, 50, 95])
    pictures = "all" if rgb == len(indices) else f"{rgb} of {len(indices)}"
    return [
        f"{count} frames of {_sizes(sizes)}",
        f"thermal  {'/'.join(sorted(units))}, {low:.0f} to {high:.0f}",
        f"depth    {spread[0]:.2f}, {spread[1]:.2f}, {spread[2]:.2f} m at 5, 50, 95 %; "
        f"holes {100 * min(holes):.0f} to {100 * max(holes):.0f} % of a frame",
        f"RGB      {pictures}",
        f"content  {', '.join(f'{name} {number}' for name, number in conditions.most_common())}",
    ]


def _sizes(sizes: Collection[tuple[int, int]]) -> str:
    """Up to four by name, of more the ends: a set of many cameras has nearly one a frame."""
    ordered = [f"{width}x{height}" for width, height in sorted(sizes)]
    if len(ordered) <= MOST_SIZES:
        return ", ".join(ordered)
    return f"{len(ordered)} sizes, {ordered[0]} to {ordered[-1]}"
