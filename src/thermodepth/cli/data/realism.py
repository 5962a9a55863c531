"""`thermodepth data realism`: how well a plain classifier tells a set's thermal frames from others."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thermodepth.cli.options import JsonReport
from thermodepth.errors import DataError, SettingsError, unknown
from thermodepth.threads import set_thread_policy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from thermodepth.realism import Comparison, PatchSet

FORMAT, VERSION = "thermodepth data realism", 1
GROUPS = ("frame", "folder")
PICTURES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")
MOST_FRAMES = 5000
#: Of the picture: patches of a row, how much larger than they are, pixels between.
_PATCHES, _ENLARGED, _GAP = 12, 3, 4

Data = Annotated[
    str,
    typer.Argument(help="A data set as everywhere, a pack, or a folder of thermal pictures."),
]
Against = Annotated[str, typer.Option(help="The same: what it is held against.")]
FrameCount = Annotated[int, typer.Option(min=2, help="Of each set, evenly spread.")]
Only = Annotated[
    str | None,
    typer.Option(help="Conditions of DATA that begin so, such as street,carpark,wood."),
]
Groups = Annotated[
    str, typer.Option(help="What a recording is in a folder: each frame, or each folder.")
]
Out = Annotated[
    Path | None,
    typer.Option(help="A .png of the patches that look least and most like the other set."),
]


def realism(
    data: Data,
    against: Against,
    frames: FrameCount = 300,
    only: Only = None,
    groups: Groups = "frame",
    json: JsonReport = None,
    out: Out = None,
) -> None:
    """How well a plain classifier tells a set's thermal frames from others, and by what."""
    set_thread_policy()
    from thermodepth.cli.terminal import console
    from thermodepth.files import write_bytes, write_json
    from thermodepth.realism import compare, patches_of

    if not 2 <= frames <= MOST_FRAMES:
        raise SettingsError(f"--frames {frames}: expected 2 to {MOST_FRAMES}")
    if groups not in GROUPS:
        raise SettingsError(f"--groups: {unknown('kind of group', groups, GROUPS)}")
    if out is not None and out.suffix.lower() != ".png":
        raise SettingsError(f"--out {out}: expected a name that ends in .png")
    first = patches_of(_frames_of(data, frames, groups, only))
    second = patches_of(_frames_of(against, frames, groups, None))
    comparison = compare(first, second)
    _print(comparison, data, against)
    if json is not None:
        write_json(json, comparison_tree(comparison, data, against))
    if out is not None:
        write_bytes(out, _picture(comparison))
        console.print(
            f"{out}: the patches that look least and most like the other set", markup=False
        )


def _dataset_frames(data: str, count: int, only: str | None) -> list[tuple[str, NDArray[Any]]]:
    """`(recording, frame)` evenly over all splits, of the conditions that begin with one of `only`."""
    from thermodepth.cli.data.opening import open_any

    dataset = open_any(data)
    starts = tuple(only.split(",")) if only else ("",)
    indices = [
        (name, index)
        for name, part in dataset.whole_splits.items()
        for index in range(len(part.sample_ids))
    ]
    chosen = []
    # Conditions stand in the samples, so all are looked at when only some are wanted.
    for number in _spread(len(indices), len(indices) if only else count):
        name, index = indices[number]
        sample = dataset.splits[name].read(index, with_rgb=False)
        if sample.has_thermal and sample.condition.startswith(starts):
            chosen.append((sample.sequence or sample.sample_id, sample.thermal))
    if not chosen:
        raise DataError(f"{data}: no thermal frames" + (f" of --only {only}" if only else ""))
    return [chosen[number] for number in _spread(len(chosen), count)]


