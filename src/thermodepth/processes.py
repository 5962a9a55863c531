"""Worker processes: spawned, one thread each, ended by Ctrl-C as their program is; a dead one is an error."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from thermodepth.errors import UserError

_THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def worker_processes(
    workers: int,
    *,
    prepare: Callable[..., None] | None = None,
    arguments: tuple[Any, ...] = (),
    kept: str = "",
) -> Iterator[ProcessPoolExecutor]:
    """An executor whose processes call `prepare(*arguments)` once before their work.

    `kept` ends the message when a worker dies: what becomes of the work that was done.

    Raises:
        UserError: when the system kills a worker.
    """
    # Spawn, not fork: the parent may hold threads. One thread each, or they fight for the cores.
    # An executor, not a Pool: when the system kills a worker, a Pool waits for ever.
    context = multiprocessing.get_context("spawn")
    with (
        _single_threaded_children(),
        ProcessPoolExecutor(
            workers, mp_context=context, initializer=_begin, initargs=(prepare, arguments)
        ) as executor,
    ):
        try:
            yield executor
        except BrokenProcessPool as error:
            raise UserError(
                "a worker process died: out of memory, or the calling script lacks "
                f"`if __name__ == '__main__':`{kept}"
            ) from error
        finally:
            executor.shutdown(wait=True, cancel_futures=True)


def _begin(prepare: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    # Ctrl-C reaches all processes; a worker has nothing to say about it. A program that a shell put
    # into the background ignores it, and so do its workers.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if prepare is not None:
        prepare(*arguments)


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
