"""What a data set is: named splits of frames that can be read in any order, again and again.

A reader knows how to find and decode its files and nothing else. Resizing, augmentation, labels and
batches are made elsewhere, from what it returns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from thermodepth.errors import DataError, unknown
from thermodepth.files import byte_count, open_file
from thermodepth.pictures.orientation import UPRIGHT
from thermodepth.thermal.jpeg_head import jpeg_head
from thermodepth.types import Sample

_JPEG = (".jpg", ".jpeg")
_COMPRESSED = (".png", *_JPEG)
_BLOCK_BYTES, _BLOCKS = 4096, 64  # of other files: 256 kB, or all of a smaller one


class Frames(Protocol):
    """The frames of one split."""

    @property
    def sample_ids(self) -> Sequence[str]:
        """One id a frame, unique in the data set, safe as a file name, in a fixed order."""
        ...

    @property
    def noise_is_drawn(self) -> bool:
        """Whether `draw` changes what is read: synthetic sensor noise does, a recording does not."""
        ...

    def read(self, index: int, *, draw: int = 0, with_rgb: bool = True) -> Sample:
        """One frame in native units and size.

        Args:
            index: its index in `sample_ids`.
            draw: which realisation of the sensor noise, where the noise is synthetic; recordings
                have only one and ignore it.
            with_rgb: False spares decoding a picture that only teachers look at.

        Raises:
            DataError: naming the file that is missing or broken.
        """
        ...

    def fingerprint(self) -> str:
        """Changes when the frames, their order or their content do."""
        ...


@runtime_checkable
class KnowsConditions(Protocol):
    """Frames that tell the condition of each without decoding it."""

    def condition(self, index: int) -> str:
        """As `Sample.condition` of the frame; empty where it is not known."""
        ...


def condition_of(frames: Frames, index: int) -> str:
    """The condition of a frame; empty where the data set does not say.

    Raises:
        DataError: as `Frames.read`, of a reader that tells it with the frame only.
    """
    if isinstance(frames, KnowsConditions):
        return frames.condition(index)
    return frames.read(index, with_rgb=False).condition


class CachedFrames:
    """Frames whose decoded samples stay in memory, until a budget is used up; RGB is not kept."""

    def __init__(self, frames: Frames, *, budget_bytes: int) -> None:
        self._frames = frames
        self._left = budget_bytes
        self._cached: dict[int, Sample] = {}
        self.sample_ids = frames.sample_ids
        self.noise_is_drawn = frames.noise_is_drawn

    def read(self, index: int, *, draw: int = 0, with_rgb: bool = True) -> Sample:
        if with_rgb or self.noise_is_drawn:
            return self._frames.read(index, draw=draw, with_rgb=with_rgb)
        if index not in self._cached:
            sample = self._frames.read(index, with_rgb=False)
            maps = (sample.thermal, sample.depth_m)
            size = sum(m.nbytes for m in maps if m is not None)
            if size > self._left:
                return sample
            self._left -= size
            self._cached[index] = sample
        return self._cached[index]

    def condition(self, index: int) -> str:
        return condition_of(self._frames, index)

    def fingerprint(self) -> str:
        return self._frames.fingerprint()


class SomeFrames:
    """A part of a split, in its order."""

    def __init__(self, frames: Frames, indices: Sequence[int]) -> None:
        self._frames = frames
        self._indices = list(indices)
        self.sample_ids = [frames.sample_ids[index] for index in self._indices]
        self.noise_is_drawn = frames.noise_is_drawn

    def read(self, index: int, *, draw: int = 0, with_rgb: bool = True) -> Sample:
        return self._frames.read(self._indices[index], draw=draw, with_rgb=with_rgb)

    def condition(self, index: int) -> str:
        return condition_of(self._frames, self._indices[index])

    def fingerprint(self) -> str:
        text = "\n".join([self._frames.fingerprint(), *self.sample_ids])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@runtime_checkable
class Accompanied(Protocol):
    """Frames with files that belong to the set, and that `read` has no use for."""

    def check_beside(self, index: int) -> None:
        """Decode those of a frame.

        Raises:
            DataError: naming the first that is missing or broken.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A data set that was opened: its splits and the facts that training and scoring need."""

    name: str  # its row in DATASETS
    spec: str  # what the person typed
    splits: Mapping[str, Frames]  # train, val, test
    protocol: str  # how its numbers are scored: a row of PROTOCOLS, or range:NEAR-FAR
    depth_range_m: tuple[float, float]  # what the metric head can say
    training_size: tuple[int, int]  # (rows, columns) that suit a first training on a CPU
    licence: str
    note: str  # one line for people
    truth: str = ""  # which of several truths is read, where the publisher offers several

    @property
    def whole_splits(self) -> dict[str, Frames]:
        """The splits that share no frame: `test_night` is a part of `test` where both exist."""
        ids = {name: set(frames.sample_ids) for name, frames in self.splits.items()}
        return {
            name: frames
            for name, frames in self.splits.items()
            if not any(name.startswith(f"{other}_") and ids[name] <= ids[other] for other in ids)
        }

    def split(self, name: str) -> Frames:
        """The frames of a split.

        Raises:
            DataError: for a split that this data set does not have, or that is empty.
        """
        if name not in self.splits:
            raise DataError(f"{self.spec}: {unknown('split', name, self.splits)}")
        frames = self.splits[name]
        if not frames.sample_ids:
            raise DataError(f"{self.spec}: the split '{name}' holds no frames")
        return frames

    def fingerprint(self) -> str:
        """One value for all splits together."""
        parts = [f"{name}:{frames.fingerprint()}" for name, frames in sorted(self.splits.items())]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def samples_of(frames: Frames, *, with_rgb: bool = False) -> Iterator[Sample]:
    """Every frame once, in order, with its standing noise realisation."""
    for index in range(len(frames.sample_ids)):
        yield frames.read(index, with_rgb=with_rgb)


def fingerprint_files(files: Sequence[Path], root: Path) -> str:
    """A value for a list of files by relative name, size and content.

    Of large files it takes evenly spread blocks: reading whole recordings only to name them would take
    minutes. A compressed picture that is edited changes its size or its tail anyway.
    """
    digest = hashlib.sha256()
    for path in files:
        size = byte_count(path)
        with open_file(path) as stream:
            blocks = 2 if path.suffix.lower() in _COMPRESSED else _BLOCKS
            if size <= blocks * _BLOCK_BYTES:
                content = [stream.read()]
            else:
                content = []
                for number in range(blocks):
                    stream.seek((size - _BLOCK_BYTES) * number // (blocks - 1))
                    content.append(stream.read(_BLOCK_BYTES))
        digest.update(f"{path.relative_to(root).as_posix()}\0{size}\0".encode())
        for block in content:
            digest.update(block)
        if path.suffix.lower() in _JPEG and _is_turned(path):
            # Such pictures were once read as they are stored: what was made of them then is not of these.
            digest.update(b"upright")
    return digest.hexdigest()[:16]


def _is_turned(path: Path) -> bool:
    head = jpeg_head(path)
    return head is not None and head.orientation != UPRIGHT
