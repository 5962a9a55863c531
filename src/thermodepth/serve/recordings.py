"""Uploads that are kept for a while, each in a file of its own, under a name that nobody guesses."""

from __future__ import annotations

import re
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from thermodepth.serve.decoding import Description
from thermodepth.serve.limits import Limits
from thermodepth.serve.refusals import RefusedError, shortened

#: Some readers tell formats by it (CPTV); everything else of a stranger's file name is only shown.
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}$")
_LONGEST_NAME = 120


@dataclass(slots=True, kw_only=True)
class Recording:
    """One upload, or one sample."""

    recording_id: str
    name: str  # as whoever sent it calls it
    path: Path
    size_bytes: int
    description: Description
    is_sample: bool = False
    last_use_s: float = field(default=0.0)


def shown_name(filename: str) -> str:
    """The last part of a file name that a stranger sent: printable, of bounded length, never a path."""
    last = re.split(r"[/\\]", filename)[-1].strip()
    return shortened(last, _LONGEST_NAME) or "frame"


class Recordings:
    """What is kept. All calls come from one thread; files are read by others."""

    def __init__(
        self, folder: Path, limits: Limits, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """
        Args:
            folder: an empty one, private to this server.
            limits: of bytes, number and time.
            clock: seconds.
        """
        self._folder = folder
        self._limits = limits
        self._clock = clock
        self._kept: OrderedDict[str, Recording] = OrderedDict()  # longest unused first
        self._arriving_bytes = 0

    def new_path(self, name: str) -> Path:
        """Of a file that does not exist yet."""
        suffix = _SUFFIX.search(name)
        return self._folder / f"{secrets.token_hex(12)}{suffix[0].lower() if suffix else ''}"

    def keep(self, name: str, path: Path, description: Description) -> Recording:
        """An upload that was looked at."""
        recording = Recording(
            recording_id=secrets.token_urlsafe(16),
            name=name,
            path=path,
            size_bytes=path.stat().st_size,
            description=description,
            last_use_s=self._clock(),
        )
        self._kept[recording.recording_id] = recording
        self._forget_some()
        return recording

    def keep_sample(self, recording: Recording) -> None:
        """One that stays."""
        assert recording.is_sample, recording
        self._kept[recording.recording_id] = recording

    def samples(self) -> list[Recording]:
        """In their order."""
        return [recording for recording in self._kept.values() if recording.is_sample]

    def get(self, recording_id: str) -> Recording:
        """
        Raises:
            RefusedError: 404, for one that is not kept any more.
        """
        self._forget_some()
        recording = self._kept.get(recording_id)
        if recording is None:
            minutes = self._limits.kept_s / 60
            raise RefusedError(
                404,
                f"no such recording: uploads are kept {minutes:g} minutes after their last use, the latest "
                f"{self._limits.kept_files}; send it again",
            )
        recording.last_use_s = self._clock()
        if not recording.is_sample:
            self._kept.move_to_end(recording_id)
        return recording

    def forget(self, recording_id: str) -> None:
        """Now.

        Raises:
            RefusedError: 404, for one that is not kept, and for a sample.
        """
        recording = self.get(recording_id)
        if recording.is_sample:
            raise RefusedError(404, "a sample cannot be deleted")
        self._delete(recording)

    @contextmanager
    def arriving(self, size_bytes: int | None) -> Iterator[None]:
        """While an upload of so many bytes, or of as many as are allowed, comes in.

        Raises:
            RefusedError: 413 for one that is too large, 429 where too many come at once.
        """
        most = self._limits.upload_bytes
        if size_bytes is not None and size_bytes > most:
            raise too_large(most)
        size_bytes = most if size_bytes is None else size_bytes
        if self._arriving_bytes + size_bytes > self._limits.kept_bytes:
            raise RefusedError(
                429, "busy: too many uploads at once; ask again a little later", retry_s=2
            )
        self._arriving_bytes += size_bytes
        try:
            yield
        finally:
            self._arriving_bytes -= size_bytes

    def _forget_some(self) -> None:
        """What was not used for long; and the longest unused where there is too much."""
        uploads = [r for r in self._kept.values() if not r.is_sample]
        total = sum(recording.size_bytes for recording in uploads)
        oldest_s = self._clock() - self._limits.kept_s
        for count, recording in zip(range(len(uploads), 0, -1), uploads, strict=True):
            is_over = count > self._limits.kept_files or total > self._limits.kept_bytes
            if not is_over and recording.last_use_s >= oldest_s:
                break
            total -= recording.size_bytes
            self._delete(recording)

    def _delete(self, recording: Recording) -> None:
        del self._kept[recording.recording_id]
        recording.path.unlink(missing_ok=True)


async def store_body(chunks: AsyncIterator[bytes], path: Path, most_bytes: int) -> None:
    """Write a request's body to a file; no more of it than a piece is in memory.

    Raises:
        RefusedError: 413 for one that is too large, 400 for an empty one.
    """
    size = 0
    with path.open("wb") as stream:
        async for chunk in chunks:
            size += len(chunk)
            if size > most_bytes:
                raise too_large(most_bytes)
            stream.write(chunk)
    if not size:
        raise RefusedError(
            400, "an empty body: send the bytes of a file, such as --data-binary @frame.png"
        )


def too_large(most_bytes: int) -> RefusedError:
    """413."""
    return RefusedError(413, f"larger than the {most_bytes / 1e6:g} MB that an upload may have")
