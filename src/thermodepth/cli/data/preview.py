"""`thermodepth data preview`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermodepth.errors import DataError, SettingsError
from thermodepth.threads import set_thread_policy

if TYPE_CHECKING:
    from thermodepth.data import Dataset

MOST_FRAMES = 64  # more make a sheet that no viewer shows

Data = Annotated[
    str,
    typer.Argument(help="synthetic, mm5:FOLDER, or the path of a rendered folder or .zip."),
]
Out = Annotated[Path, typer.Option(help="The picture to write, .png or .jpg.")]
FrameCount = Annotated[int, typer.Option(min=1, max=MOST_FRAMES, help="How many frames.")]
Split = Annotated[
    str | None,
    typer.Option(help="Only frames of this split. Default: like shares of all splits."),
]


def preview(
    data: Data, out: Out = Path("preview.png"), frames: FrameCount = 8, split: Split = None
) -> None:
    """A contact sheet: RGB, thermal and depth of frames spread evenly over a data set."""
    set_thread_policy()
    from thermodepth.cli.contact_sheet import FORMATS, draw_sheet, encode, make_shot
    from thermodepth.cli.data.opening import open_any
    from thermodepth.cli.terminal import console, counting
    from thermodepth.files import write_bytes

    if not 1 <= frames <= MOST_FRAMES:
        raise SettingsError(f"--frames {frames}: expected 1 to {MOST_FRAMES}")
    _check_out(out)
    dataset = open_any(data)
    chosen = choose_frames(dataset, frames, split)
    shots = []
    with counting("reading") as tell:
        for number, (name, index) in enumerate(chosen, start=1):
            sample = dataset.splits[name].read(index)
            shots.append(make_shot(sample, f"{sample.sample_id}  ({name})"))
            if len(chosen) > MOST_FRAMES // 4:
                tell(number, len(chosen))
    sheet = draw_sheet(dataset.note, shots)
    try:
        write_bytes(out, encode(sheet, FORMATS[out.suffix.lower()]))
    except OSError as error:
        raise SettingsError(f"--out {out}: cannot be written ({error.strerror or error})") from None
    total = sum(len(dataset.splits[name].sample_ids) for name in {name for name, _ in chosen})
    console.print(
        f"{out}: {len(shots)} of {total} frames, {sheet.width}x{sheet.height} pixels",
        soft_wrap=True,
    )


def _check_out(out: Path) -> None:
    from thermodepth.cli.contact_sheet import FORMATS

    if out.is_dir():
        raise SettingsError(f"--out {out}: is a folder, expected a picture file")
    if out.suffix.lower() not in FORMATS:
        raise SettingsError(
            f"--out {out}: '{out.suffix}' is not a picture format that is written here "
            f"(known: {', '.join(FORMATS)})"
        )


def choose_frames(dataset: Dataset, frames: int, split: str | None) -> list[tuple[str, int]]:
    """`(split, index)` of frames evenly spread: over a split, or with like shares over all of them.

    Raises:
        DataError: for a split that does not exist or is empty, or a data set without any frame.
    """
    if split is not None:
        counts = {split: len(dataset.split(split).sample_ids)}
    else:
        counts = {name: len(part.sample_ids) for name, part in dataset.whole_splits.items()}
    if not any(counts.values()):
        raise DataError(f"{dataset.spec}: holds no frames")
    return [
        (name, int((number + 0.5) * counts[name] / share))
        for name, share in _shares(counts, frames).items()
        for number in range(share)
    ]


def _shares(counts: Mapping[str, int], frames: int) -> dict[str, int]:
    """As many from each as from the others; what a small one cannot give comes from the rest."""
    shares = dict.fromkeys(counts, 0)
    remaining = min(frames, sum(counts.values()))
    while remaining:
        for name, count in counts.items():
            if remaining and shares[name] < count:
                shares[name] += 1
                remaining -= 1
    return shares
