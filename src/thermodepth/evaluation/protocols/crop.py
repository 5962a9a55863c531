"""Which part of a frame a protocol looks at: a crop, a mask, or both.

Published crops are half-open ranges of rows and columns. As fractions they are cut to whole pixels by
`int(fraction * size)`, as the KITTI evaluations of Garg et al. 2016 and Eigen et al. 2014 do; in pixels
they belong to one size of frame (NYU: rows 45:471, columns 41:601 of 480x640) and are refused on another.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from thermodepth.config import Settings
from thermodepth.errors import DataError
from thermodepth.files import read_raster

Size = tuple[int, int]  # (rows, columns)
#: -0.0 becomes 0.0: the same place, and its text goes into the id.
_Edge = Annotated[float, Field(ge=0), AfterValidator(lambda edge: edge + 0.0)]


class Crop(Settings):
    """Rows `top:bottom` and columns `left:right`, in pixels of one size or as fractions of any."""

    unit: Literal["fraction", "pixels"]
    top: _Edge
    bottom: _Edge
    left: _Edge
    right: _Edge
    #: (rows, columns) of the frames that a crop in pixels is for.
    size: Size | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not (self.top < self.bottom and self.left < self.right):
            raise ValueError(f"top must be above bottom and left of right, got {self.words()}")
        if self.unit == "fraction":
            if self.size is not None:
                raise ValueError("size is for a crop in pixels; fractions fit every size")
            if self.bottom > 1.0 or self.right > 1.0:
                raise ValueError(f"fractions are 0 to 1, got {self.words()}")
            return self
        if self.size is None:
            raise ValueError("a crop in pixels needs the size = [rows, columns] of its frames")
        edges = (self.top, self.bottom, self.left, self.right)
        if any(edge != int(edge) for edge in edges):
            raise ValueError(f"a crop in pixels needs whole numbers, got {edges}")
        if self.bottom > self.size[0] or self.right > self.size[1]:
            raise ValueError(f"the crop reaches beyond its frame: {self.words()}")
        return self

    def bounds(self, size: Size) -> tuple[slice, slice]:
        """The rows and the columns that count in a frame of this size.

        Raises:
            DataError: for a crop in pixels of another size, or fractions of a frame so small that no
                pixel is left.
        """
        if self.size is not None and self.size != size:
            raise DataError(
                f"the protocol's crop is for frames of {_sized(self.size)}, and this one has {_sized(size)}"
            )
        rows, columns = size if self.unit == "fraction" else (1, 1)
        bounds = (
            slice(int(self.top * rows), int(self.bottom * rows)),
            slice(int(self.left * columns), int(self.right * columns)),
        )
        if any(part.start >= part.stop for part in bounds):
            raise DataError(f"the protocol's crop leaves no pixel of a frame of {_sized(size)}")
        return bounds

    def words(self) -> str:
        """Such as `rows 45:471, columns 41:601 of 480x640`."""
        frame = "the frame" if self.size is None else _sized(self.size)
        return f"rows {self.top:.9g}:{self.bottom:.9g}, columns {self.left:.9g}:{self.right:.9g} of {frame}"


class Mask(Settings):
    """A picture whose pixels that are not 0 count: without a car's bonnet, a lens's dark corners."""

    path: str  # empty where only the mask's identity is known
    #: Of the frame's size and of which pixels count: the same mask saved again is the same mask.
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """The mask in this file.

        Raises:
            DataError: for a file that is no picture, or a picture without a pixel that counts.
        """
        absolute = str(path.absolute())
        return cls(path=absolute, sha256=_read_mask(absolute)[1])

    def counted(self, size: Size) -> NDArray[np.bool_]:
        """[h w] which pixels count.

        Raises:
            DataError: for a frame of another size, or a file that is missing or another than it was.
        """
        if not self.path:
            raise DataError(
                f"the protocol's mask is known by its sha256 only ({self.sha256[:12]}...); name its file"
            )
        pixels, sha256 = _read_mask(self.path)
        if sha256 != self.sha256:
            raise DataError(
                f"{self.path}: not the mask of this protocol any more (sha256 {sha256[:12]}..., "
                f"expected {self.sha256[:12]}...)"
            )
        if pixels.shape != size:
            raise DataError(
                f"{self.path}: the mask has {_sized(pixels.shape)} pixels and the frame {_sized(size)}"
            )
        return pixels

    def words(self) -> str:
        """Such as `mask 0123456789ab`."""
        return f"mask {self.sha256[:12]}"


@lru_cache(maxsize=8)
def _read_mask(path: str) -> tuple[NDArray[np.bool_], str]:
    pixels: NDArray[np.bool_] = np.asarray(read_raster(Path(path)) != 0)
    if pixels.ndim == 3:
        pixels = np.any(pixels, axis=2, keepdims=False)
    if not pixels.any():
        raise DataError(f"{path}: every pixel of this mask is 0, so nothing would be scored")
    pixels.setflags(write=False)
    digest = hashlib.sha256(f"{_sized(pixels.shape)}\n".encode() + np.packbits(pixels).tobytes())
    return pixels, digest.hexdigest()


def _sized(size: tuple[int, ...]) -> str:
    return "x".join(str(n) for n in size)
