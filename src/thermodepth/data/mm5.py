"""MM5: real, pixel-aligned RGB + thermal + depth frames of table-top scenes.

Brenner, Reyes, Susnjak and Barczak, "MM5: Multimodal Image Capture and Dataset Generation for RGB,
Depth, Thermal, UV, and NIR", 2025, CC BY-NC 4.0. Two layouts are read, both with one number per
frame and the same pixel grid in all bands:

    RGB/N.jpg|png, Thermal/N.png, Depth/N.png      a prepared set, optionally with frames.csv
    RGB3/N.png, T16/N.png, D16/N.png               MM5's own aligned set (MM5_ALIGNED), 480x640

Thermal is uint16 with kelvin = value/64, depth uint16 in millimetres with 0 for "no reading".

The camera stood in three places: over frames 1 to 106, 107 to 261 and 262 to 324 the table, its distance and
the angle stay what they are. Frames of one placement have nearly one depth map, so a look-up of the nearest
training frame by a thumbnail scores AbsRel .02 wherever a split has one placement on both sides, which no
network does. Splits are therefore whole placements:

    mm5:FOLDER                 train 107 to 261 (the most frames), val 262 to 324, test 1 to 106
    mm5:FOLDER?split=blocks    blocks of 20 consecutive captures, every placement in every split: the split of
                               earlier releases, for numbers that were made under it
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from thermodepth.camera import focal_of_view, pinhole
from thermodepth.data.frames import Dataset, fingerprint_files
from thermodepth.data.listing import decimal_between, split_options
from thermodepth.errors import DataError, unknown
from thermodepth.files import natural_order, read_raster, read_text
from thermodepth.thermal import read_thermal
from thermodepth.types import Sample, ThermalUnit

KELVIN_PER_COUNT = 1 / 64
METRES_PER_COUNT = 1 / 1000
#: MM5 publishes no intrinsics for its aligned frames; its depth camera (Azure Kinect, narrow mode)
#: sees 75 degrees across. `mm5:FOLDER?fov=DEGREES` says it otherwise.
FIELD_OF_VIEW_DEG = 75.0

LAYOUTS = (("RGB", "Thermal", "Depth"), ("RGB3", "T16", "D16"), ("RGB3", "T16", "D_16"))
#: The frames of each place that the camera stood in, first and last.
SPLIT_OF_PLACEMENT = {(1, 106): "test", (107, 261): "train", (262, 324): "val"}
SPLITS = ("placement", "blocks")
BLOCK = 20  # consecutive captures that stay together
_MOST_LIST_BYTES = 32_000_000
SPLIT_OF_BLOCK = ("train", "train", "val", "train", "test")  # repeated


@dataclass(frozen=True, slots=True)
class _Entry:
    number: int
    rgb: Path | None
    thermal: Path
    depth: Path
    sequence: str
    category: str


class MM5Frames:
    """One split of MM5."""

    def __init__(
        self, root: Path, entries: Sequence[_Entry], *, fov_deg: float = FIELD_OF_VIEW_DEG
    ) -> None:
        self._root = root
        self._entries = entries
        self._fov_deg = fov_deg
        self.sample_ids = [f"mm5-{entry.number:04d}" for entry in entries]

    noise_is_drawn = False

    def read(self, index: int, *, draw: int = 0, with_rgb: bool = True) -> Sample:
        del draw  # a recording has one noise realisation
        entry = self._entries[index]
        raw, _ = read_thermal(entry.thermal, expect=ThermalUnit.COUNTS)
        depth = read_raster(entry.depth)
        if depth.dtype not in (np.uint16, np.int32) or depth.ndim != 2:
            raise DataError(
                f"{entry.depth}: {depth.dtype} {depth.shape}, expected 16-bit millimetres [h w]"
            )
        if not depth.any():
            raise DataError(
                f"{entry.depth}: all hole: no pixel has a depth reading; remove frame {entry.number}"
            )
        rgb = None
        if with_rgb and entry.rgb is not None:
            rgb = read_raster(entry.rgb)
            if rgb.ndim == 2:
                rgb = np.repeat(rgb[..., None], 3, axis=2)
            if rgb.dtype != np.uint8:
                raise DataError(f"{entry.rgb}: {rgb.dtype}, expected an 8-bit picture")
        for path, band in ((entry.depth, depth), (entry.rgb, rgb)):
            if band is not None and band.shape[:2] != raw.shape:
                raise DataError(
                    f"{path}: {band.shape[1]}x{band.shape[0]}, but the thermal frame {entry.thermal} "
                    f"is {raw.shape[1]}x{raw.shape[0]}; MM5's bands share one pixel grid"
                )
        height, width = raw.shape
        return Sample(
            sample_id=self.sample_ids[index],
            thermal=(raw * np.float32(KELVIN_PER_COUNT)).astype(np.float32),
            thermal_unit=ThermalUnit.KELVIN,
            intrinsics=pinhole(focal_of_view(self._fov_deg, width), width, height),
            depth_m=np.where(depth > 0, depth * METRES_PER_COUNT, np.nan).astype(np.float32),
            rgb=rgb,
            sequence=entry.sequence,
            condition=entry.category,
        )

    def condition(self, index: int) -> str:
        return self._entries[index].category

    @cached_property
    def _fingerprint(self) -> str:
        files = [p for e in self._entries for p in (e.rgb, e.thermal, e.depth) if p is not None]
        about = self._root / "frames.csv"
        value = fingerprint_files([*files, about] if about.is_file() else files, self._root)
        assumed = self._fov_deg == FIELD_OF_VIEW_DEG
        return value if assumed else f"{value}/fov={self._fov_deg:g}"

    def fingerprint(self) -> str:
        return self._fingerprint


def open_mm5(path: Path | None) -> Dataset:
    """Open either layout, `FOLDER`, with `?split=blocks` and `?fov=DEGREES`, which the frames see across.

    Raises:
        DataError: without a path, for a folder that is not MM5, bands that do not pair up, a frame whose
            number is of no placement, or an option that does not exist or cannot be.
    """
    if path is None:
        raise DataError("mm5 needs a folder: --data mm5:PATH")
    root, options = split_options(path, ("split", "fov"))
    fov_deg = decimal_between(options, "fov", default=FIELD_OF_VIEW_DEG, low=1.0, high=170.0)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; give the one that holds RGB, Thermal and Depth")
    split_rule = options.get("split", SPLITS[0])
    if split_rule not in SPLITS:
        raise DataError(f"{path}: split: {unknown('split', split_rule, SPLITS)}")
    entries = _index(root)
    cut = _by_placement(entries, root) if split_rule == "placement" else _by_blocks(entries)
    about = (
        "split by the camera's three placements"
        if split_rule == "placement"
        else f"blocks of {BLOCK} captures, every placement in every split"
    )
    return Dataset(
        name="mm5",
        spec=f"mm5:{path}",
        splits={name: MM5Frames(root, part, fov_deg=fov_deg) for name, part in cut.items()},
        protocol="mm5",
        depth_range_m=(0.2, 3.0),
        training_size=(96, 128),
        licence="CC BY-NC 4.0",
        note=f"MM5: {len(entries)} table-top frames, {about}; taken to see {fov_deg:g} degrees",
    )


def _by_placement(entries: Sequence[_Entry], root: Path) -> dict[str, list[_Entry]]:
    splits: dict[str, list[_Entry]] = {"train": [], "val": [], "test": []}
    for entry in entries:
        matches = [
            n for (low, high), n in SPLIT_OF_PLACEMENT.items() if low <= entry.number <= high
        ]
        if not matches:
            ranges = ", ".join(f"{low} to {high}" for low, high in SPLIT_OF_PLACEMENT)
            raise DataError(
                f"{root}: frame {entry.number} is of no placement of the camera that is known ({ranges}), so "
                f"it belongs to no split; leave it out, or give mm5:{root}?split=blocks"
            )
        splits[matches[0]].append(entry)
    return splits


def _by_blocks(entries: Sequence[_Entry]) -> dict[str, list[_Entry]]:
    splits: dict[str, list[_Entry]] = {"train": [], "val": [], "test": []}
    block_of: dict[str, int] = {}  # a sequence stays whole, in the block in which it begins
    for index, entry in enumerate(entries):
        block = block_of.setdefault(entry.sequence, index // BLOCK)
        splits[SPLIT_OF_BLOCK[block % len(SPLIT_OF_BLOCK)]].append(entry)
    return splits


def _index(root: Path) -> list[_Entry]:
    for names in LAYOUTS:
        if all((root / name).is_dir() for name in names[1:]):
            rgb_name, thermal_name, depth_name = names
            break
    else:
        expected = " or ".join("/".join(names) for names in LAYOUTS[:2])
        raise DataError(f"{root}: not an MM5 folder; expected the sub-folders {expected}")
    thermal, depth = _numbered(root / thermal_name), _numbered(root / depth_name)
    # Training without a teacher needs no RGB, so its absence is met where labels are asked for.
    rgb = _numbered(root / rgb_name) if (root / rgb_name).is_dir() else {}
    if not thermal:
        raise DataError(f"{root / thermal_name}: no frames (expected files such as 12.png)")
    if lonely := sorted(thermal.keys() ^ depth.keys()):
        raise DataError(
            f"{root}: frame {lonely[0]} stands in only one of {thermal_name} and {depth_name} "
            f"({len(lonely)} such frames); copy the set again or remove the halves"
        )
    about = _read_csv(root / "frames.csv")
    return [
        _Entry(
            number,
            rgb.get(number),
            thermal[number],
            depth[number],
            *about.get(number, (f"capture-{number}", "")),
        )
        for number in sorted(thermal)
    ]


def _numbered(folder: Path) -> Mapping[int, Path]:
    """`{frame number: file}` for `12.png` and `12_anything.png`."""
    files: dict[int, Path] = {}
    for path in sorted(folder.iterdir(), key=lambda p: natural_order(p.name)):
        match = re.fullmatch(r"(\d{1,9})(?:_.*)?\.(?:png|jpe?g|tiff?)", path.name, re.IGNORECASE)
        if match:
            earlier = files.setdefault(int(match[1]), path)
            if earlier is not path:
                raise DataError(
                    f"{folder}: {earlier.name} and {path.name} are both frame {int(match[1])}; keep one"
                )
    return files


def _read_csv(path: Path) -> dict[int, tuple[str, str]]:
    """`{frame number: (sequence, category)}` from the prepared set's list, if it is there."""
    if not path.exists():
        return {}
    about: dict[int, tuple[str, str]] = {}
    rows = csv.DictReader(io.StringIO(read_text(path, limit=_MOST_LIST_BYTES), newline=""))
    try:
        for row in rows:
            sequence, category = row["Sequence"], row["Category"]
            if sequence is None or category is None:
                raise ValueError("a short line")
            about[int(row["ID"])] = (sequence, category)
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise DataError(
            f"{path}, line {rows.line_num}: expected UTF-8 text with the columns ID, Sequence, "
            f"Category ({error})"
        ) from None
    return about
