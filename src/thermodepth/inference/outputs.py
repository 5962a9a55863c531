"""Predictions as files: depth for machines, pictures for people.

NAME_depth.png       uint16, metres = value/256, 0 = none (the convention of KITTI and MS2)
NAME_depth.npy       float32 metres, instead, where asked for
NAME_structure.png   uint16, the structure map stretched over 1..65535, larger = nearer
NAME_sky.png         uint8, 255 where nothing but sky is seen; of models that tell
NAME_relative_error.png   uint16, larger = worse: thousandths of the depth that the error is expected to
                     stay below at 68 % of the pixels; 65535 = 65.535 or more, 0 = none (sky); of
                     models that tell; or NAME_relative_error.npy, float32 as a share, NaN = none
NAME_relative_error_90.*  the same for 90 %
NAME_view.png        thermal | structure | metric depth with its scale, side by side; sky in one plain colour
"""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.files import LONGEST_NAME_BYTES, encode_png, write_bytes
from thermodepth.inference.depth import Depth
from thermodepth.inference.view import view_png
from thermodepth.types import ThermalUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray

PER_METRE = 256
PER_ONE = 1000  # of a relative error
_LONGEST_ENDING = len("_relative_error_90.png")
FURTHEST_M = 65535 / PER_METRE


def depth_png(depth_m: NDArray[np.float32]) -> bytes:
    """Metric depth as a 16-bit PNG; what is further than 255.996 m is stored as that."""
    steps = np.rint(np.clip(depth_m, 1 / PER_METRE, FURTHEST_M) * PER_METRE)
    return encode_png(np.where(np.isfinite(depth_m), steps, 0).astype(np.uint16))


def structure_png(structure: NDArray[np.float32]) -> bytes:
    """The structure map over the whole 16-bit range; its own factor and offset mean nothing."""
    low, high = float(structure.min()), float(structure.max())
    share = (structure - low) / max(high - low, 1e-12)
    return encode_png((1 + np.rint(share * 65534)).astype(np.uint16))


def relative_error_png(relative_error: NDArray[np.float32]) -> bytes:
    """A relative error in thousandths as a 16-bit PNG, larger = worse; NaN is 0."""
    steps = np.rint(np.clip(relative_error, 1 / PER_ONE, 65535 / PER_ONE) * PER_ONE)
    return encode_png(np.where(np.isnan(relative_error), 0, steps).astype(np.uint16))


def npy(values: NDArray[Any]) -> bytes:
    """An array as NPY bytes."""
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=False)
    return stream.getvalue()


def write_depth(
    folder: Path,
    name: str,
    result: Depth,
    *,
    thermal: NDArray[Any],
    unit: ThermalUnit,
    depth_format: str,
    view: bool,
) -> list[Path]:
    """Write one prediction.

    Args:
        folder: made when it does not exist.
        name: start of the file names; one that would be too long is cut and ends in a hash of itself.
        result: what the model said.
        thermal: the raw frame, for the picture.
        unit: of the raw frame.
        depth_format: `png` or `npy`.
        view: also write the picture for people.

    Returns:
        The files, depth first.
    """
    assert depth_format in ("png", "npy"), depth_format
    name = _fitting(name)
    if depth_format == "png":
        files = {f"{name}_depth.png": depth_png(result.depth_m)}
        files[f"{name}_structure.png"] = structure_png(result.structure)
    else:
        files = {f"{name}_depth.npy": npy(result.depth_m)}
        files[f"{name}_structure.npy"] = npy(result.structure)
    if result.sky is not None:
        files[f"{name}_sky.png"] = encode_png(result.sky.astype(np.uint8) * np.uint8(255))
    for ending, error in (("", result.relative_error), ("_90", result.relative_error_90)):
        if error is None:
            continue
        if result.sky is not None:  # which has no depth to be wrong about
            error = np.where(result.sky, np.float32(np.nan), error)
        content = relative_error_png(error) if depth_format == "png" else npy(error)
        files[f"{name}_relative_error{ending}.{depth_format}"] = content
    if view:
        files[f"{name}_view.png"] = view_png(result, thermal=thermal, unit=unit)
    paths = []
    for file, content in files.items():
        write_bytes(folder / file, content)
        paths.append(folder / file)
    return paths


def _fitting(name: str) -> str:
    """A start of a file name that leaves room for what comes behind; two names never become one."""
    longest = LONGEST_NAME_BYTES - _LONGEST_ENDING
    encoded = os.fsencode(name)
    if len(encoded) <= longest:
        return name
    mark = hashlib.sha256(encoded).hexdigest()[:16]
    return f"{encoded[: longest - len(mark) - 1].decode(errors='ignore')}-{mark}"
