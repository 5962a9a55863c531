"""`thermodepth data realism`: how well a plain classifier tells a set's thermal frames from others."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from rich.table import Table
from rich.text import Text

from thermodepth.commands.preview import open_any
from thermodepth.commands.terminal import console
from thermodepth.data import DATASETS
from thermodepth.errors import DataError, SettingsError, unknown
from thermodepth.files import write_bytes, write_json
from thermodepth.realism import Comparison, PatchSet, compare, patches_of
from thermodepth.thermal import read_thermal

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT, VERSION = "thermodepth data realism", 1
GROUPS = ("frame", "folder")
PICTURES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")
MOST_FRAMES = 5000
_SHOWN, _ENLARGED, _GAP = (
    12,
    3,
    4,
)  # patches of a row in the picture, how much larger, pixels between


def realism(
    data: str,
    *,
    against: str,
    frames: int,
    only: str | None,
    groups: str,
    json: Path | None,
    out: Path | None,
) -> None:
    """Compare, print, write.

    Raises:
        SettingsError: for an option that cannot be.
        DataError: for a set or folder that is not there or holds too little.
    """
    if not 2 <= frames <= MOST_FRAMES:
        raise SettingsError(f"--frames {frames}: expected 2 to {MOST_FRAMES}")
    if groups not in GROUPS:
        raise SettingsError(f"--groups: {unknown('kind of group', groups, GROUPS)}")
    if out is not None and out.suffix.lower() != ".png":
        raise SettingsError(f"--out {out}: expected a name that ends in .png")
    first = patches_of(_of_either(data, frames, groups, only))
    second = patches_of(_of_either(against, frames, groups, None))
    comparison = compare(first, second)
    _print(comparison, data, against)
    if json is not None:
        write_json(json, comparison_tree(comparison, data, against))
    if out is not None:
        write_bytes(out, _picture(comparison))
        console.print(
            f"{out}: the patches that look least and most like the other set", markup=False
        )


def _of_data(data: str, most: int, only: str | None) -> list[tuple[str, NDArray[Any]]]:
    """`(recording, frame)` evenly over all splits, of the conditions that begin with one of `only`."""
    dataset = open_any(data)
    starts = tuple(only.split(",")) if only else ("",)
    places = [
        (name, index)
        for name, part in dataset.whole_splits.items()
        for index in range(len(part.sample_ids))
    ]
    chosen = []
    # Conditions stand in the samples, so all are looked at when only some are wanted.
    for place in _spread(len(places), len(places) if only else most):
        name, index = places[place]
        sample = dataset.splits[name].read(index, with_rgb=False)
        if sample.has_thermal and sample.condition.startswith(starts):
            chosen.append((sample.sequence or sample.sample_id, sample.thermal))
    if not chosen:
        raise DataError(f"{data}: no thermal frames" + (f" of --only {only}" if only else ""))
    return [chosen[place] for place in _spread(len(chosen), most)]


def _of_either(
    place: str, most: int, groups: str, only: str | None
) -> list[tuple[str, NDArray[Any]]]:
    """A data set by its name, or a folder of thermal pictures with its sub-folders."""
    folder = Path(place).expanduser()
    if place.partition(":")[0] in DATASETS or not folder.is_dir():
        return _of_data(place, most, only)
    if (folder / "pack.json").is_file():
        return _of_data(f"synthetic:{folder}", most, only)
    if only:
        raise SettingsError(f"--only {only}: {folder} is a folder of pictures without conditions")
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURES and p.is_file())
    if not paths:
        raise DataError(f"{folder}: holds no thermal pictures ({', '.join(PICTURES)})")
    chosen = [paths[index] for index in _spread(len(paths), most)]
    return [
        (str(path.parent if groups == "folder" else path), read_thermal(path)[0]) for path in chosen
    ]


def _spread(count: int, most: int) -> Sequence[int]:
    even: list[int] = np.unique(
        np.linspace(0, count - 1, min(count, most)).round().astype(int)
    ).tolist()
    return even if count else []


def comparison_tree(comparison: Comparison, data: str, against: str) -> dict[str, Any]:
    """The report as plain JSON values; its form is described in docs/world.md."""
    joint = comparison.joint
    return {
        "format": FORMAT,
        "version": VERSION,
        "data": data,
        "against": against,
        "patches": [len(comparison.first), len(comparison.second)],
        "recordings": [_recordings(comparison.first), _recordings(comparison.second)],
        "auc": joint.auc,
        "interval": [joint.low, joint.high],
        "octave_ratio": comparison.octave_ratio.tolist(),
        "statistics": [
            {"name": d.name, "data": list(d.first), "against": list(d.second), "auc": d.auc}
            for d in comparison.differences
        ],
    }


def _recordings(patches: PatchSet) -> int:
    return len(np.unique(patches.group))


def _print(comparison: Comparison, data: str, against: str) -> None:
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
    joint = comparison.joint
    console.print(
        f"all eight together, recordings held out: AUC {joint.auc:.3f} "
        f"({joint.low:.3f} to {joint.high:.3f}); .5 cannot be told apart, 1 always is"
    )


def _picture(comparison: Comparison) -> bytes:
    """Four rows: data that passes, data that gives itself away, and the same of the other set."""
    scores, count = comparison.joint.scores, len(comparison.first)
    rows: list[NDArray[np.float32]] = []
    for patches, of_set, sign in (
        (comparison.first, scores[:count], 1),
        (comparison.second, scores[count:], -1),
    ):
        order = np.argsort(sign * of_set)
        rows += [patches.pixels[order[-_SHOWN:]], patches.pixels[order[:_SHOWN]]]
    side = rows[0].shape[1] * _ENLARGED + _GAP
    sheet = np.full((side * len(rows) + _GAP, side * _SHOWN + _GAP), 128, np.uint8)
    for row, line in enumerate(rows):
        for column, patch in enumerate(line):
            large = np.kron(patch, np.ones((_ENLARGED, _ENLARGED))) * 255
            top, left = row * side + _GAP, column * side + _GAP
            sheet[top : top + large.shape[0], left : left + large.shape[1]] = large.astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(sheet).save(stream, "PNG")
    return stream.getvalue()
