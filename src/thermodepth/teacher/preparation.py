"""From an image to a network's input, and from the network's map back to the image.

lower_bound   neither side falls below its target, the aspect stays
exact         both sides as given, the aspect gives way: for networks trained so
native        the image's own size, rounded to the multiple
letterbox     both sides as given, the aspect stays, the rest repeats the border pixels
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F

from thermodepth.teacher.rgb import multiple_at_least, resize_map

Triple = tuple[float, float, float]

#: Depth below a millimetre is rounding, and a store keeps the logarithm.
LEAST_DEPTH_M = 1e-3

#: (mean, deviation) of an image in [0, 1], by the name that settings give them.
NORMALISATIONS: dict[str, tuple[Triple, Triple]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "none": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "byte": ((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """How an image becomes network input. Every field decides the maps, so all are in the fingerprint."""

    fit: Literal["lower_bound", "exact", "native", "letterbox"]
    height: int  # target rows: a lower bound, or exact; not used by `native`
    width: int
    multiple: int  # both sides become multiples of this
    mean: Triple
    std: Triple
    mode: Literal["bicubic", "bilinear"] = "bicubic"
    align_corners: bool = False  # only where `antialias` is off
    antialias: bool = True  # off where the original shrinks without it
    reflect: bool = False  # pad by ZoeDepth's rule before resizing

    def network_size(self, height: int, width: int) -> tuple[int, int]:
        """(rows, columns) that an image of this size has at the network's input."""
        if self.fit in ("exact", "letterbox"):
            return self.height, self.width
        if self.fit == "native":
            return (
                multiple_at_least(height, self.multiple, self.multiple),
                multiple_at_least(width, self.multiple, self.multiple),
            )
        scale = max(self.height / height, self.width / width)
        return (
            multiple_at_least(scale * height, self.height, self.multiple),
            multiple_at_least(scale * width, self.width, self.multiple),
        )

    def padding(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of reflection on each side: 3 sqrt(side / 2), as ZoeDepth was trained with."""
        if not self.reflect:
            return 0, 0
        return int((height / 2) ** 0.5 * 3), int((width / 2) ** 0.5 * 3)

    def window(self, height: int, width: int) -> tuple[int, int, int, int]:
        """(top, left, rows, columns) of the image within a letterbox."""
        scale = min(self.height / height, self.width / width)
        rows = min(max(round(scale * height), 1), self.height)
        columns = min(max(round(scale * width), 1), self.width)
        return (self.height - rows) // 2, (self.width - columns) // 2, rows, columns

    def prepare(self, image: torch.Tensor) -> torch.Tensor:
        """`[b 3 h w]` in [0, 1] -> normalised network input."""
        height, width = int(image.shape[-2]), int(image.shape[-1])
        if self.fit == "letterbox":
            top, left, rows, columns = self.window(height, width)
            image = self._resized(image, (rows, columns))
            below, right = self.height - rows - top, self.width - columns - left
            image = F.pad(image, (left, right, top, below), mode="replicate")
        else:
            rows, columns = self.padding(height, width)
            if rows or columns:
                image = F.pad(image, (columns, columns, rows, rows), mode="reflect")
            size = self.network_size(int(image.shape[-2]), int(image.shape[-1]))
            image = self._resized(image, size)
        return (image - image.new_tensor(self.mean)[:, None, None]) / image.new_tensor(self.std)[
            :, None, None
        ]

    def restore(self, values: torch.Tensor, height: int, width: int) -> torch.Tensor:
        """The network's map `[b h' w']`, of any resolution over its input -> `[b height width]`."""
        if self.fit == "letterbox":
            top, left, rows, columns = self.window(height, width)
            values = resize_map(values, (self.height, self.width))
            return resize_map(values[:, top : top + rows, left : left + columns], (height, width))
        rows, columns = self.padding(height, width)
        values = resize_map(values, (height + 2 * rows, width + 2 * columns))
        return values[:, rows : rows + height, columns : columns + width]

    def identity(self) -> dict[str, Any]:
        """Plain values for the fingerprint."""
        return asdict(self)

    def _resized(self, image: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        if size == tuple(image.shape[-2:]):
            return image
        corners = True if self.align_corners else None
        return F.interpolate(
            image, size=size, mode=self.mode, align_corners=corners, antialias=self.antialias
        ).clamp(0, 1)
