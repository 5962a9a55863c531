"""The thermal frames that `predict` reads: which files, in which layout, cut to the picture."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from thermodepth.errors import DataError, SettingsError
from thermodepth.files import natural_order, open_file, pictures_in
from thermodepth.pictures import HEAD_BYTES, foreign_format
from thermodepth.thermal import Margins, read_thermal, read_y16, refuse_agc
from thermodepth.types import ThermalUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray

Y16_SUFFIXES = (".raw", ".y16", ".bin")

_Y16 = tuple[int, int, Literal["little", "big"]]  # width, height, byte order


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameFormat:
    """How files become frames, as the options of the command line say."""

    y16: _Y16 | None = None  # of files without a header; None: they say themselves what they are
    margins: Margins | None = None  # rows and columns that are no picture
    counts: bool = False  # whether 8-bit pictures are refused

    @classmethod
    def of_options(cls, *, y16: str, drop: str, counts: bool) -> Self:
        """
        Raises:
            SettingsError: for a `--y16` or `--drop` that cannot be.
        """
        return cls(
            y16=_y16_layout(y16) if y16 else None,
            margins=Margins.of_text(drop, "--drop") if drop else None,
            counts=counts,
        )

    def paths_of(self, source: Path) -> list[Path]:
        """The frames of a file or folder, in natural order.

        Raises:
            DataError: for a source that is not there or holds none.
        """
        if not source.exists():
            raise DataError(f"{source}: no such file or folder")
        if not source.is_dir():
            return [source]
        paths = pictures_in(source) if self.y16 is None else _y16_files(source)
        if not paths:
            kinds = "PNG, TIFF, JPEG, BMP, NPY or PFM"
            if self.y16 is not None:
                kinds = ", ".join(Y16_SUFFIXES)
            raise DataError(f"{source}: no {kinds} files in this folder{_instead(source)}")
        return paths

    def read(self, path: Path) -> tuple[NDArray[Any], ThermalUnit]:
        """`[h w]` and its unit.

        Raises:
            DataError: for a file that holds no frame, or not one of this format.
        """
        if self.y16 is None:
            expected = ThermalUnit.COUNTS if self.counts else None
            return read_thermal(path, expect=expected, drop=self.margins)
        raw = read_y16(path, *self.y16, drop=self.margins)
        if self.counts:
            refuse_agc(raw, str(path))
        return raw, ThermalUnit.COUNTS


def _instead(folder: Path) -> str:
    """What the first file of a folder is that holds no frame, where its first bytes tell."""
    for path in sorted(folder.iterdir()):
        if not path.is_file():
            continue
        with open_file(path) as stream:
            format_name = foreign_format(stream.read(HEAD_BYTES))
        return f"; {path.name} is {format_name}" if format_name else ""
    return ""


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
