"""What the server does under hostile files and many clients: `python benchmarks/serve_load.py`.

It starts the real command, sends 300 files that no camera wrote, then lets 50 clients ask for a minute, and
prints what came back, how long it took, and what memory the server and its children held meanwhile.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import io
import json
import os
import random
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlencode

import numpy as np

PORT = 7868
KINDS = 26
Upload = tuple[bytes, dict[str, str]]  # body, query


# --- files that no camera wrote -------------------------------------------------------------------


def npy(array: np.ndarray, **options: bool) -> bytes:
    """Bytes of an NPY file."""
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def png(rows: int, columns: int, pixels: bytes | None = None) -> bytes:
    """Of 16 bits; without pixels all are zero, and cost nothing to send."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    if pixels is None:
        packer = zlib.compressobj(9)
        line = bytes(1 + 2 * columns)
        data = b"".join(packer.compress(line) for _ in range(min(rows, 8000))) + packer.flush()
    else:
        width = 2 * columns
        data = zlib.compress(
            b"".join(b"\0" + pixels[at : at + width] for at in range(0, len(pixels), width))
        )
    head = struct.pack(">IIBBBBB", columns, rows, 16, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def scene(seed: int, rows: int = 120, columns: int = 160) -> np.ndarray:
    """`[h w]` counts of a warm ground under a cold sky."""
    noise = np.random.default_rng(seed).normal(0, 12, (rows, columns))
    return (np.linspace(7000, 9000, rows)[:, None] + noise).astype(np.uint16)


def good_png(seed: int) -> bytes:
    """A frame that is one."""
    frame = scene(seed)
    return png(*frame.shape, frame.astype(">u2").tobytes())


@lru_cache(maxsize=1)
def bombs() -> dict[str, bytes]:
    """Files that are small until somebody unpacks them."""
    return {
        "bomb.png": png(8000, 8000),
        "promise.png": png(60_000, 60_000),
        "bomb.cptv": gzip.compress(b"CPTV\2H\1T\4" + bytes(300_000_000), 6),
        "bomb.tiff": b"II*\0" + gzip.compress(bytes(50_000_000)),
    }


def looped_tiff() -> bytes:
    """A directory that names itself as the next."""
    entry = struct.pack("<HHII", 256, 3, 1, 64)
    return b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 8)


def hostile(number: int) -> Upload:
    """One of the kinds, by turns, each time with other bytes."""
    dice = random.Random(number)
    noise = dice.randbytes(dice.randint(1, 5000))
    frame = good_png(number)
    names = [
        "../../../etc/passwd",
        "..\\..\\x.png",
        "/etc/shadow",
        "a\0b.png",
        "x" * 900,
        "\u202egnp",
        "-rf",
    ]
    kinds: list[Callable[[], Upload]] = [
        lambda: (frame[: dice.randint(1, len(frame) - 20)], {"filename": "cut.png"}),
        lambda: (npy(scene(number))[: dice.randint(1, 200)], {"filename": "cut.npy"}),
        *(lambda name=name: (bombs()[name], {"filename": name}) for name in bombs()),
        lambda: (b"<html>" + noise, {"filename": "frame.png"}),
        lambda: (frame[8:], {"filename": "frame.tiff"}),
        lambda: (noise, {"filename": "noise.png"}),
        lambda: (npy(np.full((60, 80), np.nan, np.float32)), {"filename": "nan.npy"}),
        lambda: (npy(np.zeros((0, 80), np.uint16)), {"filename": "none.npy"}),
        lambda: (b"", {"filename": "empty.png"}),
        lambda: (npy(scene(0)).replace(b"(120, 160)", b"(9999999,)")[:200], {"filename": "huge.npy"}),
        lambda: (b"PK\x03\x04" + noise, {"filename": "frame.zip"}),
        lambda: (npy(np.array([{}, noise], dtype=object), allow_pickle=True), {"filename": "p.npy"}),
        lambda: (noise, {"filename": dice.choice(names)}),
        lambda: (looped_tiff() + noise, {"filename": "loop.tiff"}),
        lambda: (b"RIFF" + noise[:4].ljust(4) + b"AVI LIST" + noise, {"filename": "film.avi"}),
        lambda: (b"\x1a\x45\xdf\xa3" + noise, {"filename": "film.mkv"}),
        lambda: (b"SQLite format 3\0" + noise, {"filename": "bag.db3"}),
        lambda: (b"\x89MCAP0\r\n" + noise, {"filename": "bag.mcap"}),
        lambda: (b"FFF\0" + noise, {"filename": "x.seq"}),
        lambda: (frame, {"fov_deg": dice.choice(["nan", "1e99", "-1", "wide", "180"])}),
        lambda: (frame, {"frame": dice.choice(["-1", "1", "9" * 30, "x"])}),
        lambda: (frame, {"output": dice.choice(["../../etc/passwd", "depth.exe", "", "x" * 5000])}),
        lambda: (bytes(70_000_000), {"filename": "large.png"}),
    ]  # fmt: skip
    assert len(kinds) == KINDS, len(kinds)
    return kinds[number % KINDS]()


