"""`thermodepth predict`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from thermodepth.commands.lens import NOTHING_SAID, LensOptions
from thermodepth.commands.terminal import console, counting, error_console
from thermodepth.errors import DataError, SettingsError, unknown
from thermodepth.files import natural_order, open_file, pictures_in
from thermodepth.inference.outputs import write_depth
from thermodepth.inference.predictor import NO_EXPECTED_ERROR, Depth, Predictor
from thermodepth.model import load_model, resolve_model
from thermodepth.pictures import HEAD_BYTES, foreign_format
from thermodepth.thermal import (
    Margins,
    NormaliserState,
    looks_like_agc,
    read_thermal,
    read_y16,
    refuse_agc,
)
from thermodepth.types import ThermalUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMATS = ("png", "npy")
Y16_SUFFIXES = (".raw", ".y16", ".bin")

_Y16 = tuple[int, int, Literal["little", "big"]]  # width, height, byte order


def predict_files(
    source: Path,
    out: Path,
    *,
    model: str,
    depth_format: str,
    view: bool,
    short_side: int | None,
    counts: bool,
    device: str,
    y16: str = "",
    video: bool = False,
    drop: str = "",
    options: LensOptions = NOTHING_SAID,
) -> None:
    """Predict one frame or every frame of a folder; `y16` is the size of frames without a header.

    `drop`: rows and columns that are no picture, `bottom=2`; the maps are those of what is left.

    `video`: the files, in the order of their names, are one recording; input recipes that remember
    earlier frames then do, and the maps flicker less. `options` say what the lens is; without, radiometric
    files may state it, and else the training's is taken.

    Raises:
        SettingsError: for options that cannot be, or a lens that cannot be that of a frame.
        DataError: for a source without thermal frames; a broken frame of a folder is named, the
            others are predicted, and the command still ends with this error.
    """
    if depth_format not in FORMATS:
        raise SettingsError(f"--format: {unknown('format', depth_format, FORMATS)}")
    layout = _y16_layout(y16) if y16 else None
    margins = Margins.of_text(drop, "--drop") if drop else None
    files = _files_of(source, out, layout)
    lens = options.lens()
    loaded = load_model(resolve_model(model))
    predictor = Predictor(loaded, device=device, short_side=short_side, lens=lens)
    state = NormaliserState() if video else None
    broken: list[DataError] = []
    done: list[Path] = []
    display_only = 0
    with counting("predicting") as tell:
        for number, (path, name) in enumerate(zip(files, _names(files), strict=True), start=1):
            try:
                raw, unit = _read(path, layout, counts=counts, drop=margins)
                result = _predicted(predictor, path, raw, unit, state)
            except DataError as error:
                broken.append(error)
                continue
            display_only += looks_like_agc(raw) is not None
            paths = write_depth(
                out, name, result, thermal=raw, unit=unit, depth_format=depth_format, view=view
            )
            done.append(path)
            if len(files) > 1:
                tell(number, len(files))
    if len(done) == 1:
        _say_one(done[0], result, paths)
    elif done:
        console.print(f"{len(done)} frames predicted into {out}", soft_wrap=True)
    if loaded.recipe.model.relative_error and not predictor.tells_relative_error:
        error_console.print(f"note: no relative error is written: {NO_EXPECTED_ERROR}")
    if display_only:
        error_console.print(
            f"note: {display_only} of {len(done)} frames are 8-bit pictures after the camera's gain "
            "control; raw 14/16-bit counts keep more and are what the model was trained on"
        )
    _refuse(broken, of=len(files))


def _refuse(broken: Sequence[DataError], *, of: int) -> None:
    """What was wrong with files, once the others are done; nothing where nothing was."""
    if len(broken) == 1:
        raise broken[0]
    if broken:
        listing = "\n  ".join(str(error) for error in broken)
        raise DataError(f"{len(broken)} of {of} files could not be read:\n  {listing}")


def _files_of(source: Path, out: Path, layout: _Y16 | None) -> list[Path]:
    """The frames of a file or folder, when its maps can go where they shall."""
    if not source.exists():
        raise DataError(f"{source}: no such file or folder")
    files = [source]
    if source.is_dir():
        files = pictures_in(source) if layout is None else _y16_files(source)
    if not files:
        kinds = "PNG, TIFF, JPEG, BMP, NPY or PFM" if layout is None else ", ".join(Y16_SUFFIXES)
        raise DataError(f"{source}: no {kinds} files in this folder{_instead(source)}")
    if out.exists() and not out.is_dir():
        raise SettingsError(f"--out {out}: is a file, expected a folder")
    if source.is_dir() and out.resolve() == source.resolve():
        raise SettingsError(
            f"--out {out}: is the folder of the frames; its maps would be read as frames"
        )
    return files


def _instead(folder: Path) -> str:
    """What the first file of a folder is that holds no frame, where its first bytes tell."""
    for path in sorted(folder.iterdir()):
        if not path.is_file():
            continue
        with open_file(path) as stream:
            known = foreign_format(stream.read(HEAD_BYTES))
        return f"; {path.name} is {known}" if known else ""
    return ""


def _say_one(path: Path, result: Depth, paths: Sequence[Path]) -> None:
    low, mid, high = np.percentile(result.solid_m, [5, 50, 95])
    console.print(
        f"{path}: median depth {mid:.2f} m, 5 to 95 % {low:.2f} to {high:.2f} m{_beside_sky(result)}"
    )
    if summary := _expected(result):
        console.print(summary, soft_wrap=True)
    for written in paths:
        console.print(f"  {written}", soft_wrap=True)


def _expected(result: Depth) -> str:
    """How far off the depth is expected to be; empty where the model does not tell."""
    if result.relative_error is None or result.relative_error_90 is None:
        return ""
    solid = np.ones(result.depth_m.shape, bool) if result.sky is None else ~result.sky
    if not solid.any():
        return ""
    at_68, at_90 = (
        float(np.median(error[solid]))
        for error in (result.relative_error, result.relative_error_90)
    )
    return (
        f"expected error of the depth, median: below {at_68:.0%} at 68 % of the pixels, below {at_90:.0%} at "
        "90 % (larger is worse)"
    )


def _beside_sky(result: Depth) -> str:
    if result.sky is None or not result.sky.any():
        return ""
    return f"; sky, {result.sky.mean():.0%} of the frame, left out"


def _read(
    path: Path, layout: _Y16 | None, *, counts: bool, drop: Margins | None
) -> tuple[NDArray[Any], ThermalUnit]:
    if layout is None:
        return read_thermal(path, expect=ThermalUnit.COUNTS if counts else None, drop=drop)
    raw = read_y16(path, *layout, drop=drop)
    if counts:
        refuse_agc(raw, str(path))
    return raw, ThermalUnit.COUNTS


def _predicted(
    predictor: Predictor,
    path: Path,
    raw: NDArray[Any],
    unit: ThermalUnit,
    state: NormaliserState | None,
) -> Depth:
    """What is wrong with a frame itself is one broken file of a folder."""
    try:
        lens = predictor.stated_lens(path)
        return predictor.predict([raw], unit=unit, state=state, lens=lens)[0]
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def _y16_layout(text: str) -> _Y16:
    match = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})(:big|:little)?", text)
    if match is None:
        raise SettingsError(
            f"--y16 {text}: expected WIDTHxHEIGHT such as 640x512, or 640x512:big where the high byte "
            "comes first"
        )
    return int(match[1]), int(match[2]), "big" if match[3] == ":big" else "little"


def _y16_files(folder: Path) -> list[Path]:
    raw_files = [p for p in folder.iterdir() if p.suffix.lower() in Y16_SUFFIXES and p.is_file()]
    return sorted(raw_files, key=lambda p: (natural_order(p.name), p.name))


def _names(files: list[Path]) -> list[str]:
    """Stems, or full file names where two files share a stem and one would overwrite the other."""
    stems = [path.stem for path in files]
    return stems if len(set(stems)) == len(stems) else [path.name for path in files]
