"""Radiometric JPEGs of all makers: what was measured, in place of the picture that is drawn of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thermodepth.pictures import turned
from thermodepth.thermal.dji import decode_dji, dji_capture, has_raw_frame, is_dji
from thermodepth.thermal.flir import decode_flir, flir_payload
from thermodepth.thermal.jpeg_head import JpegHead, jpeg_head
from thermodepth.types import CaptureFacts, ThermalUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RadiometricFrame:
    """The raw frame of a JPEG."""

    values: NDArray[Any]  # [h w] uint16 counts, or float32 kelvin, upright
    unit: ThermalUnit


def read_radiometric(path: Path) -> RadiometricFrame | None:
    """The raw frame of a FLIR or DJI JPEG; None for every other file.

    Raises:
        DataError: naming the file, when its raw frame is damaged, incomplete or too large.
    """
    head = jpeg_head(path)
    if head is None:
        return None
    payload = flir_payload(head, str(path))
    if payload:
        kelvin = decode_flir(payload, str(path))
        return RadiometricFrame(values=_upright(kelvin, head, path), unit=ThermalUnit.KELVIN)
    if has_raw_frame(head):
        counts = decode_dji(head, str(path))
        return RadiometricFrame(values=_upright(counts, head, path), unit=ThermalUnit.COUNTS)
    return None


def read_capture(path: Path) -> CaptureFacts | None:
    """Laser range, height and pitch of the moment, where the camera wrote them; None for every other file."""
    head = jpeg_head(path)
    return None if head is None else dji_capture(head)


def lost_raw_frame(path: Path) -> str:
    """Why a picture for people has no raw frame beside it, where its maker would have put one; or nothing."""
    head = jpeg_head(path)
    if head is None or not is_dji(head):
        return ""
    return (
        "; it is DJI's, and its raw frame (APP3) is gone, which editing and sending by chat do: copy the "
        "original from the camera again"
    )


def _upright(raw: NDArray[Any], head: JpegHead, path: Path) -> NDArray[Any]:
    if not stored_alike(head, (raw.shape[0], raw.shape[1])):
        return raw
    return turned(raw, head.orientation, str(path))


def stored_alike(head: JpegHead, size: tuple[int, int]) -> bool:
    """Whether a raw frame of (rows, columns) lies as its picture does: not one wide and the other tall."""
    rows, columns = head.size or size
    return (rows > columns) == (size[0] > size[1])
