"""The process in which uploads are decoded; `decoding` is the side that asks.

    <- {"memory_bytes": n}                             -> {}
    <- {"op": "describe", "path": ..., ...}            -> {"frames": n, ...}, or {"refused": ...}
    <- {"op": "frame", "path": ..., "number": k, ...}  -> {"shape": ..., ...} + values, or {"refused": ...}

Each message is a line of JSON, and as many bytes as its `bytes` says. Memory is bounded by the system
(RLIMIT_AS), time by an alarm that nothing catches and by the other side's own clock.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from thermodepth.camera import view_of_focal
from thermodepth.errors import DataError, UserError
from thermodepth.files import open_file
from thermodepth.sources import FailedFrame, SkippedFrame, SourceFrame
from thermodepth.sources.opening import open_source
from thermodepth.sources.options import SourceOptions
from thermodepth.sources.source import Source

#: Frames at the start of a recording that may be unreadable (a closed shutter, say) before it is refused.
FIRST_TRIES = 8


def main() -> None:
    """Answer until the line ends."""
    line = os.fdopen(os.dup(1), "wb")  # what a library prints must not get between the messages
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other side ends this process
    warnings.simplefilter("ignore")
    reader = _Reader()
    for text in sys.stdin.buffer:
        request = json.loads(text)
        if "memory_bytes" in request:
            limit_memory(request["memory_bytes"])
            _send(line, {})
            continue
        _alarm(request["seconds"])
        values = b""
        try:
            if request["op"] == "describe":
                reply = reader.describe(request)
            else:
                reply, values = reader.frame(request)
        except UserError as error:
            reply = {"refused": str(error)}
        except MemoryError:
            reply = {"out_of_memory": True}
        except ModuleNotFoundError as error:
            reply = {"refused": f"{request['path']}: takes {error.name}, which this server lacks"}
        except Exception as error:  # a stranger's file in foreign libraries: anything may come
            kind = "out_of_memory" if _is_memory(error) else "refused"
            reply = {
                kind: f"{request['path']}: cannot be decoded ({type(error).__name__}: {error})"
            }
        _alarm(0)
        _send(line, reply, values)


class _Reader:
    """Keeps the last recording open: a film is played forwards, and need not be decoded anew each time."""

    def __init__(self) -> None:
        self._path = ""
        self._frames: Iterator[Any] = iter(())
        self._next = 0
        self._target = 0

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        source = _opened(request["path"])
        most = request["most_frames"]
        first, failures = None, []
        for frame in source:
            if isinstance(frame, SourceFrame):
                first = frame
                break
            failures.append(frame)
            if len(failures) == FIRST_TRIES:
                break
        if first is None:
            reason = failures[0].reason if failures else f"{request['path']}: holds no frames"
            raise DataError(reason)
        check_pixels(first, request["most_pixels"])
        length = source.length
        if length is None:
            length = _count(source, most + 1)
        frame_view = None
        if first.intrinsics is not None:
            frame_view = view_of_focal(float(first.intrinsics[0, 0]), first.raw.shape[1])
        return {
            "frames": min(length, most),
            "is_cut": length > most,
            "first": first.index,
            "rows": first.raw.shape[0],
            "columns": first.raw.shape[1],
            "unit": first.unit.value,
            "fov_deg": frame_view,
        }

    def frame(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        frame = self._at(request["path"], request["number"])
        if isinstance(frame, FailedFrame):
            raise frame.error
        check_pixels(frame, request["most_pixels"])
        raw = frame.raw
        intrinsics = None if frame.intrinsics is None else frame.intrinsics.tolist()
        reply = {
            "shape": raw.shape,
            "dtype": raw.dtype.str,
            "unit": frame.unit.value,
            "time_s": frame.time_s,
            "intrinsics": intrinsics,
        }
        return reply, raw.tobytes()

    def _at(self, path: str, number: int) -> SourceFrame | FailedFrame:
        if path != self._path or number < self._next:
            self._path, self._next = path, 0
            count = iter(range(sys.maxsize))
            self._frames = _opened(path).frames(lambda _name, _state: next(count) == self._target)
        self._target = number
        for frame in self._frames:
            self._next = frame.index + 1
            if frame.index >= number and not isinstance(frame, SkippedFrame):
                assert isinstance(frame, SourceFrame | FailedFrame)
                return frame
            if isinstance(frame, FailedFrame):  # the recording ends here
                return frame
        self._path = ""
        raise DataError(f"{path}: has no frame {number}; it ends before")


def _opened(path: str) -> Source:
    with open_file(Path(path)):  # one that is gone is said so at once
        return open_source([Path(path)], SourceOptions())


def _count(source: Source, most: int) -> int:
    """Of a recording that does not say it, up to a bound."""
    count = 0
    for frame in source.frames(lambda _name, _state: False):
        if isinstance(frame, FailedFrame):
            break
        count += 1
        if count >= most:
            break
    return count


def check_pixels(frame: SourceFrame, most: int) -> None:
    """
    Raises:
        DataError: for a frame that is larger than this server takes.
    """
    rows, columns = frame.raw.shape
    if rows * columns > most:
        raise DataError(
            f"{frame.origin}: a frame of {columns}x{rows}; this server takes up to {most / 1e6:g} million "
            "pixels"
        )


def limit_memory(more_bytes: int) -> None:
    """So much beyond what this process has now, where the system has such a limit."""
    with suppress(ImportError, OSError, ValueError, DataError, IndexError):
        import resource

        with open_statm() as stream:
            used_bytes = int(stream.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used_bytes + more_bytes,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def open_statm() -> IO[bytes]:
    """What the kernel says of this process's memory; it has no size, so it is no file of the disk."""
    return os.fdopen(os.open("/proc/self/statm", os.O_RDONLY), "rb")


def _is_memory(error: Exception) -> bool:
    words = str(error).lower()  # OpenCV and Pillow have errors of their own for it
    return "insufficient memory" in words or "out of memory" in words or "bad allocation" in words


def _alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _send(line: IO[bytes], reply: dict[str, Any], values: bytes = b"") -> None:
    line.write(json.dumps({**reply, "bytes": len(values)}).encode() + b"\n")
    line.write(values)
    line.flush()


if __name__ == "__main__":
    main()
