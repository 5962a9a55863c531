"""Results as files: one frame's at once, or a recording's frame by frame."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from thermodepth.errors import DataError
from thermodepth.files import LONGEST_NAME_BYTES
from thermodepth.inference.depth import Depth
from thermodepth.outputs.colour_range import ColourRange
from thermodepth.outputs.registry import OUTPUTS
from thermodepth.outputs.row import FrameOutput, OutputRow, Recorder, RecordingOutput
from thermodepth.outputs.settings import OutputSettings

_LONGEST_ENDING = max(len(f"_{row.name}") for row in OUTPUTS.values())


def frame_path(folder: Path, name: str, row: FrameOutput) -> Path:
    """Where a frame's file of this row stands.

    Args:
        folder: of the outputs.
        name: of the frame; one that would be too long is cut and ends in a hash of itself.
        row: of OUTPUTS.
    """
    return folder / f"{_fitting(name)}_{row.name}"


def write_frame(
    folder: Path,
    name: str,
    depth: Depth,
    rows: Sequence[FrameOutput],
    settings: OutputSettings | None = None,
) -> dict[str, Path]:
    """Write the files of one frame, each whole or not at all; what its model does not tell is left out.

    Args:
        folder: made when it does not exist.
        name: start of the file names.
        depth: the result.
        rows: what is written, in this order.
        settings: of pictures and clouds.

    Returns:
        Name of the row -> file.
    """
    settings = settings or OutputSettings()
    paths = {row.name: frame_path(folder, name, row) for row in rows if row.has(depth)}
    for row in rows:
        if row.name in paths:
            row.write(paths[row.name], depth, settings)
    return paths


class Outputs:
    """Everything that is written of a recording; `close` makes its last files whole, whatever ended it."""

    def __init__(
        self,
        folder: Path,
        rows: Sequence[OutputRow],
        settings: OutputSettings | None = None,
        *,
        viewers: Sequence[Recorder] = (),
        names_missing: bool = False,
    ) -> None:
        """
        Args:
            folder: made when the first file is written.
            rows: what is written, in this order.
            settings: of pictures and clouds.
            viewers: get every frame at once, and are no files.
            names_missing: whether `notes` name files of rows that the model does not tell.

        Raises:
            DataError: for a damaged record of the range of colours in the folder.
        """
        self.folder = folder
        self.rows = tuple(rows)
        self.settings = settings or OutputSettings()
        self._viewers = tuple(viewers)
        self._names_missing = names_missing
        self._notes: dict[str, tuple[str, int]] = {}  # row -> (the first one, how many there were)
        self._recorders: dict[str, Recorder] = {}
        self._waiting: list[tuple[str, Depth]] = []  # for the range of colours
        self._range: ColourRange | None = None
        if any(row.wants_range for row in rows):
            self._range = ColourRange(self.settings.range_m, folder)

    @property
    def notes(self) -> list[str]:
        """What a person should know of the files so far, a sentence each."""
        texts = [] if self._range is None or not self._range.note else [self._range.note]
        for text, count in self._notes.values():
            more = f" (and so in {count - 1} more frames)" if count > 1 else ""
            texts.append(text + more)
        return texts

    @property
    def has_recording(self) -> bool:
        """Whether a file or a viewer is of all frames, so that none of them may be left out."""
        return bool(self._viewers) or any(isinstance(row, RecordingOutput) for row in self.rows)

    def write(self, name: str, depth: Depth) -> list[Path]:
        """One more frame.

        Args:
            name: start of its file names.
            depth: the result.

        Returns:
            The files that became whole: none as long as the range of the colours waits for more frames, then
            those of all that waited.

        Raises:
            SettingsError: for a point cloud where the lens is not known.
            DataError: for a frame of another size than those of the video before it.
            OutputError: where a file cannot be written.
        """
        for viewer in self._viewers:
            viewer.add(name, depth)
        if self._range is None:
            return self._write_rows(name, depth, self.settings)
        self._waiting.append((name, depth))
        if self._range.range_m is None:
            self._range.add(depth)
        return [] if self._range.range_m is None else self._write_waiting(self._range.range_m)

    def close(self) -> list[Path]:
        """What waited is written, and the files of the recording are put in their places.

        Returns:
            The files that `write` did not name.

        Raises:
            OutputError: where a file cannot be written; the others are whole.
        """
        paths: list[Path] = []
        try:
            if self._range is not None and self._waiting:
                paths += self._write_waiting(self._range.settled_m())
        finally:
            recorders, self._recorders = self._recorders, {}
            _close_all([*recorders.values(), *self._viewers])
        return paths + [self.folder / name for name in recorders]

    def _write_waiting(self, range_m: tuple[float, float]) -> list[Path]:
        coloured = self.settings.edit({"range_m": list(range_m)})
        waiting, self._waiting = self._waiting, []
        paths: list[Path] = []
        broken: DataError | None = None
        for name, depth in waiting:
            try:
                paths += self._write_rows(name, depth, coloured)
            except DataError as error:  # of one of them: the others are written
                broken = broken or error
        if broken is not None:
            raise broken
        return paths

    def _write_rows(self, name: str, depth: Depth, coloured: OutputSettings) -> list[Path]:
        """All of one frame; `coloured` are the settings with the range of the recording."""
        paths = []
        for row in self.rows:
            settings = coloured if row.wants_range else self.settings
            if isinstance(row, RecordingOutput):
                if row.name not in self._recorders:
                    self._recorders[row.name] = row.open(self.folder / row.name, settings)
                self._recorders[row.name].add(name, depth)
            elif row.has(depth):
                path = frame_path(self.folder, name, row)
                if note := row.write(path, depth, settings):
                    first, count = self._notes.get(row.name, (note, 0))
                    self._notes[row.name] = first, count + 1
                paths.append(path)
            elif self._names_missing:
                text = f"{row.name} is not written: this model does not tell it"
                self._notes[row.name] = text, 1
        return paths


def _close_all(recorders: Sequence[Recorder]) -> None:
    """Every one, even if one before it fails."""
    if not recorders:
        return
    try:
        recorders[0].close()
    finally:
        _close_all(recorders[1:])


def _fitting(name: str) -> str:
    """A start of a file name that leaves room for what comes behind; two names never become one."""
    longest = LONGEST_NAME_BYTES - _LONGEST_ENDING
    encoded = os.fsencode(name)
    if len(encoded) <= longest:
        return name
    mark = hashlib.sha256(encoded).hexdigest()[:16]
    return f"{encoded[: longest - len(mark) - 1].decode(errors='ignore')}-{mark}"
