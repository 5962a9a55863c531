"""Worker processes: spawned, one thread each; none outlives its program, and a dead one is an error.

Ctrl-C reaches them all. A polite kill reaches the program alone, which ends them; and should it be killed
without a chance to, they see it gone.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection
from multiprocessing.context import SpawnContext, SpawnProcess
from types import FrameType
from typing import Any

from thermodepth.errors import UserError
from thermodepth.extensions import Carrier

_THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def worker_processes(
    workers: int,
    *,
    prepare: Callable[..., None] | None = None,
    arguments: tuple[Any, ...] = (),
    consequence: str = "",
) -> Iterator[ProcessPoolExecutor]:
    """An executor whose processes call `prepare(*arguments)` once before their work.

    `consequence` ends the message when a worker dies: what becomes of the work that was done.

    Raises:
        UserError: when the system kills a worker.
        KeyboardInterrupt: for Ctrl-C, and for a polite kill of this process; the workers are ended first.
    """
    # Spawn, not fork: the parent may hold threads. One thread each, or they fight for the cores.
    # An executor, not a Pool: when the system kills a worker, a Pool waits for ever.
    earlier_children = set(multiprocessing.active_children())
    with (
        _interrupted_by_a_kill(),
        _single_threaded_children(),
        ProcessPoolExecutor(
            workers,
            mp_context=_Spawning(),
            initializer=_begin,
            initargs=(Carrier((prepare, arguments)),),
        ) as executor,
    ):
        try:
            yield executor
        except BrokenProcessPool as error:
            raise UserError(
                "a worker process died: out of memory, or the calling script lacks "
                f"`if __name__ == '__main__':`{consequence}"
            ) from error
        except KeyboardInterrupt:
            for worker in set(multiprocessing.active_children()) - earlier_children:
                worker.terminate()
            raise
        finally:
            executor.shutdown(wait=True, cancel_futures=True)


class _Worker(SpawnProcess):
    """Begins whole: one that is interrupted while it is told what to do would print how it broke."""

    starting = False  # of all, in this process
    stop_requested = False

    def start(self) -> None:
        _Worker.starting = True
        try:
            super().start()
        finally:
            _Worker.starting = False
        if _Worker.stop_requested:
            raise KeyboardInterrupt


class _Spawning(SpawnContext):
    Process = _Worker


def _begin(work: Any) -> None:
    """In a worker, where the carrier of `prepare` and its arguments arrives as these two."""
    prepare, arguments = work
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Ctrl-C reaches all processes; a worker has nothing to say about it. A program that a shell put
    # into the background ignores it, and so do its workers.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if prepare is not None:
        prepare(*arguments)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


@contextmanager
def _interrupted_by_a_kill() -> Iterator[None]:
    """A polite kill is an interruption, so that what is open is closed and nobody is left behind."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        _Worker.stop_requested = _Worker.starting
        if not _Worker.starting:
            raise KeyboardInterrupt

    # Elsewhere than in the main thread signals are somebody else's, and so is one that has a handler.
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    _Worker.stop_requested = False
    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def _single_threaded_children() -> Iterator[None]:
    """Thread counts are read when numpy is first imported, so they must be set before the spawn."""
    before = {name: os.environ.get(name) for name in _THREAD_SETTINGS}
    os.environ.update(dict.fromkeys(_THREAD_SETTINGS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
