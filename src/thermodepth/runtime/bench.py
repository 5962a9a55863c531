"""How fast a model predicts: every contestant in a process of its own, asked in turn, frame by frame.

What else a machine does slows all of them alike then, and the memory of one is not another's. Timed is what a
person waits for: from a raw frame to its `Depth`, resizing, input recipe and enlarging included.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from thermodepth.errors import UserError, WeightsError
from thermodepth.machine import energy_counter
from thermodepth.runtime import bench_child
from thermodepth.threads import OVERRIDE

WARM_UP = 3  # first runs of a size, which are not counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A model as one runtime runs it."""

    runtime: str
    model: str  # name, folder or file, for `open_predictor`
    threads: int
    short_side: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """A contestant on frames of one size."""

    runtime: str
    threads: int
    size: tuple[int, int]  # (rows, columns) of the frames
    p50_ms: float
    p95_ms: float
    least_ms: float  # where others use the machine too, this is nearest to its own
    cpu_ms: float  # of all threads, a frame
    peak_mb: float | None  # of the process, up to this size; None: the system does not tell
    energy_mj: float | None  # a frame, of the whole processor; None: the machine does not tell


def bench(
    contestants: Sequence[Contestant],
    sizes: Sequence[tuple[int, int]],
    *,
    rounds: int,
    environment: Mapping[str, str],
    progress: Callable[[int, int], None] | None = None,
) -> list[Timing]:
    """A row for every contestant and size.

    Args:
        contestants: those that are asked in turn.
        sizes: (rows, columns) of the frames.
        rounds: how often each is asked, beyond the first few.
        environment: of the processes.
        progress: told (rounds done, all).

    Raises:
        UserError: naming the contestant whose process ended, and why.
    """
    processes = [_Process(contestant, environment) for contestant in contestants]
    timings = []
    total, done = len(sizes) * rounds, 0
    for size in sizes:
        answers: list[list[_Answer]] = [[] for _ in processes]
        for round_number in range(WARM_UP + rounds):
            for process, answer in zip(processes, answers, strict=True):
                answer.append(process.ask(size))
            if round_number >= WARM_UP and progress is not None:
                done += 1
                progress(done, total)
        timings += [
            _timing(contestant, size, answer[WARM_UP:])
            for contestant, answer in zip(contestants, answers, strict=True)
        ]
    return timings


@dataclass(frozen=True, slots=True)
class _Answer:
    wall_s: float
    cpu_s: float
    peak_mb: float | None
    energy_j: float | None


class _Process:
    """A contestant that waits for frames."""

    def __init__(self, contestant: Contestant, environment: Mapping[str, str]) -> None:
        self._name = f"{contestant.runtime} with {contestant.threads} threads"
        # No pipe: one that nobody reads is full after 64 kB, and whoever writes into it waits.
        self._words = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115, closed by `_end`
        self._process = subprocess.Popen(
            [sys.executable, "-m", bench_child.__name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            text=True,
            env={**environment, OVERRIDE: str(contestant.threads)},
        )
        weakref.finalize(self, _end, self._process, self._words)
        self._counter = energy_counter()
        self._send(
            {
                "model": contestant.model,
                "runtime": contestant.runtime,
                "threads": contestant.threads,
                "short_side": contestant.short_side,
            }
        )
        self._receive()

    def ask(self, size: tuple[int, int]) -> _Answer:
        """One frame.

        Raises:
            UserError: where it cannot be predicted.
        """
        before = self._counter()
        self._send({"size": size})
        reply = self._receive()
        after = self._counter()
        energy_j = None if before is None or after is None or after < before else after - before
        return _Answer(reply["wall_s"], reply["cpu_s"], reply["peak_mb"], energy_j)

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._ended()
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise UserError(f"{self._name}: {reply['error']}")
        return reply

    def _ended(self) -> WeightsError:
        self._process.wait()
        self._words.seek(0)
        lines = self._words.read().strip().splitlines() or ["it ended without a word"]
        return WeightsError(f"{self._name}: {lines[-1]}")


def _end(process: subprocess.Popen[str], words: IO[str]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, words):
        if stream is not None:
            stream.close()


def _timing(contestant: Contestant, size: tuple[int, int], answers: Sequence[_Answer]) -> Timing:
    wall_ms = np.array([answer.wall_s for answer in answers]) * 1000
    energies = [answer.energy_j for answer in answers if answer.energy_j is not None]
    return Timing(
        runtime=contestant.runtime,
        threads=contestant.threads,
        size=size,
        p50_ms=float(np.percentile(wall_ms, 50)),
        p95_ms=float(np.percentile(wall_ms, 95)),
        least_ms=float(wall_ms.min()),
        cpu_ms=float(np.mean([answer.cpu_s for answer in answers])) * 1000,
        peak_mb=answers[-1].peak_mb,
        energy_mj=float(np.mean(energies)) * 1000 if len(energies) == len(answers) else None,
    )
