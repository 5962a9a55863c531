"""`view.png` and `colour.png`: pictures for people."""

from __future__ import annotations

from pathlib import Path

from thermodepth.files import encode_png, write_bytes
from thermodepth.inference.depth import Depth
from thermodepth.inference.view import depth_limits_m, depth_picture, view_png
from thermodepth.outputs.settings import OutputSettings


def write_view(path: Path, depth: Depth, settings: OutputSettings) -> str:
    """Thermal, structure and metric depth side by side, with a scale; by default each frame has its own."""
    picture = view_png(
        depth,
        thermal=depth.thermal,
        unit=depth.thermal_unit,
        limits_m=settings.range_m,
        colour_map=settings.colour_map,
    )
    write_bytes(path, picture)
    return ""


def write_colour(path: Path, depth: Depth, settings: OutputSettings) -> str:
    """The metric depth alone, pixel for pixel; the file says what its colours mean."""
    near_m, far_m = settings.range_m or depth_limits_m(depth)
    picture = depth_picture(depth, limits_m=(near_m, far_m), colour_map=settings.colour_map)
    meaning = (
        f"colour map {settings.colour_map}, brightest at {near_m:.4g} m, darkest at {far_m:.4g} m, "
        "logarithmic in between; sky has a colour of its own, grey = no value"
    )
    write_bytes(path, encode_png(picture, comment=meaning))
    return ""
