"""A thermal frame over RGB as a calibration moves it: what `data calib` draws.

The edges of the thermal frame lie over RGB pixels moved to the thermal view, once for each assumed distance:
where the calibration is right, things at that distance coincide with their edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from thermodepth.calibration import Calibration
from thermodepth.calibration.projection import rgb_in_thermal_view

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

_LONG_SIDE = 640  # of a panel
_WIDE = 1.6  # panels of at least this shape stand in two columns
_MARGIN, _GAP, _CAPTION, _TITLE = 16, 8, 24, 34
_TEXT_PX, _TITLE_PX = 13, 16
_WHITE, _INK, _FAINT = (255, 255, 255), (30, 30, 30), (105, 105, 105)
_EDGE = np.array([255, 176, 0])  # amber: no colour of streets, and told apart by everyone
_LIGHTER = 0.7  # exponent on RGB: streets at dusk are dark


def draw_overlay(
    calibration: Calibration, thermal: Picture, rgb: Picture, *, distances_m: Sequence[float]
) -> Image.Image:
    """The thermal frame, then its edges over RGB as seen from its place, one panel a distance.

    Args:
        thermal: [h w] 8-bit grey.
        rgb: [h w 3].
        distances_m: of the planes that RGB is assumed to show.
    """
    height, width = thermal.shape
    scale = _LONG_SIDE / max(height, width)
    grid = max(round(height * scale), 1), max(round(width * scale), 1)
    grey = np.asarray(Image.fromarray(thermal).resize(grid[::-1], Image.Resampling.BICUBIC))
    edges = _edges(grey)[..., None]
    soft = _softened(rgb, calibration, scale)
    panels = [(np.repeat(grey[..., None], 3, axis=2), "thermal, white is hot")]
    for distance_m in distances_m:
        moved_rgb, visible = rgb_in_thermal_view(
            soft, calibration, distance_m=distance_m, grid=grid
        )
        # Where RGB has nothing the thermal frame itself stands, faint, so that the eye finds its place.
        below = np.where(
            visible[..., None], 255 * (moved_rgb / 255) ** _LIGHTER, 150 + grey[..., None] * 0.3
        )
        panel = below * (1 - edges) + _EDGE * edges
        caption = (
            f"plane at {distance_m:g} m: RGB sees {100 * visible.mean():.0f} % of the thermal view"
        )
        panels.append((np.rint(panel).astype(np.uint8), caption))
    title = "thermal edges over RGB, moved to the thermal view: they meet at the right distance"
    return _sheet(title, panels, columns=2 if width >= _WIDE * height else len(panels))


def _edges(grey: Picture) -> NDArray[np.float64]:
    """[h w] 0..1: the crests of the steps of temperature, a line of a few pixels each."""
    from scipy.ndimage import gaussian_filter, gaussian_gradient_magnitude

    steep = gaussian_gradient_magnitude(grey.astype(np.float64), sigma=1.0)
    crest = steep - gaussian_filter(steep, 2.5)
    low, high = np.percentile(crest, [85, 97])
    unit: NDArray[np.float64] = np.clip((crest - low) / max(high - low, 1.0), 0, 1)
    return unit


def _softened(rgb: Picture, calibration: Calibration, scale: float) -> Picture:
    """RGB without the detail that a panel of coarser pixels would turn into noise."""
    from scipy.ndimage import gaussian_filter

    finer = calibration.rgb.intrinsics[0, 0] / (calibration.thermal.intrinsics[0, 0] * scale)
    sigma = min(0.4 * np.sqrt(max(finer**2 - 1, 0)), 8.0)
    softened: Picture = gaussian_filter(rgb, (sigma, sigma, 0)) if sigma > 0.2 else rgb
    return softened


def _sheet(title: str, panels: Sequence[tuple[Picture, str]], *, columns: int) -> Image.Image:
    rows = -(-len(panels) // columns)
    high, wide = panels[0][0].shape[:2]
    sheet = Image.new(
        "RGB",
        (
            2 * _MARGIN + columns * wide + (columns - 1) * _GAP,
            2 * _MARGIN + _TITLE + rows * (high + _CAPTION) + (rows - 1) * _GAP,
        ),
        _WHITE,
    )
    pen = ImageDraw.Draw(sheet)
    small, large = ImageFont.load_default(_TEXT_PX), ImageFont.load_default(_TITLE_PX)
    pen.text((_MARGIN, _MARGIN), title, font=large, fill=_INK)
    for number, (picture, caption) in enumerate(panels):
        left = _MARGIN + number % columns * (wide + _GAP)
        top = _MARGIN + _TITLE + number // columns * (high + _CAPTION + _GAP)
        sheet.paste(Image.fromarray(picture), (left, top))
        pen.text((left, top + high + 5), caption, font=small, fill=_FAINT)
    return sheet