# --- asking ---------------------------------------------------------------------------------------


def post(body: bytes, query: dict[str, str], path: str = "/api/v1/depth") -> tuple[int, bytes]:
    """Status and body of one request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=150)
    try:
        connection.request("POST", f"{path}?{urlencode(query)}", body)
        reply = connection.getresponse()
        return reply.status, reply.read()
    except (BrokenPipeError, ConnectionResetError):
        # Refused before the body was read to its end: the answer may be lost with the connection.
        return 413, b'{"error": "(connection closed while an upload that is too large was sent)"}'
    finally:
        connection.close()


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """`work(0)` to `work(count - 1)` at once."""
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def send_hostile(count: int) -> Counter[str]:
    """How often each status came, and what was no refusal with a reason."""
    replies: Counter[str] = Counter()
    numbers = iter(range(count))
    lock = threading.Lock()

    def work(_: int) -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            body, query = hostile(number)
            status, content = post(body, query)
            is_refusal = 400 <= status < 500 and bool(json.loads(content).get("error"))
            with lock:
                replies[str(status)] += 1
                if not is_refusal:
                    replies[f"no refusal: kind {number % KINDS}, {status} {content[:80]!r}"] += 1

    in_threads(4, work)
    return replies


def send_load(clients: int, seconds: float) -> tuple[Counter[int], list[float]]:
    """Statuses, and seconds of each request that was answered with a map."""
    statuses: Counter[int] = Counter()
    latencies: list[float] = []
    lock = threading.Lock()
    end = time.perf_counter() + seconds
    frames = [good_png(seed) for seed in range(8)]
    outputs = ["depth.png", "depth.npy", "numbers.json", "maps.safetensors"]

    def work(client: int) -> None:
        number = client
        while time.perf_counter() < end:
            number += 1
            before = time.perf_counter()
            query = {"output": outputs[number % 4], "fov_deg": "50", "filename": "frame.png"}
            status, _ = post(frames[number % 8], query)
            with lock:
                statuses[status] += 1
                if status == 200:
                    latencies.append(time.perf_counter() - before)
            if status == 429:
                time.sleep(1)

    in_threads(clients, work)
    return statuses, latencies


# --- memory ---------------------------------------------------------------------------------------


def memory_mb(pid: int) -> float:
    """Resident memory of a process and its children, megabytes."""
    total = 0
    for process in [pid, *children(pid)]:
        try:
            lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return total * 1024 / 1e6


def children(pid: int) -> list[int]:
    """Process ids, of whichever thread started them."""
    texts = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            texts.append(path.read_text(encoding="ascii"))
    return [int(word) for text in texts for word in text.split()]


class Memory:
    """Looks at a process five times a second."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._stopped = threading.Event()
        self.series: list[float] = []
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while not self._stopped.wait(0.2):
            self.series.append(memory_mb(self._pid))

    def stop(self) -> list[float]:
        """What was seen."""
        self._stopped.set()
        return self.series


@contextmanager
def served(model: str) -> Iterator[int]:
    """The process id of a server that runs meanwhile, without a rate: all requests are of one address."""
    words = ["serve", "--model", model, "--port", str(PORT), "--max-per-minute", "0"]
    command = [sys.executable, "-m", "thermodepth", *words]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            assert "serving" in process.stdout.readline()
            yield process.pid
        finally:
            process.terminate()


def tenth(series: list[float], number: int) -> float:
    """The mean of one of ten parts of a series."""
    size = max(len(series) // 10, 1)
    return float(np.mean(series[number * size : (number + 1) * size]))


def main() -> None:
    """Print what the page of the server says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="thermal-any")
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    bombs()  # are made before the clock runs
    with served(options.model) as pid:
        for seed in range(4):
            post(good_png(seed), {"output": "depth.png"})
        print(f"before: {memory_mb(pid):.0f} MB")
        memory, begin = Memory(pid), time.perf_counter()
        replies = send_hostile(options.files)
        series = memory.stop()
        print(
            f"{options.files} hostile files in {time.perf_counter() - begin:.0f} s: {dict(replies)}"
        )
        print(f"  memory at most {max(series):.0f} MB, after it {memory_mb(pid):.0f} MB")
        status, _ = post(good_png(0), {"output": "depth.png"})
        print(f"  a good frame behind them: {status}")
        memory = Memory(pid)
        statuses, latencies = send_load(options.clients, options.seconds)
        series = memory.stop()
        print(f"{options.clients} clients for {options.seconds:g} s: {dict(statuses)}")
        p50, p95 = np.percentile(latencies, [50, 95])
        rate = statuses[200] / options.seconds
        print(f"  {rate:.1f} frames/s, p50 {p50:.2f} s, p95 {p95:.2f} s")
        print(
            f"  memory: second tenth {tenth(series, 1):.0f} MB, last tenth {tenth(series, 9):.0f} MB, "
            f"at most {max(series):.0f} MB"
        )


if __name__ == "__main__":
    main()
