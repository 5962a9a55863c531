"""How sources are read, where they do not say it themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from thermodepth.errors import SettingsError
from thermodepth.thermal import Margins, refuse_agc, thermal_frame
from thermodepth.types import ThermalUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray

FASTEST_HZ = 10_000.0


class Y16Layout(NamedTuple):
    """Of raw 16-bit counts without a header."""

    width: int
    height: int
    byte_order: Literal["little", "big"] = "little"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """As a person gives them; all frames of a source are read alike."""

    y16: Y16Layout | None = (
        None  # of files without a header; None: they say themselves what they are
    )
    margins: Margins | None = None  # rows and columns that are no picture
    counts: bool = False  # whether 8-bit pictures are refused
    recursive: bool = False  # whether folders in folders are read
    rate_hz: float | None = None  # of frames that have no times of their own
    topic: str = ""  # of a bag; empty: the only one with images

    @classmethod
    def of_text(
        cls,
        *,
        y16: str = "",
        drop: str = "",
        counts: bool = False,
        recursive: bool = False,
        rate_hz: float | None = None,
        topic: str = "",
    ) -> Self:
        """
        Raises:
            SettingsError: for a size, sides or a rate that cannot be.
        """
        if rate_hz is not None and not 0 < rate_hz <= FASTEST_HZ:
            raise SettingsError(
                f"rate {rate_hz:g}: expected frames per second, above 0 and up to {FASTEST_HZ:g}"
            )
        return cls(
            y16=_y16_layout(y16) if y16 else None,
            margins=Margins.of_text(drop, "--drop") if drop else None,
            counts=counts,
            recursive=recursive,
            rate_hz=rate_hz,
            topic=topic,
        )

    @property
    def expected_unit(self) -> ThermalUnit | None:
        """The unit that frames have to have; None: any."""
        return ThermalUnit.COUNTS if self.counts else None

    def frame_of(self, raw: NDArray[Any], name: str) -> tuple[NDArray[Any], ThermalUnit]:
        """Decoded pixels `[h w]` or `[h w c]` as a frame: cut to the picture, its unit judged.

        Raises:
            DataError: naming the frame, for what `read_thermal` refuses.
        """
        return thermal_frame(raw, name, expect=self.expected_unit, drop=self.margins)

    def check_counts(self, raw: NDArray[Any], name: str) -> None:
        """Refuse, where counts are meant, what has been through a gain control.

        Raises:
            DataError: naming the frame.
        """
        if self.counts:
            refuse_agc(raw, name)


def _y16_layout(text: str) -> Y16Layout:
    match = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})(:big|:little)?", text)
    if match is None:
        raise SettingsError(
            f"--y16 {text}: expected WIDTHxHEIGHT such as 640x512, or 640x512:big where the high byte "
            "comes first"
        )
    return Y16Layout(int(match[1]), int(match[2]), "big" if match[3] == ":big" else "little")
