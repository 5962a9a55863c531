"""Which frames of a source are written already: a line for each, added when its files are whole.

`frames.jsonl` in the folder of the maps, an object a line:

    run          digest of what the maps depend on beside the frame: model, lens, options
    name, index  of the frame; sequence, origin, time_s where it has one
    state        digest of size and time of change of the file that the frame is from
    files        of the frame, below the folder

A frame is skipped when its last line has the same run and state and its files still stand there. A line that
a kill cut off is no line.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from thermodepth.files import append_text, read_text
from thermodepth.sources import SourceFrame

FILE = "frames.jsonl"
_DIGITS = 16


class _Line(NamedTuple):
    run: str
    state: str
    files: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class WrittenFrames:
    """The record of a folder of maps."""

    folder: Path
    run: str  # digest
    again: bool = False  # nothing counts as written
    _lines: dict[str, _Line] = field(default_factory=dict)
    _cut_off: bool = False  # the last line has no end

    @classmethod
    def open(cls, folder: Path, facts: dict[str, Any], *, again: bool = False) -> WrittenFrames:
        """What the folder holds of earlier runs.

        Args:
            folder: of the maps; it need not exist.
            facts: plain JSON values that change with what the maps depend on beside their frame.
            again: predict what is written, too.

        Raises:
            DataError: for a record that cannot be read.
        """
        run = _digest(json.dumps(facts, sort_keys=True))
        written = cls(folder=folder, run=run, again=again)
        path = folder / FILE
        if path.exists():
            text = read_text(path)
            for line in text.split("\n"):
                written._take(line)
            written._cut_off = bool(text) and not text.endswith("\n")
        return written

    def _take(self, text: str) -> None:
        try:
            line = json.loads(text)
            name, run, state = (str(line[key]) for key in ("name", "run", "state"))
            files = tuple(str(file) for file in line["files"])
        except (ValueError, TypeError, KeyError, RecursionError):
            return  # cut off, or not ours: that frame counts as not written
        self._lines[name] = _Line(run, state, files)

    @property
    def others(self) -> int:
        """How many frames were written last by a run that differs in what the maps depend on."""
        return sum(line.run != self.run for line in self._lines.values())

    def has(self, name: str, file_state: str) -> bool:
        """Whether the frame's files are whole, and of this run."""
        line = self._lines.get(name)
        if self.again or line is None or (line.run, line.state) != (self.run, _digest(file_state)):
            return False
        return bool(line.files) and all((self.folder / file).is_file() for file in line.files)

    def add(self, frame: SourceFrame, files: Sequence[Path]) -> None:
        """After the frame's files are whole.

        Raises:
            OutputError: where the line cannot be written.
        """
        line: dict[str, Any] = {
            "name": frame.name,
            "index": frame.index,
            "sequence": frame.sequence,
            "origin": frame.origin,
            "time_s": frame.time_s,
            "run": self.run,
            "state": _digest(frame.file_state),
            "files": [path.relative_to(self.folder).as_posix() for path in files],
        }
        append_text(self.folder / FILE, "\n" * self._cut_off + json.dumps(line) + "\n")
        self._cut_off = False


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]
