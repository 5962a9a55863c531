"""`thermodepth data render`."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermodepth.errors import SettingsError
from thermodepth.threads import available_cores, set_thread_policy

if TYPE_CHECKING:
    from thermodepth.synthetic.sensors.microbolometer import MicrobolometerSettings
    from thermodepth.synthetic.storage.order import RenderOrder

FREEZE_S = 0.4  # how long a shutter event takes
MS2_LIDAR = 64  # channels, where MS2's layout is asked for and nothing is said

Out = Annotated[Path, typer.Option(help="The folder to write; NAME.zip makes one file.")]
Scenes = Annotated[str, typer.Option(help="N (80 % train, 10 % val, 10 % test) or TRAIN/VAL/TEST.")]
Size = Annotated[
    str | None, typer.Option(help="WIDTHxHEIGHT of the thermal frame. Default: the rig's own.")
]
Seed = Annotated[int, typer.Option(min=0, help="Of the first scene; the next have +1, +2.")]
Rig = Annotated[str, typer.Option(help="coaxial, ms2 or a calibration file.")]
CameraKinds = Annotated[
    str,
    typer.Option(
        help="one: the rig; several: streets and rooms through five lenses; many: a lens, a height, a "
        "tilt and a core for each scene."
    ),
]
SequenceLength = Annotated[int, typer.Option(min=1, help="Frames of each scene.")]
Rate = Annotated[float | None, typer.Option(help="Frames a second of a sequence. Default: 10.")]
Lidar = Annotated[int, typer.Option(min=0, help="Channels of a lidar; 0: none.")]
Layout = Annotated[str, typer.Option(help="folder, or ms2 for readers of MS2.")]
Condition = Annotated[
    str | None,
    typer.Option(help="day, overcast, dusk, night, rain, lit or dark. Default: drawn."),
]
Radiometric = Annotated[
    bool, typer.Option("--radiometric", help="A calibrated camera: kelvin, no drift.")
]
BadPixels = Annotated[float, typer.Option(help="Share of dead, hot, blinking pixels.")]
Shutter = Annotated[
    float | None,
    typer.Option(help="Seconds between shutter events of a sequence. Default: none."),
]
Processes = Annotated[
    int | None, typer.Option(min=1, help="Renderers side by side. Default: one a core.")
]


def render(
    out: Out,
    scenes: Scenes = "100",
    size: Size = None,
    seed: Seed = 10_000_000,
    rig: Rig = "coaxial",
    cameras: CameraKinds = "one",
    sequence: SequenceLength = 1,
    rate: Rate = None,
    lidar: Lidar = 0,
    layout: Layout = "folder",
    condition: Condition = None,
    radiometric: Radiometric = False,
    bad_pixels: BadPixels = 0.0,
    shutter: Shutter = None,
    processes: Processes = None,
) -> None:
    """Render synthetic streets and rooms. A killed run goes on when started again."""
    set_thread_policy(1)
    from thermodepth.synthetic.cameras.rig import open_rig
    from thermodepth.synthetic.storage.order import RenderOrder

    for option, value in (("--rate", rate), ("--shutter", shutter)):
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
        rate_hz=10.0 if rate is None else rate,
        lidar_channels=lidar,
        condition=condition,
        cameras=cameras,
        sensor=_sensor(radiometric=radiometric, bad_pixels=bad_pixels, shutter_s=shutter),
    )
    _build(order, out, layout=layout, processes=processes or available_cores())


def _sensor(
    *, radiometric: bool, bad_pixels: float, shutter_s: float | None
) -> MicrobolometerSettings:
    from thermodepth.synthetic.sensors.microbolometer import MicrobolometerSettings

    return MicrobolometerSettings(
        mode="radiometric" if radiometric else "counts",
        bad_pixel_share=bad_pixels,
        shutter_every_s=shutter_s or 0.0,
        freeze_s=min(FREEZE_S, shutter_s / 2) if shutter_s else 0.0,
    )


def _build(order: RenderOrder, out: Path, *, layout: str, processes: int) -> None:
    """Render what is missing, and say what to type next."""
    from thermodepth.cli.terminal import console, counting
    from thermodepth.synthetic.storage.building import build_pack

    begun = time.perf_counter()
    with counting("rendering") as tell:
        built = build_pack(out, order, layout=layout, workers=processes, progress=tell)
    seconds = time.perf_counter() - begun
    files = [out] if out.is_file() else [file for file in out.rglob("*") if file.is_file()]
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    rate = f"rendered at {built.rendered / seconds:.1f} frames/s"
    state = rate if built.rendered else "complete already"
    spec = f"ms2:{out}" if layout == "ms2" else str(out)
    for line in (
        f"{out}: {built.frames} frames, {megabytes:.1f} MB; {state}",
        f"next: thermodepth data preview {shlex.quote(spec)}",
    ):
        console.print(line, markup=False, soft_wrap=True)


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
    numbers = text.split("/")
    counts = [int(number) for number in numbers if re.fullmatch("[0-9]{1,6}", number)]
    if len(counts) != len(numbers) or len(counts) not in (1, 3) or not any(counts):
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
