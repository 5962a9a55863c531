"""On this machine: cells in processes of their own with one thread, as many at once as there are slots.

A process computes one cell. Without GPUs a slot is a core. With GPUs it is a GPU, or a share of one, or
several of them, and a process sees those of its slot only.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection
from typing import TYPE_CHECKING, Any

from thermodepth.errors import SettingsError
from thermodepth.extensions import Carrier
from thermodepth.forking import process_context
from thermodepth.study.cell_job import ENDINGS, CellJob, CellNews, Tell
from thermodepth.study.executors.launch import begin, compute, end
from thermodepth.threads import available_cores

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

VISIBLE = "CUDA_VISIBLE_DEVICES"
#: What a cell imports; of torch's optimisers the first one made loads its compiler, for seconds.
HEAVY = (compute.__module__, "torch._dynamo")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalExecutor:
    """Processes of this machine."""

    slots: tuple[str | None, ...]  # CUDA_VISIBLE_DEVICES of each; None leaves it as it is
    gpus_per_cell: int = 0

    def run(self, jobs: Sequence[CellJob], tell: Tell) -> None:
        """As `Executor.run`.

        Every process has a pipe of its own: one that is killed in the middle of a message takes nothing
        with it, and when this process dies the others meet a broken pipe and stop.
        """
        on_cores = all(slot is None for slot in self.slots)
        context = process_context(HEAVY, may_fork=on_cores)
        waiting = list(jobs)
        free = list(self.slots)
        running: dict[Any, _Running] = {}  # by the end of the pipe that is read
        with _stopping(running) as asked_to_stop:
            while running or (waiting and not asked_to_stop()):
                while waiting and free and not asked_to_stop():
                    job, slot = waiting.pop(0), free.pop(0)
                    begin(job)
                    ours, theirs = context.Pipe(duplex=False)
                    with _seeing(slot):
                        process = context.Process(
                            target=_run_cell,
                            args=(dict(os.environ), Carrier(job), self.gpus_per_cell, theirs),
                            name=job.name,
                        )
                        process.start()
                    theirs.close()
                    running[ours] = _Running(job=job, process=process, slot=slot)
                ready: list[Any] = connection.wait(list(running), timeout=1.0)
                for pipe in ready:
                    cell = running[pipe]
                    try:
                        news: CellNews = pipe.recv()
                    except (EOFError, OSError):  # the process has ended
                        cell.process.join()
                        del running[pipe]
                        free.append(cell.slot)
                        if not cell.ended:
                            code = cell.process.exitcode
                            end(cell.job, None, tell, lost=f"its process ended with code {code}")
                        continue
                    cell.ended = cell.ended or news.stage in ENDINGS
                    tell(news)
            interrupted = asked_to_stop()
        if interrupted:
            raise KeyboardInterrupt


def slots_of(
    *, processes: int | None, gpus: Sequence[str], gpus_per_cell: int, slots_per_gpu: int
) -> tuple[str | None, ...]:
    """The places that cells are computed in, side by side.

    Args:
        processes: the most of them; None takes a core each, or every GPU.
        gpus: ids of the GPUs of this machine; none for a study on its cores.
        gpus_per_cell: GPUs that train one cell together.
        slots_per_gpu: cells that share a GPU.

    Raises:
        SettingsError: for a cell that wants more GPUs than there are.
    """
    if not gpus:
        return (None,) * (processes or available_cores())
    if gpus_per_cell > len(gpus):
        raise SettingsError(
            f"--gpus-per-cell {gpus_per_cell}: this machine has {len(gpus)} ({', '.join(gpus)})"
        )
    # A group a cell; GPUs that are left over stay idle.
    starts = range(0, len(gpus) - gpus_per_cell + 1, gpus_per_cell)
    groups = [",".join(gpus[start : start + gpus_per_cell]) for start in starts]
    return tuple(groups * slots_per_gpu)[:processes]


def available_gpus(device: str) -> list[str]:
    """Ids of the GPUs that cells may take: none where the settings or the machine leave only cores."""
    import torch

    count = 0 if device == "cpu" else torch.cuda.device_count()
    visible = [name for name in os.environ.get(VISIBLE, "").split(",") if name]
    return visible[:count] if visible else [str(number) for number in range(count)]


@dataclass(slots=True, kw_only=True)
class _Running:
    """A process, its cell, its slot, and whether the cell said how it ended."""

    job: CellJob
    process: Any
    slot: str | None
    ended: bool = False


def _run_cell(
    environment: Mapping[str, str], job: CellJob, gpus: int, pipe: Connection[CellNews, None]
) -> None:
    """The entry of a process: its whole cell, out of its carrier, and word of it."""
    os.environ.clear()  # of the program, and not of the server that this was forked off
    os.environ.update(environment)

    def tell(news: CellNews) -> None:
        try:
            pipe.send(news)
        except OSError:  # the study was killed: its cells must not live on
            os._exit(1)

    with suppress(KeyboardInterrupt):  # which was told
        compute(job, tell, gpus=gpus)


@contextmanager
def _seeing(slot: str | None) -> Iterator[None]:
    """Which GPUs a process sees is read when it starts, so it is set around the start."""
    before = os.environ.get(VISIBLE)
    if slot is not None:
        os.environ[VISIBLE] = slot
    try:
        yield
    finally:
        if slot is not None:
            if before is None:
                del os.environ[VISIBLE]
            else:
                os.environ[VISIBLE] = before


@contextmanager
def _stopping(running: Mapping[Any, _Running]) -> Iterator[Callable[[], bool]]:
    """Ctrl-C or a polite kill of the study becomes one of each running cell, which then saves."""
    stopping = False

    def stop(number: int, frame: object) -> None:
        nonlocal stopping
        del frame
        stopping = True
        for cell in running.values():
            # A terminal's Ctrl-C has reached the cells already, and twice means at once.
            if number == signal.SIGTERM and cell.process.is_alive():
                cell.process.terminate()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for cell in running.values():
            cell.process.terminate()
