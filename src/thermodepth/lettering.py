"""Words and numbers in pictures: the typeface, and the round metres beside a scale of depth."""

from __future__ import annotations

import math
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

_DECADE = 10


@lru_cache(maxsize=16)
def typeface(px: int, *, bold: bool = False) -> FreeTypeFont:
    """DejaVu Sans, which every matplotlib carries: hinted, and with letters of most languages.

    Without matplotlib Pillow's own, which has Latin letters and is never bold.
    """
    from PIL import ImageFont

    package = find_spec("matplotlib")  # where it is, without importing it
    if package is None or package.origin is None:
        plain = ImageFont.load_default(px)
        assert isinstance(plain, ImageFont.FreeTypeFont), "Pillow's wheels have FreeType"
        return plain
    fonts = Path(package.origin).with_name("mpl-data") / "fonts" / "ttf"
    file = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(fonts / file), px)


def round_metres(near_m: float, far_m: float) -> list[float]:
    """1, 2 and 5 of every decade; even steps of such a size where the scale spans less than one."""
    if far_m / near_m < _DECADE:
        rough = (far_m - near_m) / 4
        step = min(_ones(rough / _DECADE, rough * _DECADE), key=lambda one: abs(one - rough))
        return [n * step for n in range(math.ceil(near_m / step), math.floor(far_m / step) + 1)]
    return _ones(near_m, far_m)


def _ones(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten, between two bounds."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    numbers = [digit * 10.0**decade for decade in decades for digit in (1, 2, 5)]
    return [number for number in numbers if low <= number <= high]
