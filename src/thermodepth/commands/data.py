"""`thermodepth data info` and `thermodepth data render`."""

from __future__ import annotations

import re
import shlex
import time
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from rich.text import Text

from thermodepth.commands.terminal import console, counting
from thermodepth.data import open_dataset
from thermodepth.data.frames import Frames
from thermodepth.errors import SettingsError
from thermodepth.threads import available_cores

MOST_SIZES = 4  # that are named
MOST_FRAMES = 200  # of a split that are looked at; evenly spread
FREEZE_S = 0.4  # how long a shutter event takes
MS2_LIDAR = 64  # channels, where MS2's layout is asked for and nothing is said


def print_info(spec: str) -> None:
    """Open a data set, read frames of every split, and say what is in them."""
    dataset = open_dataset(spec)
    console.print(f"{dataset.note}")
    console.print(f"licence {dataset.licence}; protocol {dataset.protocol}; ", end="")
    console.print(f"fingerprint {dataset.fingerprint()}")
    width = max(map(len, dataset.splits)) + 2
    for name, frames in dataset.splits.items():
        if frames.sample_ids:
            first, *rest = _describe(frames)
            console.print(Text("\n").append(f"{name:{width}}", style="bold").append(first))
            for line in rest:
                console.print(f"{'':{width}}{line}")


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
        sizes.add((sample.size[1], sample.size[0]))
        units.add(str(sample.thermal_unit))
        low, high = min(low, sample.thermal.min()), max(high, sample.thermal.max())
        conditions[sample.condition or "no condition given"] += 1
    spread = np.percentile(np.concatenate(depths), [5, 50, 95])
    pictures = "all" if rgb == len(looked_at) else f"{rgb} of {len(looked_at)}"
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


def render(
    out: Path,
    *,
    scenes: str,
    size: str | None,
    seed: int,
    rig: str,
    cameras: str,
    sequence: int,
    rate_hz: float | None,
    lidar: int,
    layout: str,
    condition: str | None,
    radiometric: bool,
    bad_pixels: float,
    shutter_s: float | None,
    processes: int | None,
) -> None:
    """Render scenes into a folder, a zip file or MS2's layout, and say what to type next.

    Raises:
        SettingsError: naming the option that cannot be.
        DataError: when `out` holds something else.
        DependencyError: when the ray caster is not installed.
    """
    from thermodepth.synthetic.cameras.rig import open_rig
    from thermodepth.synthetic.sensors.microbolometer import MicrobolometerSettings
    from thermodepth.synthetic.storage.building import build_pack
    from thermodepth.synthetic.storage.order import RenderOrder

    for option, value in (("--rate", rate_hz), ("--shutter", shutter_s)):
        if value is not None and sequence == 1:
            raise SettingsError(f"{option} {value:g} has no effect without --sequence")
    if layout == "ms2" and radiometric:
        raise SettingsError(
            "--radiometric does not fit --layout ms2: MS2's frames are 14-bit counts"
        )
    if layout == "ms2" and not lidar:
        lidar = MS2_LIDAR
    order = RenderOrder(
        scenes=_seeds(_scene_counts(scenes), seed),
        rig=open_rig(rig, _pixels(size) if size else None),
        frames=sequence,
        rate_hz=10.0 if rate_hz is None else rate_hz,
        lidar_channels=lidar,
        condition=condition,
        cameras=cameras,
        sensor=MicrobolometerSettings(
            mode="radiometric" if radiometric else "counts",
            bad_pixel_share=bad_pixels,
            shutter_every_s=shutter_s or 0.0,
            freeze_s=min(FREEZE_S, shutter_s / 2) if shutter_s else 0.0,
        ),
    )
    begun = time.perf_counter()
    with counting("rendering") as tell:
        built = build_pack(
            out, order, layout=layout, workers=processes or available_cores(), progress=tell
        )
    seconds = time.perf_counter() - begun
    files = [out] if out.is_file() else [file for file in out.rglob("*") if file.is_file()]
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    rate = f"rendered at {built.rendered / seconds:.1f} frames/s"
    state = rate if built.rendered else "complete already"
    _say(f"{out}: {built.frames} frames, {megabytes:.1f} MB; {state}")
    if layout == "ms2":
        _say(f"next: thermodepth data preview {shlex.quote(f'ms2:{out}')}")
    else:
        _say(f"next: thermodepth data preview {shlex.quote(str(out))}")


def _say(text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)


def _pixels(size: str) -> tuple[int, int]:
    from thermodepth.synthetic.cameras.rig import MAX_SIDE, MIN_SIDE

    match = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", size)
    width, height = (int(match[1]), int(match[2])) if match else (0, 0)
    if not MIN_SIDE <= min(width, height) <= max(width, height) <= MAX_SIDE:
        raise SettingsError(
            f"--size {size}: expected WIDTHxHEIGHT such as 160x128, {MIN_SIDE} to {MAX_SIDE} each"
        )
    return width, height


def _scene_counts(text: str) -> dict[str, int]:
    """`{split: scenes}` of N (80, 10 and 10 %; below three, all train) or TRAIN/VAL/TEST."""
    words = text.split("/")
    counts = [int(word) for word in words if re.fullmatch("[0-9]{1,6}", word)]
    if len(counts) != len(words) or len(counts) not in (1, 3) or not any(counts):
        raise SettingsError(
            f"--scenes {text}: expected a number such as 100, or TRAIN/VAL/TEST such as 530/40/120"
        )
    if len(counts) == 1:
        held_out = max(counts[0] // 10, 1) if counts[0] >= 3 else 0
        counts = [counts[0] - 2 * held_out, held_out, held_out]
    return dict(zip(("train", "val", "test"), counts, strict=True))


def _seeds(counts: Mapping[str, int], first: int) -> dict[str, range]:
    """One seed a scene, one split after the other."""
    seeds = {}
    for split, count in counts.items():
        seeds[split] = range(first, first + count)
        first += count
    return seeds
