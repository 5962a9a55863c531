"""A depth map as one file: the counterpart of `reading`.

    .png           uint16, value = metres * per_metre; 0 = no value
    .npy           float32 metres, NaN = no value
    .tif, .tiff    float32 metres, NaN = no value
    .exr           float32 metres in the channel Z, NaN = no value; needs the package `OpenEXR`

A PNG says in its text field `Comment` what its whole numbers mean.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.depth_files.reading import check_per_metre
from thermodepth.errors import DependencyError, OutputError, SettingsError, unknown
from thermodepth.files import replacing, write_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

WRITTEN_SUFFIXES = (".png", ".npy", ".tif", ".tiff", ".exr")
_HIGHEST = 65535


def write_depth_values(path: Path, depth_m: NDArray[np.float32], *, per_metre: float) -> str:
    """Write a depth map, whole or not at all, in the format of the path's suffix.

    Args:
        path: ends in one of `WRITTEN_SUFFIXES`, in small or capital letters.
        depth_m: `[h w]` metres; what is not finite and above 0 is stored as no value.
        per_metre: what a metre is in a PNG: 1000 (millimetres) or 256 (KITTI, MS2, `thermodepth predict`).

    Returns:
        What 16 bits could not hold, as a sentence; empty where nothing was lost but rounding.

    Raises:
        SettingsError: for another suffix, or a scale that is not a positive number.
        DependencyError: for an EXR file without the package that writes it.
        OutputError: where the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in WRITTEN_SUFFIXES:
        raise SettingsError(f"{path}: {unknown('kind of depth file', suffix, WRITTEN_SUFFIXES)}")
    check_per_metre(per_metre)
    valid = np.isfinite(depth_m) & (depth_m > 0)
    values = np.where(valid, depth_m, np.float32(np.nan)).astype(np.float32)
    if suffix == ".exr":
        _write_exr(path, values)
        return ""
    if suffix == ".png":
        write_bytes(path, _png(values, per_metre))
        return _clipping(values, per_metre, path.name)
    stream = io.BytesIO()
    if suffix == ".npy":
        np.save(stream, values, allow_pickle=False)
    else:
        from PIL import Image

        Image.fromarray(np.ascontiguousarray(values)).save(stream, "TIFF")
    write_bytes(path, stream.getvalue())
    return ""


def _png(depth_m: NDArray[np.float32], per_metre: float) -> bytes:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    steps = np.rint(np.clip(np.nan_to_num(depth_m) * float(per_metre), 1, _HIGHEST))
    steps[np.isnan(depth_m)] = 0
    text = PngInfo()
    text.add_text("Comment", f"depth in metres = value / {per_metre:g}; 0 = no value")
    stream = io.BytesIO()
    Image.fromarray(steps.astype(np.uint16)).save(stream, "PNG", pnginfo=text)
    return stream.getvalue()


def _clipping(depth_m: NDArray[np.float32], per_metre: float, name: str) -> str:
    """What lies beyond the first and the last step of 16 bits."""
    furthest_m, nearest_m = _HIGHEST / per_metre, 1 / per_metre
    half = 0.5 / per_metre
    beyond = int(np.count_nonzero(depth_m > furthest_m + half))
    below = int(np.count_nonzero(depth_m < half))
    parts = []
    if beyond:
        parts.append(f"{beyond} of {depth_m.size} pixels lie beyond {furthest_m:.3f} m")
    if below:
        parts.append(f"{below} of {depth_m.size} pixels lie before {half:.4g} m")
    if not parts:
        return ""
    return (
        f"{name}: {' and '.join(parts)}; 16 bits with {per_metre:g} steps a metre reach from "
        f"{nearest_m:.4g} to {furthest_m:.3f} m, and its end is stored. .npy, .tiff and .exr keep them"
        + (", and per_metre=256 reaches 255.996 m" if per_metre > 256 and beyond else "")
    )


def _write_exr(path: Path, depth_m: NDArray[np.float32]) -> None:
    try:
        import OpenEXR
    except ImportError:
        raise DependencyError(
            f"{path}: an EXR file, which the package OpenEXR writes: pip install 'thermodepth[exr]'"
        ) from None
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with replacing(path) as temporary:
        try:
            with OpenEXR.File(header, {"Z": np.ascontiguousarray(depth_m)}) as file:
                file.write(str(temporary))
        except (RuntimeError, ValueError) as error:  # what the package raises of a full disk
            raise OutputError(f"{path}: cannot be written ({error})") from None
