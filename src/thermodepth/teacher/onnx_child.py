"""The process in which a foreign graph runs: nothing in it can take more than it was granted.

An ONNX file is a program. Two hundred bytes of it may ask for ten gigabytes, and a `Loop` need not end, so
it never runs in the process of the person who opened it. This file is started by its path, with standard
input and output as the line; it imports the runtime and nothing of this package.

    <- {"op": "open", "bytes": n, ...} + n bytes of the model      -> ports and metadata
    <- {"op": "run", "bytes": n, "shape": ..., "dtype": ...} + values   -> values, or {"error": ...}

Each message is the length of its header (four bytes, big-endian), the header in JSON, and as many bytes as
the header says. Memory is bounded by the system (RLIMIT_DATA, which Linux heeds). Time is bounded by an
alarm that nothing catches, so that a process whose parent is gone ends too; the parent keeps a clock of its
own for systems without alarms.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
from typing import IO, Any

LENGTH = struct.Struct(">I")
#: Longer than any header of ours.
MAX_HEADER_BYTES = 4_000_000
#: What is read of a metadata entry, which may be as long as the file.
MAX_METADATA_LETTERS = 200
#: A map may be four times as fine as the image each way; more is no map.
MAX_VALUES_PER_PIXEL = 16


class LineError(Exception):
    """The other side is gone, or says what is no message."""


def send(stream: IO[bytes], header: dict[str, Any], payload: bytes | memoryview = b"") -> None:
    """One message.

    Raises:
        OSError: when the other side is gone.
    """
    text = json.dumps({**header, "bytes": len(payload)}).encode()
    stream.write(LENGTH.pack(len(text)) + text)
    stream.write(payload)
    stream.flush()


def receive(stream: IO[bytes], *, most_bytes: int) -> tuple[dict[str, Any], bytes]:
    """The next message: its header, and its payload of at most `most_bytes`.

    Raises:
        LineError: when the line ends, or holds something else.
    """
    (length,) = LENGTH.unpack(_exactly(stream, LENGTH.size))
    if length > MAX_HEADER_BYTES:
        raise LineError(f"a header of {length} bytes")
    header = json.loads(_exactly(stream, length))
    if not 0 <= header["bytes"] <= most_bytes:
        raise LineError(f"a message of {header['bytes']} bytes")
    return header, _exactly(stream, header["bytes"])


def _exactly(stream: IO[bytes], count: int) -> bytes:
    content = stream.read(count)
    if len(content) != count:
        raise LineError("the line ended")
    return content


def main() -> None:
    """Answer until the line ends."""
    # What a runtime prints must not get between the messages.
    line = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    session = None
    while True:
        try:
            header, payload = receive(sys.stdin.buffer, most_bytes=2**33)
        except LineError:
            return
        _alarm(header["seconds"])
        try:
            if header["op"] == "open":
                session, reply = _opened(header, payload)
                values = b""
            else:
                assert session is not None, "run before open"
                reply, values = _run(session, header, payload)
        except MemoryError:
            reply, values = {"error": "memory", "reason": "out of memory"}, b""
        except Exception as error:  # a third party's runtime over a foreign file: anything may come
            reply, values = {"error": _kind_of(error), "reason": _in_one_line(error)}, b""
        _alarm(0)
        del payload
        send(line, reply, values)


def _alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _opened(header: dict[str, Any], content: bytes) -> tuple[Any, dict[str, Any]]:
    import onnxruntime

    has_cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    if header["device"] == "cuda" and not has_cuda:
        return None, {"error": "no_cuda", "reason": "this onnxruntime has no CUDA"}
    providers: list[Any] = ["CPUExecutionProvider"]
    if header["device"] != "cpu" and has_cuda:
        providers.insert(0, ("CUDAExecutionProvider", {"device_id": header["index"]}))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = header["threads"]
    options.inter_op_num_threads = 1
    # Threads that spin while they wait take the cores from everything beside them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # what matters is raised
    _limit_memory(header["memory_bytes"])
    session = onnxruntime.InferenceSession(content, options, providers=providers)
    metadata = session.get_modelmeta().custom_metadata_map
    metadata_value = metadata.get(header["metadata_key"])
    return session, {
        "inputs": [
            {"name": port.name, "type": port.type, "shape": list(port.shape or [])}
            for port in session.get_inputs()
        ],
        "outputs": [port.name for port in session.get_outputs()],
        "metadata": None if metadata_value is None else metadata_value[:MAX_METADATA_LETTERS],
        "threads": options.intra_op_num_threads,
    }


def _limit_memory(more_bytes: int) -> None:
    """Let this process take `more_bytes` beyond what it has, where the system can refuse."""
    try:
        import resource

        with open("/proc/self/statm") as file:  # noqa: PTH123  (no import that is not needed)
            used_bytes = int(file.read().split()[5]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_DATA, (used_bytes + more_bytes,) * 2)
    except (ImportError, OSError, ValueError, IndexError):
        return  # no such limit on this system, as docs/teachers.md says


def _run(session: Any, header: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes]:
    import numpy as np

    values = np.frombuffer(payload, dtype=header["dtype"]).reshape(header["shape"])
    (output,) = session.run([header["output"]], {header["input"]: values})
    result = np.asarray(output)
    if result.dtype.kind not in "fiub":
        return {"error": "no_map", "reason": f"gives {result.dtype}, which is no map"}, b""
    shape = list(result.shape)
    if result.size > MAX_VALUES_PER_PIXEL * max(values.size, 1):
        return {
            "error": "no_map",
            "reason": f"gives {result.dtype} {shape}, too large for a map",
        }, b""
    return {"shape": shape, "dtype": result.dtype.str}, result.tobytes()


def _kind_of(error: Exception) -> str:
    text = str(error)
    phrases = (
        "bad_alloc",
        "bad allocation",
        "Failed to allocate",
        "out of memory",
        "OUT_OF_MEMORY",
    )
    return "memory" if any(phrase in text for phrase in phrases) else "refused"


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


if __name__ == "__main__":
    main()
