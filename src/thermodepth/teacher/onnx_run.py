"""A foreign graph in a process of its own, from the side that asks.

`onnx_child` is what runs there. Whatever the graph does (take memory without end, never return, crash the
runtime) ends in a `TeacherError` that says which bound it met and what raises it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import weakref
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.errors import TeacherError
from thermodepth.teacher import onnx_child

if TYPE_CHECKING:
    from numpy.typing import NDArray

GIGABYTE = 1e9
#: What a graph may take unless the settings say otherwise: the largest public depth model needs four
#: gigabytes for four frames of 518x1288 beside its weights, which are read, unpacked and rearranged.
MEMORY_BYTES, MEMORY_PER_FILE_BYTE = 8e9, 3.0
#: Never more than this share of what the machine has.
MEMORY_SHARE = 0.75
#: Importing the runtime and unpacking 2 GB takes less; a larger `seconds_per_image` holds here too.
SECONDS_TO_OPEN = 120.0
#: How much later than the child's own alarm the parent ends it.
_GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Port:
    """One input of a graph."""

    name: str
    type: str  # as ONNX Runtime calls it, such as tensor(float)
    shape: list[int | str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a graph may take."""

    memory_bytes: float
    seconds_per_image: float


def bounds_for(file_bytes: int, *, memory_gb: float | None, seconds_per_image: float) -> Bounds:
    """The bounds of the settings; without `memory_gb` by the file's size and the machine's memory."""
    if memory_gb is not None:
        memory_bytes = memory_gb * GIGABYTE
    else:
        memory_bytes = MEMORY_BYTES + MEMORY_PER_FILE_BYTE * file_bytes
        with suppress(AttributeError, ValueError, OSError):  # not on every system
            machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
            memory_bytes = min(memory_bytes, MEMORY_SHARE * machine)
    return Bounds(memory_bytes=memory_bytes, seconds_per_image=seconds_per_image)


class BoundedGraph:
    """A graph that is open in a child process, which ends with this object."""

    def __init__(
        self,
        content: bytes,
        *,
        name: str,
        bounds: Bounds,
        device: str,
        index: int,
        threads: int,
        metadata_key: str,
    ) -> None:
        """Start the process and open the graph.

        Args:
            content: the whole file.
            name: of the file, for messages.
            bounds: what it may take.
            device: `auto`, `cpu` or `cuda`.
            index: which CUDA device.
            threads: of the runtime.
            metadata_key: the one entry of the file's metadata that is read.

        Raises:
            TeacherError: when the runtime does not take the file, or not within the bounds.
        """
        self._name, self._bounds = name, bounds
        self._process = subprocess.Popen(
            [sys.executable, "-P", onnx_child.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._end = weakref.finalize(self, _end, self._process)
        request = {
            "op": "open",
            "device": device,
            "index": index,
            "threads": threads,
            "memory_bytes": int(bounds.memory_bytes),
            "metadata_key": metadata_key,
        }
        seconds = max(SECONDS_TO_OPEN, bounds.seconds_per_image)
        reply, _ = self._ask(request, content, seconds, most_bytes=0, doing="opening it")
        match reply.get("error"):
            case None:
                pass
            case "no_cuda":
                raise TeacherError(
                    "teacher device 'cuda': this onnxruntime has no CUDA; pip install onnxruntime-gpu, or "
                    "take device cpu"
                )
            case "memory":
                raise TeacherError(f"{name}: opening it {self._too_much_memory()}")
            case _:
                raise TeacherError(f"{name}: cannot be loaded: {reply['reason']}")
        self.inputs = [Port(one["name"], one["type"], one["shape"]) for one in reply["inputs"]]
        self.outputs: list[str] = reply["outputs"]
        self.metadata: str | None = reply["metadata"]
        self.threads: int = reply["threads"]

    def run(self, values: NDArray[Any], *, input_name: str, output_name: str) -> NDArray[Any]:
        """One output over one batch of images.

        Raises:
            TeacherError: when the graph fails on it, or takes more than it may.
        """
        shape = list(values.shape)
        request = {
            "op": "run",
            "input": input_name,
            "output": output_name,
            "shape": shape,
            "dtype": values.dtype.str,
        }
        most_bytes = onnx_child.MAX_VALUES_PER_PIXEL * values.size * 8
        seconds = self._bounds.seconds_per_image * len(values)
        payload = np.ascontiguousarray(values).data.cast("B")
        doing = f"an input of {shape}"
        reply, content = self._ask(request, payload, seconds, most_bytes=most_bytes, doing=doing)
        match reply.get("error"):
            case None:
                dtype = np.dtype(reply["dtype"])
                return np.frombuffer(content, dtype=dtype).reshape(reply["shape"]).copy()
            case "memory":
                raise TeacherError(f"{self._name}: {doing} {self._too_much_memory()}")
            case "no_map":
                raise TeacherError(f"{self._name}: {reply['reason']}")
            case _:
                raise TeacherError(
                    f"{self._name}: fails on {doing}: {reply['reason']}. If its sides must be multiples of "
                    "another number, set teacher.multiple; if it takes one image at a time, "
                    "teacher.runtime.batch_size=1"
                )

    def _ask(
        self,
        request: dict[str, Any],
        payload: bytes | memoryview,
        seconds: float,
        *,
        most_bytes: int,
        doing: str,
    ) -> tuple[dict[str, Any], bytes]:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        late = threading.Event()

        def end() -> None:  # it holds no `self`, which would live as long as the clock's thread
            late.set()
            process.kill()

        clock = threading.Timer(seconds + _GRACE_SECONDS, end)
        clock.daemon = True
        clock.start()
        try:
            onnx_child.send(process.stdin, {**request, "seconds": seconds}, payload)
            return onnx_child.receive(process.stdout, most_bytes=most_bytes)
        except (OSError, onnx_child.LineError, ValueError, KeyError) as error:
            process.kill()
            status = process.wait()
            alarm = getattr(signal, "SIGALRM", None)
            if late.is_set() or (alarm is not None and status == -alarm):
                raise TeacherError(
                    f"{self._name}: {doing} took more than {seconds:g} s and was ended; it may never end. If "
                    "it is only slow, raise teacher.runtime.seconds_per_image"
                ) from error
            raise TeacherError(
                f"{self._name}: its process died at {doing} ({_how_it_ended(status)}), as it does when it "
                f"runs out of its {self._bounds.memory_bytes / GIGABYTE:.3g} GB "
                "(teacher.runtime.memory_gb) or of the machine's memory, or the file is damaged"
            ) from error
        finally:
            clock.cancel()

    def _too_much_memory(self) -> str:
        return (
            f"needs more than the {self._bounds.memory_bytes / GIGABYTE:.3g} GB that it may take; raise "
            "teacher.runtime.memory_gb, or lower teacher.runtime.batch_size or teacher.input_size"
        )


def _how_it_ended(status: int) -> str:
    if status >= 0:
        return f"exit {status}"
    with suppress(ValueError):
        return signal.Signals(-status).name
    return f"signal {-status}"


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):  # what was not yet written to a process that is gone
                stream.close()
