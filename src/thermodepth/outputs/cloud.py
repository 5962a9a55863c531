"""`cloud.ply` and `cloud.pcd`: the points that a frame sees, in metres, without sky and what flies."""

from __future__ import annotations

from pathlib import Path

from thermodepth.errors import SettingsError, unknown
from thermodepth.files import write_bytes
from thermodepth.inference.depth import Depth, PointColour
from thermodepth.outputs.flying import STEP, flying_pixels
from thermodepth.outputs.pcd import pcd_bytes
from thermodepth.outputs.ply import ply_bytes
from thermodepth.outputs.settings import OutputSettings

_FORMATS = {".ply": ply_bytes, ".pcd": pcd_bytes}


def write_cloud(
    path: Path | str, depth: Depth, *, colour: PointColour = "thermal", flying_step: float = STEP
) -> Path:
    """Write the points of a frame as one file, whole or not at all.

    Args:
        path: ends in `.ply` or `.pcd`.
        depth: a result whose lens is known.
        colour: `thermal`, `structure` or `depth`.
        flying_step: as `flying_pixels` has it; 0 keeps all.

    Returns:
        The path.

    Raises:
        SettingsError: for another suffix or colour, or where the lens is not known.
        OutputError: where the file cannot be written.
    """
    path = Path(path)
    encode = _FORMATS.get(path.suffix.lower())
    if encode is None:
        raise SettingsError(f"{path}: {unknown('kind of point cloud', path.suffix, _FORMATS)}")
    mask = ~flying_pixels(depth, step=flying_step)
    write_bytes(path, encode(depth.points(mask), depth.point_colours(colour, mask)))
    return path


def write_row(path: Path, depth: Depth, settings: OutputSettings) -> str:
    """By the path's suffix."""
    write_cloud(path, depth, colour=settings.cloud_colour, flying_step=settings.flying_step)
    return ""
