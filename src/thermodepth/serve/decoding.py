"""Uploads become frames in child processes, which may take so much memory and so long and no more.

`decoding_child` is what runs there. Whatever a file does to its reader (take memory without end, never
return, crash a library) ends in a `RefusedError` that names the bound.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from thermodepth.serve.limits import Limits
from thermodepth.serve.refusals import RefusedError, shortened
from thermodepth.sources import SourceFrame
from thermodepth.types import ThermalUnit

#: After so many requests a child is replaced, whatever its libraries may have leaked.
MOST_REQUESTS = 1000
_LONGEST_LINE = 100_000
#: Importing numpy and the readers on a busy machine takes less.
_SECONDS_TO_START = 60.0
#: How much later than the child's own alarm this side ends it.
_GRACE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a file holds."""

    frames: int  # that may be asked for
    is_cut: bool  # the file has more
    first: int  # the first frame that can be read
    rows: int
    columns: int
    unit: ThermalUnit
    fov_deg: float | None  # across the frame, where the file states it


class Decoders:
    """As many children as frames are decoded at once; each is started when it is first needed."""

    def __init__(self, limits: Limits) -> None:
        """
        Args:
            limits: of frames, memory and time.
        """
        self._limits = limits
        self._idle: queue.LifoQueue[_Child] = queue.LifoQueue()
        self._all = [_Child(limits) for _ in range(limits.slots)]
        for child in self._all:
            self._idle.put(child)

    def describe(self, path: Path, name: str) -> Description:
        """What a file holds; its first frame is decoded.

        Raises:
            RefusedError: 422, with the reason, for a file that holds no frame that can be read.
        """
        reply, _ = self._ask({"op": "describe", "most_frames": self._limits.frames}, path, name)
        reply = {key: value for key, value in reply.items() if key != "bytes"}
        return Description(**{**reply, "unit": ThermalUnit(reply["unit"])})

    def frame(self, path: Path, name: str, number: int) -> SourceFrame:
        """One frame of a file.

        Raises:
            RefusedError: 422, with the reason, for a frame that cannot be read.
        """
        reply, values = self._ask({"op": "frame", "number": number}, path, name)
        raw = np.frombuffer(values, reply["dtype"]).reshape(reply["shape"])
        intrinsics = reply["intrinsics"]
        return SourceFrame(
            raw=raw,
            unit=ThermalUnit(reply["unit"]),
            name=f"{Path(name).stem}-{number:06d}",
            index=number,
            origin=name,
            sequence=name,
            time_s=reply["time_s"],
            intrinsics=None if intrinsics is None else np.asarray(intrinsics, np.float64),
        )

    def close(self) -> None:
        """End the children."""
        for child in self._all:
            child.end()

    def _ask(self, request: dict[str, Any], path: Path, name: str) -> tuple[dict[str, Any], bytes]:
        request = {**request, "path": str(path), "most_pixels": self._limits.frame_pixels}
        with self._child(str(path)) as child:
            reply, values = child.ask(request, name)
        if "out_of_memory" in reply:
            megabytes = self._limits.decoding_bytes / 1e6
            text = f"{name}: takes more than the {megabytes:g} MB of memory that decoding may take"
            raise RefusedError(422, text)
        if "refused" in reply:
            text = str(reply["refused"]).replace(str(path), name)
            raise RefusedError(422, shortened(text.replace(str(path.parent), "")))
        return reply, values

    @contextmanager
    def _child(self, path: str) -> Iterator[_Child]:
        """One that is idle, if there is one the one that read this file last."""
        children = [self._idle.get()]
        with suppress(queue.Empty):
            while children[0].path != path:
                children.insert(0, self._idle.get_nowait())
        child = next((one for one in children if one.path == path), children[0])
        for other in children:
            if other is not child:
                self._idle.put(other)
        try:
            child.path = path
            yield child
        finally:
            self._idle.put(child)


class _Child:
    """A process, or none yet."""

    def __init__(self, limits: Limits) -> None:
        self.path = ""  # of the file that it read last
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._requests = 0

    def ask(self, request: dict[str, Any], name: str) -> tuple[dict[str, Any], bytes]:
        """
        Raises:
            RefusedError: 422, where the process took too long or died over it.
        """
        if self._requests >= MOST_REQUESTS:
            self.end()
        process = self._process or self._started()
        self._requests += 1
        seconds = self._limits.decoding_s
        try:
            reply, values, is_late = _exchange(process, {**request, "seconds": seconds}, seconds)
        except (OSError, ValueError, KeyError, EOFError) as error:
            self.end()
            late = error.args[:1] == (_LATE,) or process.returncode == -getattr(
                signal, "SIGALRM", 0
            )
            reason = (
                f"takes more than the {seconds:g} s that decoding may take"
                if late
                else "its decoder crashed; the file is damaged, or takes more than the "
                f"{self._limits.decoding_bytes / 1e6:g} MB of memory that decoding may take"
            )
            raise RefusedError(422, f"{name}: {reason}") from None
        if is_late or "out_of_memory" in reply:  # what is left of its memory is in pieces
            self.end()
        return reply, values

    def _started(self) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MALLOC_ARENA_MAX": "2",  # each reserves address space, which is what is bounded
        }
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "thermodepth.serve.decoding_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        self._process, self._requests = process, 0
        _exchange(process, {"memory_bytes": self._limits.decoding_bytes}, _SECONDS_TO_START)
        return process

    def end(self) -> None:
        """Of the process, if there is one."""
        process, self._process = self._process, None
        self.path = ""
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()


_LATE = "late"


def _exchange(
    process: subprocess.Popen[bytes], request: dict[str, Any], seconds: float
) -> tuple[dict[str, Any], bytes, bool]:
    """A request and its reply, and whether the clock ran out just then.

    Raises:
        OSError, ValueError, EOFError: where the process is gone, or says what is no message.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    clock = threading.Timer(seconds + _GRACE_S, end)
    clock.daemon = True
    clock.start()
    try:
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
        line = process.stdout.readline(_LONGEST_LINE)
        if not line.endswith(b"\n"):
            process.wait()
            raise EOFError(_LATE if late.is_set() else "the process ended")
        reply = json.loads(line)
        values = process.stdout.read(reply["bytes"])
        if len(values) != reply["bytes"]:
            raise EOFError(_LATE if late.is_set() else "the process ended")
        return reply, values, late.is_set()
    finally:
        clock.cancel()
