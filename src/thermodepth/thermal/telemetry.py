"""Rows and columns of a frame that are no picture: telemetry that cameras append, and how it is dropped.

Lepton, Tau and Boson can add one to four rows of words (counters, serial numbers, temperatures, zeros) above
or below the picture. Read as picture, they stretch the input of every recipe: a Lepton frame of 160x122
with its two rows gave depths that were 35 % off.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pydantic import Field

from thermodepth.config import Settings
from thermodepth.errors import DataError, SettingsError, unknown

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_ROWS = 4  # that a camera adds at one end
PAIRS = 128  # of neighbouring rows that are compared, evenly spread
SMALLEST_SIDE = 24  # of a picture in which rows are compared
#: The first row that is no picture stands out of its neighbour this many times more than any two rows of the
#: picture from each other.
APART = 4.0
#: Words in a row differ from their neighbours this many times more than pixels do, in the median row of the
#: picture and in its roughest.
ROUGHER, ROUGHEST = 3.0, 1.5


class Margins(Settings):
    """How many rows and columns at each side of a frame are no picture."""

    top: int = Field(0, ge=0, le=64)
    bottom: int = Field(0, ge=0, le=64)
    left: int = Field(0, ge=0, le=64)
    right: int = Field(0, ge=0, le=64)

    @classmethod
    def of_text(cls, text: str, where: str) -> Self:
        """From `bottom=2` or `top=1,right=4`; `where` is what messages call it.

        Raises:
            SettingsError: for other sides, other numbers, or a side that comes twice.
        """
        sides: dict[str, int] = {}
        for word in text.split(","):
            match = re.fullmatch(r"(\w+)=([0-9]{1,4})", word.strip())
            if match is None:
                raise SettingsError(
                    f"{where} {text}: expected SIDE=NUMBER, such as bottom=2,right=1"
                )
            if match[1] not in cls.model_fields:
                raise SettingsError(
                    f"{where} {text}: {unknown('side', match[1], cls.model_fields)}"
                )
            if match[1] in sides:
                raise SettingsError(f"{where} {text}: '{match[1]}' comes twice")
            sides[match[1]] = int(match[2])
        return cls.parse(sides, where=f"{where} {text}")

    def cut(self, frame: NDArray[Any], name: str) -> NDArray[Any]:
        """The picture of a frame `[h w]` or `[h w c]`.

        Raises:
            DataError: when nothing is left of it.
        """
        rows, columns = frame.shape[:2]
        left = frame[self.top : rows - self.bottom, self.left : columns - self.right]
        if self.top + self.bottom >= rows or self.left + self.right >= columns:
            raise DataError(f"{name}: {columns}x{rows}, of which dropping {self} leaves nothing")
        return left

    def __str__(self) -> str:
        sides = [f"{side}={count}" for side, count in self.tree().items() if count]
        return ",".join(sides) or "nothing"


def telemetry_rows(raw: NDArray[Any]) -> Margins:
    """How many rows of counts `[h w]` at the top and at the bottom are words rather than picture.

    Other number types have none: 8-bit pictures and kelvin have left the camera's own stream. Rows that
    are all of one value, as a shifted picture has at its rim, are told from words by what stands beside.
    """
    if raw.ndim != 2 or raw.dtype.kind not in "ui" or raw.dtype.itemsize < 2:
        return Margins()
    if min(raw.shape) < SMALLEST_SIDE:
        return Margins()
    picture = raw[MOST_ROWS:-MOST_ROWS]
    every = -(-len(picture) // PAIRS)
    upper, lower = picture[:-1:every].astype(np.int32), picture[1::every].astype(np.int32)
    furthest = float(np.abs(upper[: len(lower)] - lower).mean(axis=1).max())
    roughness = np.abs(np.diff(upper, axis=1)).mean(axis=1)
    least_rough = max(ROUGHER * float(np.median(roughness)), ROUGHEST * float(roughness.max()))
    ends = raw[: MOST_ROWS + 1], raw[: -MOST_ROWS - 2 : -1]
    top, bottom = (_words_at_the_start(end.astype(np.int32), furthest, least_rough) for end in ends)
    return Margins(top=top, bottom=bottom)


def _words_at_the_start(rows: NDArray[np.int32], furthest: float, least_rough: float) -> int:
    for count in range(MOST_ROWS, 0, -1):
        step = float(np.abs(rows[count - 1] - rows[count]).mean())
        rough = np.abs(np.diff(rows[:count], axis=1)).mean(axis=1)
        if step > APART * furthest and float(rough.max()) > least_rough:
            return count
    return 0


def refuse_telemetry(raw: NDArray[Any], name: str) -> None:
    """Refuse a frame `[h w]` whose first or last rows are `telemetry_rows`.

    Raises:
        DataError: naming the rows, and how they are dropped.
    """
    words = telemetry_rows(raw)
    if words == Margins():
        return
    raise DataError(f"{name}: {describe_rows(words, len(raw))} {REMEDY.format(drop=words)}")


REMEDY = (
    "They would stretch the input. Drop them: --drop {drop} (predict), thermal.drop in a folder's "
    "description, read_thermal(..., drop=...) in Python; with top=0 they stay"
)


def describe_rows(words: Margins, rows: int) -> str:
    """`rows 120 to 121 of 122 are no picture but words of the camera's telemetry.`"""
    ends = []
    if words.top:
        ends.append("0" if words.top == 1 else f"0 to {words.top - 1}")
    if words.bottom:
        ends.append(f"{rows - words.bottom} to {rows - 1}" if words.bottom > 1 else f"{rows - 1}")
    number = "row" if words.top + words.bottom == 1 else "rows"
    verb = "is" if number == "row" else "are"
    return f"{number} {' and '.join(ends)} of {rows} {verb} no picture but words, as cameras' telemetry is."
