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
from thermodepth.inference.predictor import Depth
from thermodepth.thermal import display
from thermodepth.types import ThermalUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray

PER_METRE = 256
PER_ONE = 1000  # of a relative error
_LONGEST_ENDING = len("_relative_error_90.png")
FURTHEST_M = 65535 / PER_METRE
SKY_COLOUR = "#8fb6d8"  # of nothing in the colours of depth


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
    most = LONGEST_NAME_BYTES - _LONGEST_ENDING
    encoded = os.fsencode(name)
    if len(encoded) <= most:
        return name
    mark = hashlib.sha256(encoded).hexdigest()[:16]
    return f"{encoded[: most - len(mark) - 1].decode(errors='ignore')}-{mark}"


def view_png(result: Depth, *, thermal: NDArray[Any], unit: ThermalUnit) -> bytes:
    """Thermal, structure and metric depth side by side, with a scale in metres."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import ListedColormap, LogNorm
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    height, width = thermal.shape
    panel = 3.2  # inches
    figure = Figure(figsize=(3 * panel + 0.9, panel * height / width + 0.4), dpi=150)
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 3, gridspec_kw={"wspace": 0.03})
    figure.subplots_adjust(
        left=0.005, right=0.925, bottom=0.01, top=1 - 0.3 / figure.get_figheight()
    )
    low, high = np.percentile(result.solid_m, [0.5, 99.5])
    norm = LogNorm(max(float(low), 1e-3), max(float(high), float(low) * 1.05, 2e-3))
    shown = axes[2].imshow(result.depth_m, cmap="magma_r", norm=norm)
    if result.sky is not None and result.sky.any():
        plain = ListedColormap([SKY_COLOUR])
        axes[2].imshow(np.ma.masked_where(~result.sky, result.sky), cmap=plain)
        row, column = (float(np.median(places)) for places in np.nonzero(result.sky))
        axes[2].text(column, row, "sky", fontsize=7, ha="center", va="center", color="#20303c")
    near, far = np.percentile(result.structure, [99.5, 0.5])
    axes[1].imshow(result.structure, cmap="magma", vmin=far, vmax=max(near, far + 1e-9))
    axes[0].imshow(display(thermal, unit), cmap="gray")
    for axis, title in zip(axes, ("thermal", "structure", "metric depth"), strict=True):
        axis.set_title(title, fontsize=9)
        axis.set_axis_off()
    box = axes[2].get_position()
    scale = figure.colorbar(shown, cax=figure.add_axes((box.x1 + 0.008, box.y0, 0.012, box.height)))
    scale.ax.invert_yaxis()  # near on top, as bright as in the picture
    scale.ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    scale.ax.yaxis.set_major_formatter(FuncFormatter(lambda metres, _: f"{metres:g} m"))
    scale.ax.yaxis.set_minor_formatter(NullFormatter())
    scale.ax.tick_params(labelsize=7)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()