def _frames_of(
    data: str, count: int, groups: str, only: str | None
) -> list[tuple[str, NDArray[Any]]]:
    """A data set by its name, or a folder of thermal pictures with its sub-folders."""
    from thermodepth.data import DATASETS
    from thermodepth.thermal import read_thermal

    folder = Path(data).expanduser()
    if data.partition(":")[0] in DATASETS or not folder.is_dir():
        return _dataset_frames(data, count, only)
    if (folder / "pack.json").is_file():
        return _dataset_frames(f"synthetic:{folder}", count, only)
    if only:
        raise SettingsError(f"--only {only}: {folder} is a folder of pictures without conditions")
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURES and p.is_file())
    if not paths:
        raise DataError(f"{folder}: holds no thermal pictures ({', '.join(PICTURES)})")
    chosen = [paths[index] for index in _spread(len(paths), count)]
    return [
        (str(path.parent if groups == "folder" else path), read_thermal(path)[0]) for path in chosen
    ]


def _spread(total: int, count: int) -> Sequence[int]:
    import numpy as np

    even: list[int] = np.unique(
        np.linspace(0, total - 1, min(total, count)).round().astype(int)
    ).tolist()
    return even if total else []


def comparison_tree(comparison: Comparison, data: str, against: str) -> dict[str, Any]:
    """The report as plain JSON values; its form is described in docs/world.md."""
    all_eight = comparison.joint
    return {
        "format": FORMAT,
        "version": VERSION,
        "data": data,
        "against": against,
        "patches": [len(comparison.first), len(comparison.second)],
        "recordings": [_recordings(comparison.first), _recordings(comparison.second)],
        "auc": all_eight.auc,
        "interval": [all_eight.low, all_eight.high],
        "octave_ratio": comparison.octave_ratio.tolist(),
        "statistics": [
            {"name": d.name, "data": list(d.first), "against": list(d.second), "auc": d.auc}
            for d in comparison.differences
        ],
    }


def _recordings(patches: PatchSet) -> int:
    import numpy as np

    return len(np.unique(patches.group))


def _print(comparison: Comparison, data: str, against: str) -> None:
    from rich.table import Table
    from rich.text import Text

    from thermodepth.cli.terminal import console

    table = Table(show_edge=False, pad_edge=False)
    for heading in (
        "statistic of a patch",
        "data 10 / 50 / 90 %",
        "against 10 / 50 / 90 %",
        "AUC alone",
    ):
        table.add_column(heading, justify="left" if heading.startswith("stat") else "right")
    for d in comparison.differences:
        cells = [" / ".join(f"{value:.2f}" for value in ends) for ends in (d.first, d.second)]
        table.add_row(d.name, *cells, f"{d.auc:.3f}")
    first, second = comparison.first, comparison.second
    console.print(Text(f"data     {data}: {len(first)} patches of {_recordings(first)} recordings"))
    console.print(
        Text(f"against  {against}: {len(second)} patches of {_recordings(second)} recordings")
    )
    console.print(table)
    ratio = ", ".join(f"{value:.2f}" for value in comparison.octave_ratio)
    console.print(f"variance in octaves of 1, 2, 4, 8 cycles a patch, data over against: {ratio}")
    all_eight = comparison.joint
    console.print(
        f"all eight together, recordings held out: AUC {all_eight.auc:.3f} "
        f"({all_eight.low:.3f} to {all_eight.high:.3f}); .5 cannot be told apart, 1 always is"
    )


def _picture(comparison: Comparison) -> bytes:
    """Four rows: data that passes, data that gives itself away, and the same of the other set."""
    import numpy as np
    from PIL import Image

    scores, count = comparison.joint.scores, len(comparison.first)
    rows: list[NDArray[np.float32]] = []
    for patches, of_set, sign in (
        (comparison.first, scores[:count], 1),
        (comparison.second, scores[count:], -1),
    ):
        order = np.argsort(sign * of_set)
        rows += [patches.pixels[order[-_PATCHES:]], patches.pixels[order[:_PATCHES]]]
    side = rows[0].shape[1] * _ENLARGED + _GAP
    sheet = np.full((side * len(rows) + _GAP, side * _PATCHES + _GAP), 128, np.uint8)
    for row, line in enumerate(rows):
        for column, patch in enumerate(line):
            large = np.kron(patch, np.ones((_ENLARGED, _ENLARGED))) * 255
            top, left = row * side + _GAP, column * side + _GAP
            sheet[top : top + large.shape[0], left : left + large.shape[1]] = large.astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(sheet).save(stream, "PNG")
    return stream.getvalue()
