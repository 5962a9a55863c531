"""All that was gathered of a data set, which every check is answered from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from thermodepth.doctor.facts import Fault, FrameFacts

if TYPE_CHECKING:
    from thermodepth.doctor.pixels import PixelWatch
    from thermodepth.doctor.stamps import StampList
    from thermodepth.doctor.tree import FileFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is examined."""

    spec: str  # what the person typed
    is_tree: bool  # a bare folder: one file is one frame, roles and splits are guessed
    depth_range_m: tuple[float, float] | None = None  # as the data set declares it
    #: Of a bare folder: its calibration files of different content, and what is said of each.
    calibrations: tuple[tuple[str, tuple[Fault, ...]], ...] = ()
    failure: str = ""  # why the data set could not be opened, in its reader's words


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a check may look at. Frames stand in the order of their split or folder."""

    subject: Subject
    frames: Sequence[FrameFacts]
    frames_in_all: int  # more than `frames` when only a sample was read
    files: Sequence[FileFacts] = ()
    stamps: Sequence[StampList] = ()
    lists: Mapping[str, frozenset[str]] = field(default_factory=dict)  # {train.txt: its lines}
    watches: Sequence[PixelWatch] = ()

    @property
    def sampled(self) -> bool:
        """Whether only some frames were read."""
        return len(self.frames) < self.frames_in_all

    @property
    def readable(self) -> list[FrameFacts]:
        """The frames that could be read."""
        return [frame for frame in self.frames if not frame.problem]
